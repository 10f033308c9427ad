//! What a failed call says: about the node, about the request, and about another try.
//!
//! Only facts; `forward.rs` decides what is done.

use http::Method;
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
