//! What methods refer to, and what describes an API: models, validators, authorizers, gateway
//! responses, documentation.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::word::words;
use crate::{AuthorizerId, DocumentationPartId, ModelId, ValidatorId};

/// The shape of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Within its API.
    pub id: ModelId,
    /// Unique within its API; what methods refer to.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// JSON schema, a JSON text.
    pub schema: Option<String>,
    /// Media type.
    pub content_type: String,
}

/// Which parts of a request are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestValidator {
    /// Within its API.
    pub id: ValidatorId,
    /// Owner's name.
    pub name: Option<String>,
    /// The body against its model.
    pub body: bool,
    /// That required parameters are there.
    pub parameters: bool,
}

words! {
    /// Kinds of authorizer.
    AuthorizerType {
        /// A function that gets a token.
        Token = "TOKEN",
        /// A function that gets the request.
        Request = "REQUEST",
        /// A user pool's tokens are checked.
        Cognito = "COGNITO_USER_POOLS",
        /// An OpenID provider's tokens are checked.
        Jwt = "JWT",
    }
}

/// Decides who may call a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorizer {
    /// Within its API.
    pub id: AuthorizerId,
    /// Unique within its API.
    pub name: String,
    /// The kind.
    pub kind: AuthorizerType,
    /// User pools.
    pub provider_arns: Vec<String>,
    /// Free text, for OpenAPI files.
    pub auth_type: Option<String>,
    /// The function.
    pub uri: Option<String>,
    /// A role to call the function with.
    pub credentials: Option<String>,
    /// Where in the request the identity stands.
    pub identity_source: Option<String>,
    /// A regular expression that tokens must match.
    pub identity_validation: Option<String>,
    /// Seconds for which a decision is kept; 300 unless said, 0 for never.
    pub ttl_s: Option<u32>,
    /// Which tokens are accepted.
    pub jwt: Option<JwtConfiguration>,
}

/// Which tokens are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwtConfiguration {
    /// Whose tokens.
    pub issuers: Vec<JwtIssuer>,
    /// Signature algorithms for keys that name none.
    pub default_algorithms: Vec<String>,
}

/// Whose tokens are accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwtIssuer {
    /// The claim `iss`.
    pub issuer: Option<String>,
    /// One of them must be in `aud` or be `client_id`.
    pub audiences: Vec<String>,
    /// Further claims.
    pub claims: Vec<JwtClaim>,
    /// Where the keys are, unless discovered.
    pub jwks_uri: Option<String>,
}

/// A claim that a token must or may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwtClaim {
    /// Its name.
    pub name: String,
    /// Its form, by Amazon's name.
    pub format: String,
    /// Whether a token without it is refused, if it was said.
    pub required: Option<bool>,
    /// Values that are accepted; none for any.
    pub expected: Vec<String>,
}

words! {
    /// What the gateway itself has to say to a client.
    GatewayResponseType {
        /// The authorizer or a policy refused.
        AccessDenied = "ACCESS_DENIED",
        /// The API is broken.
        ApiConfigurationError = "API_CONFIGURATION_ERROR",
        /// The authorizer cannot be called.
        AuthorizerConfigurationError = "AUTHORIZER_CONFIGURATION_ERROR",
        /// The authorizer failed.
        AuthorizerFailure = "AUTHORIZER_FAILURE",
        /// The body does not fit its model.
        BadRequestBody = "BAD_REQUEST_BODY",
        /// A required parameter is missing.
        BadRequestParameters = "BAD_REQUEST_PARAMETERS",
        /// Any 4xx without an own entry.
        Default4xx = "DEFAULT_4XX",
        /// Any 5xx without an own entry.
        Default5xx = "DEFAULT_5XX",
        /// The token has expired.
        ExpiredToken = "EXPIRED_TOKEN",
        /// The backend failed.
        IntegrationFailure = "INTEGRATION_FAILURE",
        /// The backend took too long.
        IntegrationTimeout = "INTEGRATION_TIMEOUT",
        /// The key is not good for the method.
        InvalidApiKey = "INVALID_API_KEY",
        /// The signature is wrong.
        InvalidSignature = "INVALID_SIGNATURE",
        /// No such method.
        MissingAuthenticationToken = "MISSING_AUTHENTICATION_TOKEN",
        /// The usage plan's quota is used up.
        QuotaExceeded = "QUOTA_EXCEEDED",
        /// The body is too large.
        RequestTooLarge = "REQUEST_TOO_LARGE",
        /// The caller may call, but there is no such resource.
        ResourceNotFound = "RESOURCE_NOT_FOUND",
        /// Too many requests.
        Throttled = "THROTTLED",
        /// The caller has not shown who it is.
        Unauthorized = "UNAUTHORIZED",
        /// No template for the body's media type.
        UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
        /// A firewall refused.
        WafFiltered = "WAF_FILTERED",
    }
}

