//! Why a request was not answered by its backend: closed, with blame and what the client is told.
//!
//! The reason is the metric label, the log field and what tests assert. Bodies follow
//! docs/aws-behaviour.md, errors; the bytes are made in `answer.rs` and nowhere else.

use std::sync::Arc;

use http::StatusCode;
use plan::region::Miss;
use serve::BodyError;

use crate::{phases::authorize::Unauthorized, rest::Refusal, upstream::UpstreamError};

/// What kept a request from being answered by its backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The host or path leads nowhere.
    Miss(Miss),
    /// The stage has no route for the method and path.
    NoRoute,
    /// The route did not compile; holds its diagnostic.
    BrokenRoute(Arc<str>),
    /// WebSocket APIs, which regions do not run.
    WebSocket,
    /// The path would leave what the integration's owner wrote.
    BadPath,
    /// The request has no usable host.
    BadHost,
    /// The first plan is not in yet.
    NotReady,
    /// As many requests are in progress as the settings allow.
    Overloaded,
    /// A node that may not send clients' requests did so.
    PeerNotAllowed,
    /// A private endpoint that is not one of this region, or no longer.
    UnknownEndpoint,
    /// The backend gave no answer, or the client's body failed on the way to it.
    Upstream(UpstreamError),
    /// An HTTP API's route wants another token.
    Unauthorized(Box<Unauthorized>),
    /// A gateway response of a REST API.
    Rest(Box<Refusal>),
}

/// Who has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Whoever sent the request.
    Client,
    /// The gateway or the API's owner.
    Us,
    /// The backend.
    Upstream,
}

/// Whether sending the request again could do something twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing has been done.
    Safe,
    /// The backend may have acted.
    Unsafe,
}

impl Fault {
    /// Its name in metrics and logs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Miss(Miss::UnknownHost) => "unknown_host",
            Self::Miss(Miss::EndpointDisabled) => "endpoint_disabled",
            Self::Miss(Miss::UnknownPath) => "unknown_path",
            Self::Miss(Miss::UnknownRestPath) => "unknown_rest_path",
            Self::Miss(Miss::Health) => "health",
            Self::Miss(Miss::RoutingRules) => "routing_rules",
            Self::NoRoute => "no_route",
            Self::BrokenRoute(_) => "broken_route",
            Self::WebSocket => "web_socket",
            Self::BadPath => "bad_path",
            Self::BadHost => "bad_host",
            Self::NotReady => "not_ready",
            Self::Overloaded => "overloaded",
            Self::PeerNotAllowed => "peer_not_allowed",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::Upstream(error) => error.reason(),
            Self::Unauthorized(token) => token.reason,
            Self::Rest(refusal) => refusal.reason,
        }
    }

    pub(crate) const fn blame(&self) -> Blame {
        match self {
            Self::Miss(
                Miss::UnknownHost
                | Miss::EndpointDisabled
                | Miss::UnknownPath
                | Miss::UnknownRestPath
                | Miss::Health,
            )
            | Self::NoRoute
            | Self::BadPath
            | Self::BadHost
            | Self::PeerNotAllowed
            | Self::Unauthorized(_)
            | Self::UnknownEndpoint
            | Self::Upstream(UpstreamError::RequestBody(_)) => Blame::Client,
            Self::BrokenRoute(_)
            | Self::WebSocket
            | Self::Miss(Miss::RoutingRules)
            | Self::NotReady
            | Self::Overloaded
            | Self::Upstream(
                UpstreamError::Denied
                | UpstreamError::Busy
                | UpstreamError::NoConnector
                | UpstreamError::NotOffered,
            ) => Blame::Us,
            Self::Upstream(_) => Blame::Upstream,
            Self::Rest(refusal) => refusal.blame,
        }
    }

    pub(crate) const fn retry(&self) -> Retry {
        match self {
            Self::Upstream(error) if !error.is_unsent() => Retry::Unsafe,
            Self::Rest(refusal) => refusal.retry,
            _ => Retry::Safe,
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Miss(Miss::UnknownHost | Miss::UnknownRestPath)
            | Self::PeerNotAllowed
            | Self::UnknownEndpoint => StatusCode::FORBIDDEN,
            Self::Rest(refusal) => refusal.status,
            Self::Unauthorized(token) => token.status,
            Self::WebSocket | Self::Miss(Miss::RoutingRules) => StatusCode::NOT_IMPLEMENTED,
            Self::Miss(_) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::BrokenRoute(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadPath | Self::BadHost => StatusCode::BAD_REQUEST,
            Self::Upstream(UpstreamError::RequestBody(error)) => error.status(),
            Self::NotReady | Self::Overloaded | Self::Upstream(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The `message` of the answer's body.
    pub(crate) const fn message(&self) -> &'static str {
        match self {
            Self::Miss(Miss::UnknownHost | Miss::UnknownRestPath)
            | Self::PeerNotAllowed
            | Self::UnknownEndpoint => "Forbidden",
            Self::Unauthorized(token) if token.status.as_u16() == 403 => "Forbidden",
            Self::Unauthorized(_) => "Unauthorized",
            // Those have words of their own, which `answer.rs` asks for.
            Self::Rest(_) => "Internal server error",
            Self::Miss(Miss::RoutingRules) => {
                "routing rules are not evaluated by this version of Edgeway"
            }
            Self::Miss(_) | Self::NoRoute => "Not Found",
            Self::BrokenRoute(_) => "Internal Server Error",
            Self::WebSocket => "WebSocket APIs are not served by this version of Edgeway",
            Self::Upstream(UpstreamError::RequestBody(BodyError::TooLarge)) => {
                "Request Entity Too Large"
            }
            Self::Upstream(UpstreamError::RequestBody(BodyError::TimedOut)) => "Request Timeout",
            Self::BadPath | Self::BadHost | Self::Upstream(UpstreamError::RequestBody(_)) => {
                "Bad Request"
            }
            Self::NotReady | Self::Overloaded | Self::Upstream(_) => "Service Unavailable",
        }
    }

    /// `x-amzn-errortype`, where clients get one.
    pub(crate) const fn error_type(&self) -> Option<&'static str> {
        match self {
            Self::Miss(Miss::UnknownHost | Miss::UnknownRestPath)
            | Self::PeerNotAllowed
            | Self::UnknownEndpoint => Some("ForbiddenException"),
            Self::Rest(refusal) => Some(refusal.error_type),
            _ => None,
        }
    }

    /// More for the log, never for the client.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::BrokenRoute(diagnostic) => diagnostic,
            Self::Rest(refusal) => &refusal.detail,
            Self::Unauthorized(token) => &token.detail,
            _ => "",
        }
    }
}

impl Blame {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Us => "us",
            Self::Upstream => "upstream",
        }
    }
}

impl Retry {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}
