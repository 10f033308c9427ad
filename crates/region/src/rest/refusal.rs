//! What the gateway itself answers on a REST API: one of Amazon's gateway responses, with the
//! words and the status that clients get unless the API's owner has others
//! (docs/aws-behaviour.md, gateway responses).

use std::borrow::Cow;

use http::StatusCode;
use model::rest::GatewayResponseType as Kind;

use crate::{
    fault::{Blame, Fault, Retry},
    upstream::UpstreamError,
};

/// Why a request is not answered by its integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    /// Unless the owner has set another.
    pub(crate) status: StatusCode,
    /// `$context.error.message`; none is JSON's null.
    pub(crate) message: Option<Cow<'static, str>>,
    /// `x-amzn-ErrorType`.
    pub(crate) error_type: &'static str,
    /// The default body's key is `Message`, as for refusals by policies.
    pub(crate) capital: bool,
    /// Its name in metrics and logs.
    pub(crate) reason: &'static str,
    pub(crate) blame: Blame,
    pub(crate) retry: Retry,
    /// More for the log, never for the client.
    pub(crate) detail: Cow<'static, str>,
    /// `$context.error.validationErrorString`.
    pub(crate) validation: Option<String>,
    /// Headers that only this refusal has.
    pub(crate) headers: Vec<(http::HeaderName, http::HeaderValue)>,
}

impl Refusal {
    /// One with the usual status, words and error type of its kind.
    pub(crate) fn of(kind: Kind, reason: &'static str) -> Self {
        let status = kind.usual_status().unwrap_or(match kind {
            Kind::Default4xx => 400,
            _ => 500,
        });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (message, error_type) = usual(kind);
        let blame = if status.is_client_error() {
            Blame::Client
        } else {
            Blame::Us
        };
        Self {
            kind,
            status,
            message: message.map(Cow::Borrowed),
            error_type,
            capital: false,
            reason,
            blame,
            retry: Retry::Safe,
            detail: Cow::Borrowed(""),
            validation: None,
            headers: Vec::new(),
        }
    }

    /// What the API's owner has to mend; `detail` says what.
    pub(crate) fn broken(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Kind::ApiConfigurationError, "api_configuration").saying(detail)
    }

    /// A request that cannot be understood.
    pub(crate) fn bad_request(message: &'static str, reason: &'static str) -> Self {
        Self {
            message: Some(Cow::Borrowed(message)),
            ..Self::of(Kind::Default4xx, reason)
        }
    }

    /// A path whose ARN no policy can be asked about.
    pub(crate) fn uri_too_long() -> Self {
        Self {
            status: StatusCode::URI_TOO_LONG,
            message: Some(Cow::Borrowed("Request URI Too Long")),
            ..Self::of(Kind::Default4xx, "uri_too_long")
        }
    }

    /// A body beyond the limit.
    pub(crate) fn too_large() -> Self {
        Self::of(Kind::RequestTooLarge, "body_too_large")
    }

    /// The backend gave no answer.
    pub(crate) fn upstream(error: UpstreamError) -> Self {
        let (kind, message) = match error {
            UpstreamError::TimedOut => (Kind::IntegrationTimeout, "Endpoint request timed out"),
            UpstreamError::Denied | UpstreamError::NotOffered => {
                (Kind::ApiConfigurationError, "Internal server error")
            }
            _ => (
                Kind::IntegrationFailure,
                "Network error communicating with endpoint",
            ),
        };
        let retry = if error.is_unsent() {
            Retry::Safe
        } else {
            Retry::Unsafe
        };
        Self {
            message: Some(Cow::Borrowed(message)),
            blame: match error {
                UpstreamError::Denied
                | UpstreamError::Busy
                | UpstreamError::NoConnector
                | UpstreamError::NotOffered => Blame::Us,
                _ => Blame::Upstream,
            },
            retry,
            ..Self::of(kind, error.reason())
        }
    }

    /// The same with other words for the client.
    pub(crate) fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same with more for the log.
    pub(crate) fn saying(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same with somebody else to blame.
    pub(crate) const fn blaming(mut self, blame: Blame) -> Self {
        self.blame = blame;
        self
    }

    /// Whether the kind is one of the 4xx class, which decides between the two defaults.
    pub(crate) fn is_client_error(&self) -> bool {
        let usual = self.kind.usual_status();
        usual.unwrap_or(self.status.as_u16()) < 500
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Rest(Box::new(refusal))
    }
}

/// The words and the error type of each kind (Amazon's table of gateway responses).
const fn usual(kind: Kind) -> (Option<&'static str>, &'static str) {
    const INTERNAL: &str = "InternalServerErrorException";
    const ERROR: Option<&str> = Some("Internal server error");
    match kind {
        Kind::AccessDenied => (
            Some("User is not authorized to access this resource"),
            "AccessDeniedException",
        ),
        Kind::ApiConfigurationError | Kind::IntegrationFailure | Kind::Default5xx => {
            (ERROR, INTERNAL)
        }
        Kind::AuthorizerConfigurationError => (None, "AuthorizerConfigurationException"),
        Kind::AuthorizerFailure => (None, "AuthorizerFailureException"),
        Kind::BadRequestBody => (Some("Invalid request body"), "BadRequestException"),
        Kind::BadRequestParameters => (
            Some("Missing required request parameters"),
            "BadRequestException",
        ),
        Kind::Default4xx => (Some("Bad Request"), "BadRequestException"),
        Kind::ExpiredToken => (
            Some("The security token included in the request is expired"),
            "ExpiredTokenException",
        ),
        Kind::IntegrationTimeout => (Some("Endpoint request timed out"), INTERNAL),
        Kind::InvalidApiKey | Kind::WafFiltered => (Some("Forbidden"), "ForbiddenException"),
        Kind::InvalidSignature => (
            Some("The request signature we calculated does not match the signature you provided."),
            "InvalidSignatureException",
        ),
        Kind::MissingAuthenticationToken => (
            Some("Missing Authentication Token"),
            "MissingAuthenticationTokenException",
        ),
        Kind::QuotaExceeded => (Some("Limit Exceeded"), "LimitExceededException"),
        Kind::RequestTooLarge => (Some("Request Too Long"), "RequestTooLargeException"),
        Kind::ResourceNotFound => (Some("Not Found"), "NotFoundException"),
        Kind::Throttled => (Some("Too Many Requests"), "TooManyRequestsException"),
        Kind::Unauthorized => (Some("Unauthorized"), "UnauthorizedException"),
        Kind::UnsupportedMediaType => (Some("Unsupported Media Type"), "BadRequestException"),
    }
}