/// What a client gets instead of the gateway's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayResponse {
    /// Another status than the usual one.
    pub status: Option<u16>,
    /// `gatewayresponse.LOCATION.NAME` to a mapping expression.
    pub parameters: BTreeMap<String, String>,
    /// Media type to a template.
    pub templates: BTreeMap<String, String>,
}

words! {
    /// What a documentation part describes.
    DocumentationKind {
        /// The API.
        Api = "API",
        /// An authorizer.
        Authorizer = "AUTHORIZER",
        /// A model.
        Model = "MODEL",
        /// A resource.
        Resource = "RESOURCE",
        /// A method.
        Method = "METHOD",
        /// A variable of a path.
        PathParameter = "PATH_PARAMETER",
        /// A query parameter.
        QueryParameter = "QUERY_PARAMETER",
        /// A header of a request.
        RequestHeader = "REQUEST_HEADER",
        /// The body of a request.
        RequestBody = "REQUEST_BODY",
        /// An answer.
        Response = "RESPONSE",
        /// A header of an answer.
        ResponseHeader = "RESPONSE_HEADER",
        /// The body of an answer.
        ResponseBody = "RESPONSE_BODY",
    }
}

/// What a documentation part describes; one that leaves a field out describes all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentationLocation {
    /// The kind of thing.
    pub kind: DocumentationKind,
    /// A resource's path.
    pub path: Option<String>,
    /// An HTTP method, or `*`.
    pub method: Option<String>,
    /// A status, or `*`.
    pub status: Option<String>,
    /// The thing's name.
    pub name: Option<String>,
}

/// A piece of documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentationPart {
    /// Within its API.
    pub id: DocumentationPartId,
    /// What it describes; unique within its API.
    pub location: DocumentationLocation,
    /// A JSON text.
    pub properties: String,
}

/// A frozen copy of the documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentationVersion {
    /// Its name.
    pub version: String,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Free text.
    pub description: Option<String>,
    /// The copy.
    pub parts: BTreeMap<DocumentationPartId, Arc<DocumentationPart>>,
}

impl GatewayResponseType {
    /// The status that clients get unless the API says another; the two defaults have none.
    #[must_use]
    pub const fn usual_status(self) -> Option<u16> {
        Some(match self {
            Self::Default4xx | Self::Default5xx => return None,
            Self::BadRequestBody | Self::BadRequestParameters => 400,
            Self::Unauthorized => 401,
            Self::AccessDenied
            | Self::ExpiredToken
            | Self::InvalidApiKey
            | Self::InvalidSignature
            | Self::MissingAuthenticationToken
            | Self::WafFiltered => 403,
            Self::ResourceNotFound => 404,
            Self::RequestTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::QuotaExceeded | Self::Throttled => 429,
            Self::ApiConfigurationError
            | Self::AuthorizerConfigurationError
            | Self::AuthorizerFailure => 500,
            Self::IntegrationFailure | Self::IntegrationTimeout => 504,
        })
    }
}
