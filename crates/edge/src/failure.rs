//! What a failed call says: about the node, about the request, and about another try.
//!
//! Only facts; `forward.rs` decides what is done.

use http::{HeaderName, Method, request::Parts};
use link::{CallError, CallFailure, Sent};
use serve::BodyError;
use steer::region::Called;

use crate::answer::Fault;

/// Whether there was no connection to send the call on, or it went with its connection.
pub(crate) fn unconnected(error: CallError) -> bool {
    matches!(
        error.reason,
        CallFailure::Unreachable | CallFailure::ConnectionLost
    )
}

/// Names another method than the request's own; REST APIs do what it says.
pub(crate) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The least safe method.
static POST: Method = Method::POST;

/// The method that says whether a request may be sent twice. One that names another method counts
/// as the least safe one, whatever it names.
pub(crate) fn repeated(parts: &Parts) -> &Method {
    if parts.headers.contains_key(METHOD_OVERRIDE) {
        &POST
    } else {
        &parts.method
    }
}

/// RFC 9110, section 9.2.2.
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}

/// What a failure says about the node. Nothing when the client, the request, or too much load is
/// its cause: sending the others more for that would make it worse.
pub(crate) fn blame(reason: CallFailure) -> Option<Called> {
    match reason {
        CallFailure::Unreachable
        | CallFailure::HandshakeFailed
        | CallFailure::ConnectionLost
        | CallFailure::Reset
        | CallFailure::Deadline => Some(Called::Failed),
        CallFailure::RefusedDraining => Some(Called::Draining),
        CallFailure::RefusedOverload
        | CallFailure::RefusedUnknown
        | CallFailure::Malformed
        | CallFailure::TooLarge
        | CallFailure::RequestBody
        | CallFailure::Closed => None,
    }
}

/// The fault for a failure that no other region would be spared.
pub(crate) fn lasting(error: CallError) -> Option<Fault> {
    match (error.reason, error.sent) {
        (CallFailure::RequestBody, _) => {
            Some(Fault::Body(error.body.unwrap_or(BodyError::Aborted)))
        }
        (CallFailure::Deadline, _) => Some(Fault::Timeout),
        (CallFailure::TooLarge, Sent::No) => Some(Fault::HeadTooLarge),
        (CallFailure::TooLarge | CallFailure::Malformed, Sent::Maybe) => Some(Fault::BadAnswer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Request};

    use super::{METHOD_OVERRIDE, is_idempotent, repeated};

    #[test]
    fn a_request_that_names_another_method_is_not_repeated() {
        let (mut parts, ()) = Request::get("/").body(()).unwrap().into_parts();
        assert_eq!(repeated(&parts), Method::GET);
        assert!(is_idempotent(repeated(&parts)));
        let method = "DELETE".parse().unwrap();
        parts.headers.insert(METHOD_OVERRIDE, method);
        assert!(!is_idempotent(repeated(&parts)));
    }
}
