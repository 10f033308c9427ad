//! What can go wrong with a call, sorted by what may be done about it.

use http::{Method, StatusCode};
use serde_json::Value as Json;

use crate::framework::Note;

/// Of answers to calls that are not signed well.
const SIGNATURE_CODES: [&str; 4] = [
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
];

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is no such object.
    Gone,
    /// The API says no, and will say so again.
    Refused,
    /// The API does not take the key, or what is signed with it.
    Unauthorized,
    /// Its certificate is of nobody who is trusted: nothing was done.
    Untrusted,
    /// Somebody else changed the same thing at the same time: nothing was done.
    Concurrent,
    /// Too many calls: nothing was done.
    Busy,
    /// No connection: nothing was done.
    NotSent,
    /// No answer: it may have been done.
    Lost,
    /// The API failed: it may have been done.
    Failed,
    /// More items than can be read.
    TooMany,
    /// An answer that cannot be read.
    Answer,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct CallError {
    kind: Kind,
    text: String,
    /// What the API said, if it did.
    message: String,
}

impl CallError {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            message: String::new(),
        }
    }

    /// Of an answer that says no.
    pub(super) fn of(
        (method, path): (&Method, &str),
        status: StatusCode,
        code: &str,
        body: &[u8],
    ) -> Self {
        let body: Json = serde_json::from_slice(body).unwrap_or_default();
        let message = body.get("message").and_then(Json::as_str);
        let message = message.unwrap_or("no reason was given");
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::Gone,
            StatusCode::FORBIDDEN if SIGNATURE_CODES.contains(&code) => Kind::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS if code != "LimitExceededException" => Kind::Busy,
            StatusCode::CONFLICT if message.contains("concurrent modification") => Kind::Concurrent,
            StatusCode::NOT_IMPLEMENTED => Kind::Refused,
            status if status.is_server_error() => Kind::Failed,
            _ => Kind::Refused,
        };
        let code = if code.is_empty() {
            status.as_str()
        } else {
            code
        };
        let message = message.to_owned();
        Self {
            kind,
            text: format!("{message} ({code}, {method} {path})"),
            message,
        }
    }

    /// The API's own words; empty if it has not answered.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// There is no such object (any more).
    pub(crate) fn is_gone(&self) -> bool {
        self.kind == Kind::Gone
    }

    /// Whether another endpoint may do better.
    pub(super) const fn blames_endpoint(&self) -> bool {
        matches!(
            self.kind,
            Kind::NotSent | Kind::Untrusted | Kind::Lost | Kind::Failed
        )
    }

    /// Whether the same call may be answered otherwise in a while.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(
            self.kind,
            Kind::NotSent | Kind::Lost | Kind::Failed | Kind::Busy | Kind::Concurrent
        )
    }

    /// A diagnostic; `what` was not done, such as "create the stage".
    pub(crate) fn note(&self, what: &str) -> Note {
        let hint = match self.kind {
            Kind::NotSent => " Check the provider's endpoints and the cluster's health.",
            Kind::Untrusted => " Check the provider's ca_pem or ca_file, and its endpoints.",
            Kind::Unauthorized => " Check the provider's access_key_id and secret_access_key.",
            Kind::Lost | Kind::Failed => " It may have taken effect: the next plan will show.",
            Kind::Busy => " The cluster is busy: try again later.",
            _ => "",
        };
        let text = &self.text;
        Note::error(format!("Could not {what}"), format!("{text}.{hint}"))
    }
}
