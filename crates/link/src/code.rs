//! The numbers that travel in QUIC resets, stops and closes between nodes.
//!
//! They are part of the protocol: a number never changes its meaning. Whether a code means
//! that nothing was done is decided in `error.rs`.

use quinn::VarInt;
use serve::BodyError;

/// A reader needs no more; also what quinn sends for a dropped `RecvStream`.
pub(crate) const ENOUGH: VarInt = VarInt::from_u32(0);
/// The other side gave up: its future or body was dropped.
pub(crate) const CANCELLED: VarInt = VarInt::from_u32(1);
/// The deadline passed.
pub(crate) const DEADLINE: VarInt = VarInt::from_u32(2);
/// Refused before any work: too much in progress.
pub(crate) const REFUSED_OVERLOAD: VarInt = VarInt::from_u32(3);
/// Refused before any work: shutting down.
pub(crate) const REFUSED_DRAINING: VarInt = VarInt::from_u32(4);
/// Refused before any work: no such service or protocol version, or not for this peer.
pub(crate) const REFUSED_UNKNOWN: VarInt = VarInt::from_u32(5);
/// Refused before any work: the head cannot be decoded.
pub(crate) const HEAD_MALFORMED: VarInt = VarInt::from_u32(6);
/// Refused before any work: the head or message is over its limit.
pub(crate) const HEAD_TOO_LARGE: VarInt = VarInt::from_u32(7);
/// The body being sent failed at its source, for a reason other than the next four.
pub(crate) const BODY_FAILED: VarInt = VarInt::from_u32(8);
/// The body being sent is malformed at its source.
pub(crate) const BODY_MALFORMED: VarInt = VarInt::from_u32(9);
/// The body being sent is over a limit at its source.
pub(crate) const BODY_TOO_LARGE: VarInt = VarInt::from_u32(10);
/// The body being sent did not arrive in time at its source.
pub(crate) const BODY_TIMED_OUT: VarInt = VarInt::from_u32(11);
/// The client that sends the body went away.
pub(crate) const BODY_ABORTED: VarInt = VarInt::from_u32(12);

/// The connection is no longer wanted.
pub(crate) const CLOSE_DONE: VarInt = VarInt::from_u32(0x10);
/// The node has finished its work and is going.
pub(crate) const CLOSE_DRAINED: VarInt = VarInt::from_u32(0x11);
/// The certificate's identity is not the one expected; no stream was taken.
pub(crate) const CLOSE_IDENTITY: VarInt = VarInt::from_u32(0x12);
/// The peer's certificate has expired; connect again with a renewed one.
pub(crate) const CLOSE_EXPIRED: VarInt = VarInt::from_u32(0x13);
/// Too many connections; no stream was taken.
pub(crate) const CLOSE_OVERLOAD: VarInt = VarInt::from_u32(0x14);
/// The peer was declared dead from outside (missed probes).
pub(crate) const CLOSE_MARKED_DOWN: VarInt = VarInt::from_u32(0x15);

/// The code for a body that failed at its source.
pub(crate) fn of_body(reason: Option<BodyError>) -> VarInt {
    match reason {
        Some(BodyError::Malformed) => BODY_MALFORMED,
        Some(BodyError::TooLarge) => BODY_TOO_LARGE,
        Some(BodyError::TimedOut) => BODY_TIMED_OUT,
        Some(BodyError::Aborted) => BODY_ABORTED,
        None => BODY_FAILED,
    }
}

/// The reverse of [`of_body`], for those codes that name a reason.
pub(crate) fn to_body(reset: VarInt) -> Option<BodyError> {
    match reset {
        BODY_MALFORMED => Some(BodyError::Malformed),
        BODY_TOO_LARGE => Some(BodyError::TooLarge),
        BODY_TIMED_OUT => Some(BodyError::TimedOut),
        BODY_ABORTED => Some(BodyError::Aborted),
        _ => None,
    }
}
