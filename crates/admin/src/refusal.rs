//! Why a request is not carried out, and the one place where that becomes an answer.
//!
//! Names, statuses and texts are those of API Gateway where it has such a case.

use http::StatusCode;
use lang::sigv4;
use ledger::{MemberError, ProposeError};
use model::{Rejection, ResourceKind, codec::CodecError};
use serde::Serialize;
use serve::BodyError;

use crate::answer::Answer;

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Who asks is not known for sure.
    Unsigned(sigv4::Refusal),
    /// The caller's policy does not allow it.
    AccessDenied(String),
    /// The request makes no sense.
    BadRequest(String),
    /// A field is not of the modelled form.
    Validation(String),
    /// A field has another JSON type, or the body is no JSON.
    Serialization(String),
    /// Amazon has it, this version has not.
    UnsupportedField(String),
    /// The same for a whole operation.
    UnsupportedOperation(String),
    /// No operation has this method and path.
    UnknownOperation(String),
    /// It names something that is not there.
    NotFound { kind: ResourceKind, message: String },
    /// The same in v1, which does not name kinds.
    Missing(String),
    /// It collides with something that is there.
    Conflict(String),
    /// It would exceed a limit of the configuration.
    Limit { kind: ResourceKind, message: String },
    /// Too much is going on at the moment.
    Busy(&'static str),
    /// The request's body could not be read.
    Body(BodyError),
    /// The change is larger than the ledger takes.
    ChangeTooLarge(String),
    /// Nothing can be decided at the moment.
    Unavailable(String),
    /// A mistake of this program.
    Internal(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorShape<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_type: Option<String>,
}

/// Versions of the management API, which name some errors differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// REST APIs.
    One,
    /// HTTP APIs, and the cluster's own operations.
    Two,
}

impl Version {
    /// The version that a path belongs to.
    pub(crate) fn of(path: &str) -> Self {
        let two = ["/v2/", "/edgeway/"];
        if two.iter().any(|prefix| path.starts_with(prefix)) {
            Self::Two
        } else {
            Self::One
        }
    }
}

/// Reason of those who are known, and may not.
pub(crate) const ACCESS_DENIED: &str = "access_denied";
/// Seconds after which a client may try again.
const RETRY_AFTER_S: &str = "1";

