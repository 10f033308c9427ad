//! Identifiers: cheap to clone, ordered, and distinct types so that one cannot stand for another.
//!
//! Formats follow what API Gateway hands out (10 lower-case alphanumerics for an API and so on),
//! but the types only carry the text: whoever creates a resource chooses it before proposing.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Defines text identifiers that share one set of conversions.
macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of the identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        // Lets ordered maps be searched by `&str` without building an identifier.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:?}", &*self.0)
            }
        }
    )+};
}

text_ids! {
    /// An API of any kind: 10 lower-case alphanumerics, one name space in the whole cluster.
    ApiId,
    /// An integration within an API.
    IntegrationId,
    /// A route within an API.
    RouteId,
    /// A deployment within an API.
    DeploymentId,
    /// A stage within an API; `$default` has no path segment of its own.
    StageName,
    /// A custom domain, by its name in lower case; may start with `*.`.
    DomainId,
    /// An API mapping within a custom domain.
    MappingId,
    /// A region, such as `us-east-1`.
    RegionName,
    /// A point of presence, such as `pop-1`.
    PopName,
    /// Connectors that stand for each other, such as `office`; they may have one name.
    ConnectorName,
    /// A private endpoint, such as `vpce-0123456789abcdef0`.
    PrivateEndpointId,
    /// The public half of an access key, such as `AKIA...`.
    AccessKeyId,
    /// The public half of a join token.
    TokenId,
    /// A path of a REST API.
    ResourceId,
    /// A model of a REST API; methods refer to models by name.
    ModelId,
    /// A request validator of a REST API.
    ValidatorId,
    /// An authorizer within an API.
    AuthorizerId,
    /// A documentation part of a REST API.
    DocumentationPartId,
    /// A key that clients of APIs send, by its public half.
    ApiKeyId,
    /// A usage plan.
    UsagePlanId,
    /// A certificate that the gateway shows to backends.
    ClientCertificateId,
    /// A VPC link of either version.
    VpcLinkId,
    /// How clients of a WebSocket API's route are answered.
    RouteResponseId,
    /// What is made of an answer of a WebSocket API's integration.
    IntegrationResponseId,
    /// A routing rule within a custom domain.
    RoutingRuleId,
    /// A join policy, such as `aws-pops`.
    JoinPolicyName,
    /// A certificate: the part after `certificate/` of its ARN.
    CertificateId,
}

/// A Raft member or any other node; never reused, never 0.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct NodeId(pub u64);

/// The number of accepted changes since the cluster began; it only rises.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// Chosen at random by the proposer; makes a change that is sent twice apply once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ChangeId(pub u128);

impl fmt::Display for NodeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
