//! Why a link, a call or an rpc failed, and whether the remote may have begun to act.
//!
//! `sent` is what a caller needs to retry elsewhere without doing a thing twice. It is decided
//! here and nowhere else, from the error codes of `code.rs`.

use std::fmt;

use serve::BodyError;

use crate::code;
use crate::services::RpcRefusal;

/// Why a transport or listener could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The UDP socket could not be bound.
    #[error("link socket on {addr} cannot be bound")]
    Bind {
        /// The address asked for.
        addr: std::net::SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The endpoint could not be started on the current runtime.
    #[error("link endpoint cannot be started")]
    Endpoint(#[source] std::io::Error),
    /// TLS could not be set up from the credentials.
    #[error("link tls cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The client certificate verifier could not be made from the CA.
    #[error("link cannot trust the given authority")]
    Authority(#[source] rustls::server::VerifierBuilderError),
    /// A limit does not fit QUIC's integers.
    #[error("link limit {0} is out of range")]
    Limit(&'static str),
}

/// Whether the remote may have begun to act on what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// It has certainly not: doing it again elsewhere is safe.
    No,
    /// It may have.
    Maybe,
}

/// Why a call failed. Closed, and the label in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum CallFailure {
    /// There is no connection and none could be made.
    Unreachable,
    /// TLS or the identity check failed.
    HandshakeFailed,
    /// The connection was lost under the call.
    ConnectionLost,
    /// The remote gave the stream up.
    Reset,
    /// The deadline passed.
    Deadline,
    /// The remote, or our own connection, has too much in progress.
    RefusedOverload,
    /// The remote is shutting down.
    RefusedDraining,
    /// The remote has no such service, or not for us.
    RefusedUnknown,
    /// What arrived cannot be decoded.
    Malformed,
    /// A head or message is over its limit.
    TooLarge,
    /// The body that was to be sent failed.
    RequestBody,
    /// The peer was closed on our side.
    Closed,
}

impl CallFailure {
    /// Every failure, in the order of its number.
    pub const ALL: [Self; 12] = [
        Self::Unreachable,
        Self::HandshakeFailed,
        Self::ConnectionLost,
        Self::Reset,
        Self::Deadline,
        Self::RefusedOverload,
        Self::RefusedDraining,
        Self::RefusedUnknown,
        Self::Malformed,
        Self::TooLarge,
        Self::RequestBody,
        Self::Closed,
    ];

    /// The word in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::HandshakeFailed => "handshake_failed",
            Self::ConnectionLost => "connection_lost",
            Self::Reset => "reset",
            Self::Deadline => "deadline",
            Self::RefusedOverload => "refused_overload",
            Self::RefusedDraining => "refused_draining",
            Self::RefusedUnknown => "refused_unknown",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::RequestBody => "request_body",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call, or the opening of a feed, that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("call over the link failed: {reason}")]
pub struct CallError {
    /// Why.
    pub reason: CallFailure,
    /// Whether it may have had an effect.
    pub sent: Sent,
    /// With [`CallFailure::RequestBody`]: what was wrong with the client's body, if it said so.
    pub body: Option<BodyError>,
}

impl CallError {
    /// A failure before the remote could act.
    pub const fn unsent(reason: CallFailure) -> Self {
        Self {
            reason,
            sent: Sent::No,
            body: None,
        }
    }

    /// A failure after which the remote may have acted.
    pub const fn maybe(reason: CallFailure) -> Self {
        Self {
            reason,
            sent: Sent::Maybe,
            body: None,
        }
    }

    /// Whether retrying elsewhere is certainly safe.
    pub fn is_unsent(&self) -> bool {
        self.sent == Sent::No
    }

    /// A stream reset by the remote with `reset`.
    pub(crate) fn from_reset(reset: quinn::VarInt) -> Self {
        match reset {
            code::REFUSED_OVERLOAD => Self::unsent(CallFailure::RefusedOverload),
            code::REFUSED_DRAINING => Self::unsent(CallFailure::RefusedDraining),
            code::REFUSED_UNKNOWN => Self::unsent(CallFailure::RefusedUnknown),
            code::HEAD_MALFORMED => Self::unsent(CallFailure::Malformed),
            code::HEAD_TOO_LARGE => Self::unsent(CallFailure::TooLarge),
            code::DEADLINE => Self::maybe(CallFailure::Deadline),
            _ => Self::maybe(CallFailure::Reset),
        }
    }

    /// A connection lost while a stream was open.
    pub(crate) fn from_connection(lost: &quinn::ConnectionError) -> Self {
        use quinn::ConnectionError as Lost;
        match lost {
            Lost::VersionMismatch => Self::unsent(CallFailure::HandshakeFailed),
            Lost::ConnectionClosed(close) if is_tls_alert(close.error_code) => {
                Self::unsent(CallFailure::HandshakeFailed)
            }
            Lost::TransportError(fault) if is_tls_alert(fault.code) => {
                Self::unsent(CallFailure::HandshakeFailed)
            }
            // The listener closes with these before it takes the first stream.
            Lost::ApplicationClosed(close) => match close.error_code {
                code::CLOSE_IDENTITY => Self::unsent(CallFailure::HandshakeFailed),
                code::CLOSE_OVERLOAD => Self::unsent(CallFailure::RefusedOverload),
                _ => Self::maybe(CallFailure::ConnectionLost),
            },
            Lost::TransportError(_)
            | Lost::ConnectionClosed(_)
            | Lost::Reset
            | Lost::TimedOut
            | Lost::LocallyClosed
            | Lost::CidsExhausted => Self::maybe(CallFailure::ConnectionLost),
        }
    }

    pub(crate) fn from_read(fault: &quinn::ReadError) -> Self {
        match fault {
            quinn::ReadError::Reset(reset) => Self::from_reset(*reset),
            quinn::ReadError::ConnectionLost(lost) => Self::from_connection(lost),
            quinn::ReadError::ClosedStream
            | quinn::ReadError::IllegalOrderedRead
            | quinn::ReadError::ZeroRttRejected => Self::maybe(CallFailure::Reset),
        }
    }

    pub(crate) fn from_write(fault: &quinn::WriteError) -> Self {
        match fault {
            quinn::WriteError::Stopped(stop) => Self::from_reset(*stop),
            quinn::WriteError::ConnectionLost(lost) => Self::from_connection(lost),
            quinn::WriteError::ClosedStream | quinn::WriteError::ZeroRttRejected => {
                Self::maybe(CallFailure::Reset)
            }
        }
    }
}

/// An rpc that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The link failed.
    #[error("rpc failed on the link")]
    Link(#[from] CallError),
    /// The service answered with a refusal.
    #[error("rpc was refused by the service")]
    Refused(#[source] RpcRefusal),
    /// The time-out passed.
    #[error("rpc was not answered in time")]
    Timeout,
    /// The request or the answer is over its limit.
    #[error("rpc message is over its size limit")]
    TooLarge,
}

impl RpcError {
    /// Whether the service may have begun to act. A refusal counts as acting: what it means is
    /// between the caller and the service.
    pub fn sent(&self) -> Sent {
        match self {
            Self::Link(e) => e.sent,
            Self::TooLarge | Self::Refused(_) | Self::Timeout => Sent::Maybe,
        }
    }
}

/// QUIC carries TLS alerts as transport errors 0x100 to 0x1ff (RFC 9001 4.8).
fn is_tls_alert(transport: quinn::TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(transport))
}
