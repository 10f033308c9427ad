//! The one place where a POP makes an error answer.
//!
//! Bodies and headers are those of API Gateway's HTTP APIs, so that clients cannot tell which part
//! of the gateway refused.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serve::{Body, BodyError, Response};

/// The header with the request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Why a POP answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// There is no configuration yet.
    NotReady,
    /// The host is not one of an API or domain.
    UnknownHost,
    /// The API's default endpoint is turned off.
    DisabledEndpoint,
    /// A method that a gateway does not forward (CONNECT, TRACE).
    Method,
    /// The client would only take a stored answer, and there is none.
    NotCached,
    /// No region answered.
    NoRegion,
    /// Every region that is left has as many calls as it bears.
    Overloaded,
    /// No region answered in time.
    Timeout,
    /// The request's head is too large to be forwarded.
    HeadTooLarge,
    /// What a region answered cannot be understood.
    BadAnswer,
    /// The client's body cannot be read.
    Body(BodyError),
}

impl Fault {
    pub(crate) const ALL: [Self; 14] = [
        Self::NotReady,
        Self::UnknownHost,
        Self::DisabledEndpoint,
        Self::Method,
        Self::NotCached,
        Self::NoRegion,
        Self::Overloaded,
        Self::Timeout,
        Self::HeadTooLarge,
        Self::BadAnswer,
        Self::Body(BodyError::Malformed),
        Self::Body(BodyError::TooLarge),
        Self::Body(BodyError::TimedOut),
        Self::Body(BodyError::Aborted),
    ];

    /// The label in metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::UnknownHost => "unknown_host",
            Self::DisabledEndpoint => "disabled_endpoint",
            Self::Method => "method",
            Self::NotCached => "not_cached",
            Self::NoRegion => "no_region",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::HeadTooLarge => "head_too_large",
            Self::BadAnswer => "bad_answer",
            Self::Body(error) => error.reason(),
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::UnknownHost => StatusCode::FORBIDDEN,
            Self::DisabledEndpoint => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            // RFC 9111, section 5.2.1.7.
            Self::NotCached | Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NotReady | Self::NoRegion | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BadAnswer => StatusCode::BAD_GATEWAY,
            Self::Body(error) => error.status(),
        }
    }

    const fn body(self) -> &'static str {
        match self {
            Self::UnknownHost => r#"{"message":"Forbidden"}"#,
            Self::DisabledEndpoint => r#"{"message":"Not Found"}"#,
            Self::Method => r#"{"message":"Method Not Allowed"}"#,
            Self::NotCached | Self::Timeout => r#"{"message":"Gateway Timeout"}"#,
            Self::NotReady | Self::NoRegion | Self::Overloaded => {
                r#"{"message":"Service Unavailable"}"#
            }
            Self::HeadTooLarge => r#"{"message":"Request Header Fields Too Large"}"#,
            Self::BadAnswer => r#"{"message":"Bad Gateway"}"#,
            Self::Body(BodyError::TooLarge) => r#"{"message":"Request Entity Too Large"}"#,
            Self::Body(BodyError::TimedOut) => r#"{"message":"Request Timeout"}"#,
            Self::Body(BodyError::Malformed | BodyError::Aborted) => r#"{"message":"Bad Request"}"#,
        }
    }
}

/// Turns a fault into bytes.
pub(crate) fn answer(fault: Fault, request_id: &str) -> Response {
    let mut response = Response::new(Body::full(fault.body().as_bytes()));
    *response.status_mut() = fault.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REQUEST_ID, id_value(request_id));
    match fault {
        Fault::UnknownHost => {
            headers.insert(ERROR_TYPE, HeaderValue::from_static("ForbiddenException"));
        }
        Fault::NotReady | Fault::NoRegion => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Fault::Overloaded => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(spread(request_id)));
        }
        Fault::DisabledEndpoint
        | Fault::Method
        | Fault::NotCached
        | Fault::Timeout
        | Fault::HeadTooLarge
        | Fault::BadAnswer
        | Fault::Body(_) => {}
    }
    response
}

/// Seconds after which to come again: not the same for all, lest they all come at once.
fn spread(request_id: &str) -> &'static str {
    let sum = request_id.bytes().map(usize::from).sum::<usize>();
    ["1", "2", "3", "4"][sum % 4]
}

/// A request id as a header's value.
pub(crate) fn id_value(request_id: &str) -> HeaderValue {
    HeaderValue::from_str(request_id).unwrap_or_else(|_| HeaderValue::from_static("-"))
}