impl Refusal {
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::BadRequest(message.into())
    }

    /// A word that is none of those allowed, in the words of Amazon's framework.
    pub(crate) fn not_in_set(value: &str, place: &str, words: &[&str]) -> Self {
        Self::Validation(format!(
            "1 validation error detected: Value '{value}' at '{place}' failed to satisfy \
             constraint: Member must satisfy enum value set: [{}]",
            words.join(", ")
        ))
    }

    /// `what` exists at Amazon but not here.
    pub(crate) fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::UnsupportedField(format!(
            "{what} is not supported by this version of Edgeway"
        ))
    }

    /// Something is not there, in Amazon's words where there are any.
    pub(crate) fn not_found(kind: ResourceKind, id: &str) -> Self {
        let message = match kind {
            ResourceKind::Api => format!("Invalid API identifier specified {id}"),
            ResourceKind::Integration
            | ResourceKind::Route
            | ResourceKind::Deployment
            | ResourceKind::Authorizer
            | ResourceKind::Model
            | ResourceKind::RouteResponse
            | ResourceKind::IntegrationResponse
            | ResourceKind::VpcLink
            | ResourceKind::RoutingRule
            | ResourceKind::JoinPolicy
            | ResourceKind::JoinUse => {
                format!("Invalid {kind} identifier specified {id}")
            }
            ResourceKind::Stage => "Invalid stage identifier specified".to_owned(),
            ResourceKind::DomainName => {
                "The domain name resource specified in the request was not found.".to_owned()
            }
            ResourceKind::ApiMapping => {
                "The api mapping resource specified in the request was not found.".to_owned()
            }
            ResourceKind::Cors
            | ResourceKind::Region
            | ResourceKind::Pop
            | ResourceKind::Node
            | ResourceKind::PrivateEndpoint
            | ResourceKind::Zone
            | ResourceKind::Prior
            | ResourceKind::AccessKey
            | ResourceKind::JoinToken
            | ResourceKind::Certificate
            | ResourceKind::Cluster
            | ResourceKind::Rollout
            | ResourceKind::Resource
            | ResourceKind::Part => format!("{kind} {id} does not exist"),
        };
        Self::NotFound { kind, message }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Unsigned(_) | Self::AccessDenied(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_)
            | Self::Validation(_)
            | Self::Serialization(_)
            | Self::UnsupportedField(_) => StatusCode::BAD_REQUEST,
            Self::UnsupportedOperation(_) => StatusCode::NOT_IMPLEMENTED,
            Self::UnknownOperation(_) | Self::NotFound { .. } | Self::Missing(_) => {
                StatusCode::NOT_FOUND
            }
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Limit { .. } | Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(error) => error.status(),
            Self::ChangeTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The name of the exception.
    const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned(refusal) => refusal.code(),
            Self::AccessDenied(_) => "AccessDeniedException",
            Self::BadRequest(_) | Self::UnsupportedField(_) => "BadRequestException",
            Self::Validation(_) => "ValidationException",
            Self::Serialization(_) => "SerializationException",
            Self::UnsupportedOperation(_) => "NotImplementedException",
            Self::UnknownOperation(_) => "UnknownOperationException",
            Self::NotFound { .. } | Self::Missing(_) => "NotFoundException",
            Self::Conflict(_) => "ConflictException",
            Self::Limit { .. } | Self::Busy(_) => "TooManyRequestsException",
            Self::Body(BodyError::TooLarge) | Self::ChangeTooLarge(_) => {
                "RequestEntityTooLargeException"
            }
            Self::Body(_) => "BadRequestException",
            Self::Unavailable(_) => "ServiceUnavailableException",
            Self::Internal(_) => "InternalServerErrorException",
        }
    }

    const fn code_in(&self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Limit { .. }, Version::One) => "LimitExceededException",
            _ => self.code(),
        }
    }

    /// Its name in metrics and logs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Unsigned(refusal) => refusal.reason(),
            Self::AccessDenied(_) => ACCESS_DENIED,
            Self::BadRequest(_) => "bad_request",
            Self::Validation(_) => "validation",
            Self::Serialization(_) => "serialization",
            Self::UnsupportedField(_) => "unsupported_field",
            Self::UnsupportedOperation(_) => "unsupported_operation",
            Self::UnknownOperation(_) => "unknown_operation",
            Self::NotFound { .. } | Self::Missing(_) => "not_found",
            Self::Conflict(_) => "conflict",
            Self::Limit { .. } => "limit",
            Self::Busy(_) => "busy",
            Self::Body(error) => error.reason(),
            Self::ChangeTooLarge(_) => "change_too_large",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unsigned(refusal) => refusal.to_string(),
            Self::AccessDenied(text)
            | Self::BadRequest(text)
            | Self::Validation(text)
            | Self::Serialization(text)
            | Self::UnsupportedField(text)
            | Self::UnsupportedOperation(text)
            | Self::UnknownOperation(text)
            | Self::Conflict(text)
            | Self::Missing(text)
            | Self::ChangeTooLarge(text)
            | Self::Unavailable(text)
            | Self::Internal(text) => text.clone(),
            Self::NotFound { message, .. } | Self::Limit { message, .. } => message.clone(),
            Self::Busy(what) => format!("too many {what} at the same time; try again"),
            Self::Body(error) => error.to_string(),
        }
    }

    /// The answer that the caller gets.
    pub(crate) fn answer(&self, version: Version) -> Answer {
        let message = self.message();
        let (resource_type, limit_type) = match self {
            _ if version == Version::One => (None, None),
            Self::NotFound { kind, .. } => (Some(kind.to_string()), None),
            Self::Limit { kind, .. } => (None, Some(kind.to_string())),
            Self::Busy(what) => (None, Some((*what).to_owned())),
            _ => (None, None),
        };
        let shape = ErrorShape {
            message: &message,
            resource_type,
            limit_type,
        };
        let answer = Answer::json(self.status(), &shape)
            .unwrap_or_else(|_| Answer::empty(self.status()))
            .with("x-amzn-errortype", self.code_in(version));
        match self {
            Self::Unavailable(_) | Self::Busy(_) => answer.with("retry-after", RETRY_AFTER_S),
            _ => answer,
        }
    }
}

impl From<sigv4::Refusal> for Refusal {
    fn from(refusal: sigv4::Refusal) -> Self {
        Self::Unsigned(refusal)
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::NotFound { kind, id } => Self::not_found(kind, &id),
            Rejection::Missing(text) => Self::Missing(text),
            Rejection::Conflict { reason, .. } => Self::Conflict(reason),
            // The reasons are whole sentences, most of them Amazon's.
            Rejection::Invalid { reason, .. } => Self::BadRequest(reason),
            Rejection::Limit { kind, max } => {
                let message = format!("Maximum number of {kind} has been reached: {max}");
                Self::Limit { kind, message }
            }
        }
    }
}

impl From<ProposeError> for Refusal {
    fn from(error: ProposeError) -> Self {
        let text = match &error {
            // The sentence that says what to do is the cause's.
            ProposeError::Encode(cause @ CodecError::Needs { .. }) => {
                format!("the change was not made: {cause}")
            }
            error => format!("the change was not made: {error}"),
        };
        match error {
            ProposeError::NoLeader
            | ProposeError::Undecided
            | ProposeError::Overloaded
            | ProposeError::NotUnderstood
            | ProposeError::Stopped => Self::Unavailable(text),
            ProposeError::TooLarge { .. } => Self::ChangeTooLarge(text),
            ProposeError::Encode(CodecError::Needs { .. }) => Self::Conflict(text),
            ProposeError::Encode(_) => Self::Internal(text),
        }
    }
}

impl From<MemberError> for Refusal {
    fn from(error: MemberError) -> Self {
        let message = format!("the membership was not changed: {error}");
        match error {
            MemberError::Unknown(_) => Self::NotFound {
                kind: ResourceKind::Node,
                message,
            },
            MemberError::LastVoter
            | MemberError::Minority { .. }
            | MemberError::Behind(_)
            | MemberError::Busy => Self::Conflict(message),
            MemberError::NoLeader | MemberError::Undecided | MemberError::Stopped => {
                Self::Unavailable(message)
            }
        }
    }
}
