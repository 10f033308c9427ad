//! Why a backend gave no answer, and whether it may have begun to act.

use serve::BodyError;

/// Why a call to a backend failed before its answer began. Closed; the names are metric labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Its name has no address.
    #[error("backend's name does not resolve")]
    Unresolved,
    /// All its addresses are ones that no integration may reach.
    #[error("backend's address is denied")]
    Denied,
    /// TCP was refused or unreachable.
    #[error("backend cannot be connected to")]
    Unreachable,
    /// TCP, TLS or name resolution took too long.
    #[error("backend did not accept a connection in time")]
    ConnectTimeout,
    /// TLS failed, often because the certificate is not trusted.
    #[error("tls with backend failed")]
    Tls,
    /// All connections are in use and enough requests wait already.
    #[error("too many requests wait for a connection to the backend")]
    Busy,
    /// No answer began within the integration's time-out.
    #[error("backend did not answer in time")]
    TimedOut,
    /// The connection ended before an answer.
    #[error("backend closed the connection before it answered")]
    Closed,
    /// What came is not an HTTP answer.
    #[error("backend's answer is malformed")]
    Malformed,
    /// No connector of the VPC link is connected to any region node.
    #[error("no connector of the vpc link is connected")]
    NoConnector,
    /// The connectors of the VPC link do not offer the upstream.
    #[error("upstream is not offered by the vpc link's connectors")]
    NotOffered,
    /// The client's body failed while it was being sent on.
    #[error("client's body failed")]
    RequestBody(BodyError),
}

impl UpstreamError {
    /// Its name in metrics and logs.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Unresolved => "upstream_unresolved",
            Self::Denied => "upstream_denied",
            Self::Unreachable => "upstream_unreachable",
            Self::ConnectTimeout => "upstream_connect_timeout",
            Self::Tls => "upstream_tls",
            Self::Busy => "upstream_busy",
            Self::TimedOut => "upstream_timeout",
            Self::Closed => "upstream_closed",
            Self::Malformed => "upstream_malformed",
            Self::NoConnector => "upstream_no_connector",
            Self::NotOffered => "upstream_not_offered",
            Self::RequestBody(error) => error.reason(),
        }
    }

    /// What a connector means by a reason; one that is not known is the worst.
    pub(crate) fn of_reason(reason: &[u8]) -> Self {
        const KNOWN: [UpstreamError; 9] = [
            UpstreamError::Unresolved,
            UpstreamError::Denied,
            UpstreamError::Unreachable,
            UpstreamError::ConnectTimeout,
            UpstreamError::Tls,
            UpstreamError::Busy,
            UpstreamError::Malformed,
            UpstreamError::NoConnector,
            UpstreamError::NotOffered,
        ];
        let known = KNOWN.into_iter();
        let mut known = known.filter(|error| error.reason().as_bytes() == reason);
        known.next().unwrap_or(Self::Closed)
    }

    /// Whether the backend certainly has not begun to act.
    pub(crate) const fn is_unsent(self) -> bool {
        match self {
            Self::Unresolved
            | Self::Denied
            | Self::Unreachable
            | Self::ConnectTimeout
            | Self::Tls
            | Self::Busy
            | Self::NoConnector
            | Self::NotOffered => true,
            Self::TimedOut | Self::Closed | Self::Malformed | Self::RequestBody(_) => false,
        }
    }

    /// What the HTTP library's error means.
    pub(super) fn of(error: &hyper::Error) -> Self {
        if let Some(body) = BodyError::of(error) {
            return Self::RequestBody(body);
        }
        if error.is_user() {
            // A body from a POP fails with the link's own errors: its client or it is gone.
            return Self::RequestBody(BodyError::Aborted);
        }
        if error.is_parse() {
            Self::Malformed
        } else {
            Self::Closed
        }
    }
}
