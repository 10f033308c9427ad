//! The configuration feed: tells POPs and DNS nodes what they need, as soon as it changes.
//!
//! A publisher projects and encodes each revision once; every subscription sends those same bytes,
//! as deltas when the subscriber is a few steps behind, as a snapshot otherwise, and a manifest
//! each second that heals whatever was lost. A slow subscriber skips what it missed and gets
//! the newest. What each subscriber says it serves from is kept here for whoever waits for
//! propagation.
//!
//! Nothing here decides what a subscriber may know: `model`'s projections do.

mod acks;
mod publish;
mod subscription;

use std::sync::Arc;

use bytes::Bytes;
use link::{FeedHandler, Frames, NodeIdentity, PeerRole, PeersSeen};
use model::{Config, FeedHello, LivePeer, codec};
use prometheus::Registry;
use serve::{BoxFuture, Drain};
use tokio::sync::watch;

pub use acks::Ack;

use self::{
    acks::Acks,
    publish::{Publications, publish},
    subscription::{Ended, Subscription},
};
use crate::{RegionError, metrics::FeedMetrics};

/// Who has a link to this node.
pub trait LiveNodes: Send + Sync + 'static {
    /// The nodes, each once.
    fn live(&self) -> Vec<LivePeer>;
    /// Changes whenever a node comes, goes or begins to drain.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// The server side of all subscriptions of a region node.
pub struct FeedServer {
    publications: Publications,
    live: Arc<dyn LiveNodes>,
    acks: Arc<Acks>,
    metrics: Arc<FeedMetrics>,
    drain: Drain,
}

impl FeedServer {
    /// Starts projecting `config` on the current runtime, which should be the control plane's.
    ///
    /// # Errors
    /// Metrics cannot be registered.
    pub fn new(
        config: watch::Receiver<Arc<Config>>,
        live: Arc<dyn LiveNodes>,
        registry: &Registry,
        drain: Drain,
    ) -> Result<Arc<Self>, RegionError> {
        let metrics = Arc::new(FeedMetrics::register(registry)?);
        let (publisher, publications) = publish::channel();
        drain.spawn(publish(
            publisher,
            config,
            Arc::clone(&metrics),
            drain.clone(),
        ));
        Ok(Arc::new(Self {
            publications,
            live,
            acks: Arc::default(),
            metrics,
            drain,
        }))
    }

    /// What each subscriber serves from, by node. Subscribers that are gone are not listed.
    pub fn acks(&self) -> Vec<Ack> {
        self.acks.all()
    }

    /// Changes whenever [`acks`](Self::acks) does.
    pub fn acks_changed(&self) -> watch::Receiver<u64> {
        self.acks.changed()
    }

    async fn subscribe(&self, from: Arc<NodeIdentity>, first: Bytes, frames: Frames) {
        let reason = match admit(&from, &first) {
            Ok(hello) => self.serve(&from, hello, frames).await,
            Err(refused) => refused,
        };
        self.metrics.ended(reason.as_str());
        tracing::debug!(node = from.node, reason = reason.as_str(), "feed ended");
    }

    async fn serve(&self, from: &NodeIdentity, hello: FeedHello, frames: Frames) -> Ended {
        // Counted down also when the drain's deadline drops this future.
        let _subscribed = Subscribed::count(&self.metrics);
        let subscription = Subscription {
            published: self.publications.of(hello.zone),
            at: from.place.clone(),
            live: Arc::clone(&self.live),
            place: self.acks.enter(from, hello.have),
            metrics: Arc::clone(&self.metrics),
            drain: self.drain.clone(),
        };
        subscription.run(hello, frames).await
    }
}

/// Counts a subscription for as long as it lives.
struct Subscribed<'a>(&'a FeedMetrics);

impl<'a> Subscribed<'a> {
    fn count(metrics: &'a FeedMetrics) -> Self {
        metrics.subscribers.inc();
        Self(metrics)
    }
}

impl Drop for Subscribed<'_> {
    fn drop(&mut self) {
        self.0.subscribers.dec();
    }
}

/// What the subscriber says of itself, if it may subscribe.
fn admit(from: &NodeIdentity, first: &[u8]) -> Result<FeedHello, Ended> {
    let hello: FeedHello = codec::decode(codec::Kind::Feed, first).map_err(|error| {
        tracing::warn!(%error, node = from.node, "feed hello does not decode");
        Ended::Malformed
    })?;
    if may_subscribe(from.role, hello.zone) {
        Ok(hello)
    } else {
        tracing::warn!(node = from.node, role = %from.role, "feed is not for this node");
        Err(Ended::Forbidden)
    }
}

/// Edge views hold keys of certificates, so only POPs get them (architecture, invariant 3).
const fn may_subscribe(role: PeerRole, zone: bool) -> bool {
    match role {
        PeerRole::Pop => true,
        PeerRole::Dns => zone,
        PeerRole::Region | PeerRole::Connector => false,
    }
}

impl FeedHandler for FeedServer {
    fn open(&self, from: Arc<NodeIdentity>, first: Bytes, frames: Frames) -> BoxFuture<'_, ()> {
        Box::pin(self.subscribe(from, first, frames))
    }
}

impl LiveNodes for PeersSeen {
    fn live(&self) -> Vec<LivePeer> {
        let seen = self.snapshot().into_iter();
        seen.map(|peer| LivePeer {
            node: peer.identity.node,
            draining: false,
            remote: peer.remote,
        })
        .collect()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        Self::changed(self)
    }
}
