//! What a node offers over the link: one trait per primitive and the table of services.
//!
//! The link knows nothing of what the services mean, except that [`Service::Join`] is the only
//! one open to a peer without a certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use serve::{Body, BoxFuture};

use crate::frames::Frames;
use crate::identity::{NodeIdentity, PeerRole};
use crate::probe::ProbeSource;

/// What a stream is for; its number is the second byte of every stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Service {
    /// An HTTP request and its response.
    Call = 0,
    /// Messages between raft members.
    Raft = 1,
    /// A change for the leader.
    Propose = 2,
    /// The configuration feed.
    Feed = 3,
    /// A node that has a token and no certificate asks for one.
    Join = 4,
    /// A node asks for a new certificate.
    Renew = 5,
    /// Operations of the cluster: status, membership.
    Cluster = 6,
    /// A POP hears what to take out of its cache.
    Purge = 7,
    /// Region nodes keep rates and quotas together.
    Limits = 8,
}

/// Put in a response's extensions by a [`CallHandler`] that has too much to do and has done nothing
/// about the request: instead of the response the caller gets
/// [`RefusedOverload`](crate::CallFailure::RefusedOverload), which is known to be safe to repeat
/// elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed;

/// How many services there are.
pub(crate) const SERVICES: usize = 9;

impl Service {
    /// Every service, in the order of its number.
    pub const ALL: [Self; SERVICES] = [
        Self::Call,
        Self::Raft,
        Self::Propose,
        Self::Feed,
        Self::Join,
        Self::Renew,
        Self::Cluster,
        Self::Purge,
        Self::Limits,
    ];

    /// The word in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Raft => "raft",
            Self::Propose => "propose",
            Self::Feed => "feed",
            Self::Join => "join",
            Self::Renew => "renew",
            Self::Cluster => "cluster",
            Self::Purge => "purge",
            Self::Limits => "limits",
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// A W3C trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The caller's span.
    pub span_id: [u8; 8],
    /// The flags; bit 0 is "sampled".
    pub flags: u8,
}

/// What travels with a call beside the request itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallMeta {
    /// The id under which the request is logged everywhere.
    pub request_id: String,
    /// The client's address as the first node saw it.
    pub client: SocketAddr,
    /// Whether the client used TLS.
    pub scheme_https: bool,
    /// Milliseconds from now until the response head must be there. Zero is already late.
    pub deadline_ms: u32,
    /// The trace, if the request is part of one.
    pub trace: Option<Trace>,
    /// The region the request was meant for, when it goes elsewhere.
    pub region_hint: Option<String>,
    /// The caller's configuration revision.
    pub revision: u64,
    /// It goes by way of another POP, which hands it to the region that `region_hint` names and to
    /// nobody else: a call is relayed once at most.
    pub relayed: bool,
}

/// A service's own "no" to an rpc.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused with code {code}: {message}")]
pub struct RpcRefusal {
    /// A number with a meaning only to the service.
    pub code: u16,
    /// For people. At most 4096 bytes travel.
    pub message: String,
}

impl RpcRefusal {
    /// A refusal.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// Answers HTTP requests of other nodes.
pub trait CallHandler: Send + Sync + 'static {
    /// Answers one request. The future is dropped when the caller gives up, when the deadline
    /// passes, or when the connection is lost.
    fn call(
        &self,
        request: Request<Body>,
        meta: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response<Body>>;
}

/// Answers single messages of other nodes.
pub trait RpcHandler: Send + Sync + 'static {
    /// Answers one message. `from` is `None` only for [`Service::Join`]. The future is dropped
    /// when the caller gives up.
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>>;
}

/// Holds a conversation of frames with another node.
pub trait FeedHandler: Send + Sync + 'static {
    /// Runs until it returns, or is dropped when the drain's deadline passes. When the peer goes
    /// away the frames fail, and the handler should return. It must also return soon after the
    /// drain begins: a listener waits for its feeds before it closes their connections.
    fn open(&self, from: Arc<NodeIdentity>, first: Bytes, frames: Frames) -> BoxFuture<'_, ()>;
}

#[derive(Clone)]
pub(crate) enum Offer {
    Call(Arc<dyn CallHandler>),
    Rpc(Arc<dyn RpcHandler>),
    Feed(Arc<dyn FeedHandler>),
}

/// The services a node offers on a listener or on a connection it opened.
#[derive(Clone, Default)]
pub struct Services {
    offers: [Option<Offer>; SERVICES],
    roles: [Option<Vec<PeerRole>>; SERVICES],
    probe: Option<Arc<dyn ProbeSource>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let offered = Service::ALL
            .iter()
            .zip(&self.offers)
            .filter(|(_, offer)| offer.is_some());
        f.debug_set()
            .entries(offered.map(|(service, _)| service.as_str()))
            .finish()
    }
}

impl Services {
    /// No service at all: every stream is refused, probes are not answered.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offers.iter().all(Option::is_none)
    }

    /// Offers [`Service::Call`].
    pub fn with_call(self, handler: Arc<dyn CallHandler>) -> Self {
        self.with(Service::Call, Offer::Call(handler))
    }

    /// Offers `service` as rpc.
    pub fn with_rpc(self, service: Service, handler: Arc<dyn RpcHandler>) -> Self {
        self.with(service, Offer::Rpc(handler))
    }

    /// Offers `service` as a conversation of frames.
    pub fn with_feed(self, service: Service, handler: Arc<dyn FeedHandler>) -> Self {
        self.with(service, Offer::Feed(handler))
    }

    /// Answers probes with what `source` says.
    pub fn with_probe(mut self, source: Arc<dyn ProbeSource>) -> Self {
        self.probe = Some(source);
        self
    }

    /// Restricts `service` to nodes with one of `roles`. Without it any node of the cluster may
    /// use it.
    pub fn with_roles(mut self, service: Service, roles: &[PeerRole]) -> Self {
        if let Some(slot) = self.roles.get_mut(usize::from(service as u8)) {
            *slot = Some(roles.to_vec());
        }
        self
    }

    fn with(mut self, service: Service, offer: Offer) -> Self {
        if let Some(slot) = self.offers.get_mut(usize::from(service as u8)) {
            *slot = Some(offer);
        }
        self
    }

    pub(crate) fn probe_source(&self) -> Option<&Arc<dyn ProbeSource>> {
        self.probe.as_ref()
    }

    /// The offer for `service`, if it is for this peer.
    pub(crate) fn find(&self, service: Service, from: Option<&NodeIdentity>) -> Option<&Offer> {
        let slot = usize::from(service as u8);
        let admitted = match (from, self.roles.get(slot)) {
            // A peer without a certificate may join and nothing else.
            (None, _) => service == Service::Join,
            (Some(from), Some(Some(roles))) => roles.contains(&from.role),
            (Some(_), _) => true,
        };
        if admitted {
            self.offers.get(slot)?.as_ref()
        } else {
            None
        }
    }
}
