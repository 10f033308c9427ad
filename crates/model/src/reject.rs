//! Why a change was not applied: an ordinary, replicated result.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kinds of resource, as refusals name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// An API.
    Api,
    /// An integration.
    Integration,
    /// A route.
    Route,
    /// A stage.
    Stage,
    /// A deployment.
    Deployment,
    /// A custom domain.
    DomainName,
    /// An API mapping.
    ApiMapping,
    /// Cross-origin rules.
    Cors,
    /// A region.
    Region,
    /// A POP.
    Pop,
    /// A node.
    Node,
    /// A private endpoint.
    PrivateEndpoint,
    /// A zone.
    Zone,
    /// A prior.
    Prior,
    /// An access key.
    AccessKey,
    /// A join token.
    JoinToken,
    /// A certificate.
    Certificate,
    /// The cluster itself.
    Cluster,
    /// A rollout.
    Rollout,
    /// A path of a REST API.
    Resource,
    /// Another part of a REST API, or something beside APIs.
    Part,
    /// An authorizer of an HTTP or WebSocket API.
    Authorizer,
    /// A model of a WebSocket API.
    Model,
    /// How clients of a WebSocket API are answered.
    RouteResponse,
    /// What is made of an answer of a WebSocket API's backend.
    IntegrationResponse,
    /// A way into a private network.
    VpcLink,
    /// A routing rule of a custom domain.
    RoutingRule,
    /// A join policy.
    JoinPolicy,
    /// A proof that somebody has joined by.
    JoinUse,
}

/// Why a change was not applied. The configuration is as before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Rejection {
    /// It names something that is not there.
    #[error("{kind} {id} does not exist")]
    NotFound {
        /// What kind of thing.
        kind: ResourceKind,
        /// Which one.
        id: String,
    },
    /// The same, said in a sentence.
    #[error("{0}")]
    Missing(String),
    /// It collides with what is there, or would break a reference.
    #[error("{reason}")]
    Conflict {
        /// What kind of thing stands in the way.
        kind: ResourceKind,
        /// A sentence for the caller.
        reason: String,
    },
    /// It makes no sense whatever is there.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, in the management API's spelling.
        field: String,
        /// A sentence for the caller.
        reason: String,
    },
    /// It would exceed a named limit.
    #[error("at most {max} of {kind} are allowed")]
    Limit {
        /// Of what.
        kind: ResourceKind,
        /// How many there may be.
        max: usize,
    },
}

impl Rejection {
    pub(crate) fn not_found(kind: ResourceKind, id: impl fmt::Display) -> Self {
        Self::NotFound {
            kind,
            id: id.to_string(),
        }
    }

    pub(crate) fn conflict(kind: ResourceKind, reason: impl Into<String>) -> Self {
        Self::Conflict {
            kind,
            reason: reason.into(),
        }
    }

    pub(crate) fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Api => "Api",
            Self::Integration => "Integration",
            Self::Route => "Route",
            Self::Stage => "Stage",
            Self::Deployment => "Deployment",
            Self::DomainName => "DomainName",
            Self::ApiMapping => "ApiMapping",
            Self::Cors => "CorsConfiguration",
            Self::Region => "Region",
            Self::Pop => "Pop",
            Self::Node => "Node",
            Self::PrivateEndpoint => "PrivateEndpoint",
            Self::Zone => "Zone",
            Self::Prior => "Prior",
            Self::AccessKey => "AccessKey",
            Self::JoinToken => "JoinToken",
            Self::Certificate => "Certificate",
            Self::Cluster => "Cluster",
            Self::Rollout => "Rollout",
            Self::Resource => "Resource",
            Self::Part => "Part",
            Self::Authorizer => "Authorizer",
            Self::Model => "Model",
            Self::RouteResponse => "RouteResponse",
            Self::IntegrationResponse => "IntegrationResponse",
            Self::VpcLink => "VpcLink",
            Self::RoutingRule => "RoutingRule",
            Self::JoinPolicy => "JoinPolicy",
            Self::JoinUse => "JoinUse",
        })
    }
}
