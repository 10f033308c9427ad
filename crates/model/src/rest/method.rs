//! Methods of a resource, what they call, and how answers are mapped back.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{aggregate::Aggregate, word::words};
use crate::{AuthorizerId, ValidatorId};

words! {
    /// HTTP methods that a REST API can have on a resource.
    Verb {
        /// Any method that the resource has no own entry for.
        Any = "ANY",
        /// `DELETE`
        Delete = "DELETE",
        /// `GET`
        Get = "GET",
        /// `HEAD`
        Head = "HEAD",
        /// `OPTIONS`
        Options = "OPTIONS",
        /// `PATCH`
        Patch = "PATCH",
        /// `POST`
        Post = "POST",
        /// `PUT`
        Put = "PUT",
    }
}

words! {
    /// Who may call a method.
    AuthorizationType {
        /// Anybody.
        None = "NONE",
        /// Signed requests.
        Iam = "AWS_IAM",
        /// Whoever a Lambda authorizer lets pass.
        Custom = "CUSTOM",
        /// Bearers of a user pool's token.
        Cognito = "COGNITO_USER_POOLS",
        /// Bearers of a token of an OpenID provider.
        Jwt = "JWT",
    }
}

words! {
    /// Kinds of integration.
    IntegrationType {
        /// An HTTP backend, with mappings.
        Http = "HTTP",
        /// An HTTP backend, passed through.
        HttpProxy = "HTTP_PROXY",
        /// No backend: answers from templates.
        Mock = "MOCK",
        /// An action of an AWS service, with mappings.
        Aws = "AWS",
        /// A function, passed through.
        AwsProxy = "AWS_PROXY",
    }
}

words! {
    /// How a backend is reached.
    ConnectionType {
        /// By its public address.
        Internet = "INTERNET",
        /// Through a VPC link.
        VpcLink = "VPC_LINK",
    }
}

words! {
    /// What happens to bodies that have no template.
    Passthrough {
        /// Passed on unless a template matches.
        WhenNoMatch = "WHEN_NO_MATCH",
        /// Passed on only if there are no templates at all.
        WhenNoTemplates = "WHEN_NO_TEMPLATES",
        /// Refused with 415.
        Never = "NEVER",
    }
}

words! {
    /// Conversions of bodies.
    ContentHandling {
        /// From base64 text.
        ToBinary = "CONVERT_TO_BINARY",
        /// To base64 text.
        ToText = "CONVERT_TO_TEXT",
    }
}

words! {
    /// How answers reach the client.
    ResponseTransfer {
        /// As a whole.
        Buffered = "BUFFERED",
        /// As they come.
        Stream = "STREAM",
    }
}

/// A method of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// The method request.
    pub settings: MethodSettings,
    /// Method responses by status.
    pub responses: BTreeMap<u16, MethodResponse>,
    /// What it calls.
    pub integration: Option<Integration>,
    /// What it calls where it has no integration: several backends for one answer.
    pub aggregate: Option<Arc<Aggregate>>,
}

impl Method {
    /// Whether it calls anything, so that it can be deployed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.integration.is_some() || self.aggregate.is_some()
    }
}

/// The method request: what a client must send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodSettings {
    /// Who may call it.
    pub authorization: AuthorizationType,
    /// Must be there for `Custom`, `Cognito` and `Jwt`.
    pub authorizer: Option<AuthorizerId>,
    /// Scopes of which a token must have one.
    pub scopes: Vec<String>,
    /// Only with a key of a usage plan.
    pub api_key_required: bool,
    /// Owner's name of the operation.
    pub operation_name: Option<String>,
    /// Which parts of a request are checked.
    pub validator: Option<ValidatorId>,
    /// `method.request.LOCATION.NAME` to whether it is required.
    pub request_parameters: BTreeMap<String, bool>,
    /// Media type to the name of a model.
    pub request_models: BTreeMap<String, String>,
}

/// What a client may get with one status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodResponse {
    /// `method.response.header.NAME` to whether it is required.
    pub parameters: BTreeMap<String, bool>,
    /// Media type to the name of a model.
    pub models: BTreeMap<String, String>,
}

/// What a method calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// The integration request.
    pub settings: IntegrationSettings,
    /// Integration responses by the status that the client gets.
    pub responses: BTreeMap<u16, IntegrationResponse>,
}

/// The integration request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationSettings {
    /// The kind.
    pub kind: IntegrationType,
    /// The method used towards the backend; none for `Mock`.
    pub http_method: Option<String>,
    /// The backend: a URL or an ARN, may hold `{name}` and `${stageVariables.name}`.
    pub uri: Option<String>,
    /// How the backend is reached, if it was said.
    pub connection_type: Option<ConnectionType>,
    /// The VPC link, or a stage variable that names it.
    pub connection_id: Option<String>,
    /// The listener behind the VPC link.
    pub target: Option<String>,
    /// A role, or the caller's own credentials.
    pub credentials: Option<String>,
    /// `integration.request.LOCATION.NAME` to a mapping expression.
    pub request_parameters: BTreeMap<String, String>,
    /// Media type to a template.
    pub request_templates: BTreeMap<String, String>,
    /// What happens to bodies that have no template.
    pub passthrough: Passthrough,
    /// Conversion of the request's body.
    pub content_handling: Option<ContentHandling>,
    /// How long the backend may take, milliseconds.
    pub timeout_ms: u32,
    /// Methods with the same one share cached answers.
    pub cache_namespace: String,
    /// Parameters that are part of cache keys.
    pub cache_key_parameters: Vec<String>,
    /// Whether the backend's certificate is not checked, if it was said.
    pub insecure_skip_verification: Option<bool>,
    /// How answers reach the client.
    pub response_transfer: ResponseTransfer,
}

/// How one answer of the backend becomes the client's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationResponse {
    /// A regular expression for the backend's status or error; none is the default response.
    pub selection_pattern: Option<String>,
    /// `method.response.header.NAME` to a mapping expression.
    pub parameters: BTreeMap<String, String>,
    /// Media type to a template.
    pub templates: BTreeMap<String, String>,
    /// Conversion of the answer's body.
    pub content_handling: Option<ContentHandling>,
}

impl AuthorizationType {
    /// Whether an authorizer decides.
    #[must_use]
    pub const fn needs_authorizer(self) -> bool {
        match self {
            Self::Custom | Self::Cognito | Self::Jwt => true,
            Self::None | Self::Iam => false,
        }
    }
}
