//! Receives a view from two regions at once and never goes back.
//!
//! The newest revision wins, whichever region brings it; a delta whose result has another digest
//! than the region says leads to a snapshot. What is received is published at once (the role
//! compiles it off its request path), acknowledged when the role serves from it, and stored for a
//! start without any region. Sessions end and begin; the published view stays.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use link::{Frames, Peer, PeerState, Service};
use model::{
    EdgeDelta, EdgeView, FeedFrame, FeedHello, LivePeer, NodeId, Revision, ZoneDelta, ZoneView,
    codec,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::{control::Control, directory::Seeds, store::ViewStore};

/// Regions that a subscriber listens to at once.
const SESSIONS: usize = 2;
/// How long a view may take to be served before it is acknowledged as slow (and not at all).
const APPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a frame for this long (a manifest comes each second) a session is given up.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// A view that can be received.
pub(crate) trait View:
    Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Its record kind.
    const KIND: codec::Kind;
    /// What the hello asks for.
    const ZONE: bool;
    /// Its revision.
    fn revision(&self) -> Revision;
    /// The view that an encoded delta leads to.
    fn after_delta(&self, delta: &[u8]) -> Result<Self, codec::CodecError>;
}

impl View for EdgeView {
    const KIND: codec::Kind = codec::Kind::EdgeView;
    const ZONE: bool = false;

    fn revision(&self) -> Revision {
        self.revision
    }

    fn after_delta(&self, delta: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode::<EdgeDelta>(codec::Kind::Feed, delta).map(|delta| self.after(delta))
    }
}

impl View for ZoneView {
    const KIND: codec::Kind = codec::Kind::ZoneView;
    const ZONE: bool = true;

    fn revision(&self) -> Revision {
        self.revision
    }

    fn after_delta(&self, delta: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode::<ZoneDelta>(codec::Kind::Feed, delta).map(|delta| self.after(delta))
    }
}

/// What one region said of who lives, and when.
pub(crate) type LiveReport = (NodeId, Instant, Vec<LivePeer>);

/// Receives one kind of view.
pub(crate) struct Subscriber<V> {
    control: Arc<Control>,
    seeds: watch::Receiver<Seeds>,
    current: Mutex<(Arc<V>, u64)>,
    publish: watch::Sender<Arc<V>>,
    /// The revision the role serves from.
    served: watch::Receiver<Revision>,
    live: watch::Sender<Option<LiveReport>>,
    in_use: Mutex<BTreeSet<NodeId>>,
    drain: serve::Drain,
}

/// What a subscriber is made of.
pub(crate) struct SubscriberParts {
    pub(crate) control: Arc<Control>,
    pub(crate) seeds: watch::Receiver<Seeds>,
    pub(crate) served: watch::Receiver<Revision>,
    pub(crate) live: watch::Sender<Option<LiveReport>>,
    pub(crate) drain: serve::Drain,
}

/// Publishes the newest view on disk, or an empty one, so that roles can start before any region
/// has answered.
pub(crate) fn last_known<V: View>(store: &ViewStore) -> watch::Sender<Arc<V>> {
    let view = store.newest::<V>().unwrap_or_default();
    tracing::info!(
        revision = view.revision().0,
        "starting from the view on disk"
    );
    watch::Sender::new(Arc::new(view))
}

impl<V: View> Subscriber<V> {
    /// Begins to receive; `publish` already holds the last known view.
    pub(crate) fn start(
        publish: watch::Sender<Arc<V>>,
        store: ViewStore,
        parts: SubscriberParts,
    ) -> anyhow::Result<Arc<Self>> {
        let view = Arc::clone(&publish.borrow());
        let digest = digest_of(&*view)?;
        let drain = parts.drain.clone();
        drain.spawn(persist(publish.subscribe(), store, drain.clone()));
        let subscriber = Arc::new(Self {
            control: parts.control,
            seeds: parts.seeds,
            current: Mutex::new((view, digest)),
            publish,
            served: parts.served,
            live: parts.live,
            in_use: Mutex::default(),
            drain: parts.drain,
        });
        for slot in 0..SESSIONS {
            drain.spawn(Arc::clone(&subscriber).keep_session(slot));
        }
        Ok(subscriber)
    }

    /// One of the sessions: picks a region, listens until that ends, picks again.
    async fn keep_session(self: Arc<Self>, slot: usize) {
        let mut failures = 0_u32;
        loop {
            if let Some((node, peer)) = self.pick() {
                let ended = tokio::select! {
                    ended = self.session(node, &peer) => ended,
                    () = self.drain.expired() => return,
                };
                self.in_use().remove(&node);
                match ended {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        tracing::debug!(%node, %error, "feed session ended");
                    }
                }
            } else {
                failures = failures.saturating_add(1);
            }
            // Slots step differently, so that they do not hammer one region in unison.
            let step = 100 + 50 * u64::try_from(slot).unwrap_or(0);
            let pause = Duration::from_millis(step * u64::from(failures.clamp(1, 10)));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.drain.expired() => return,
            }
        }
    }

    /// The nearest region node that no other session uses.
    fn pick(&self) -> Option<(NodeId, Peer)> {
        let seeds = Seeds::clone(&self.seeds.borrow());
        let mut in_use = self.in_use();
        let free = seeds.iter().filter(|seed| !in_use.contains(&seed.node));
        let mut free: Vec<(NodeId, Peer)> = free
            .map(|seed| (seed.node, self.control.peer_at(seed.node, seed.link)))
            .collect();
        free.sort_by_key(|(_, peer)| {
            (
                peer.state() != PeerState::Up,
                peer.rtt().unwrap_or(Duration::MAX),
            )
        });
        let (node, peer) = free.into_iter().next()?;
        in_use.insert(node);
        Some((node, peer))
    }

    fn in_use(&self) -> std::sync::MutexGuard<'_, BTreeSet<NodeId>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> (Arc<V>, u64) {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn session(&self, node: NodeId, peer: &Peer) -> anyhow::Result<()> {
        let (view, digest) = self.current();
        let hello = FeedHello {
            have: view.revision(),
            digest,
            zone: V::ZONE,
        };
        let hello = codec::encode(codec::Kind::Feed, &hello)?;
        let mut frames = peer.open(Service::Feed, Bytes::from(hello)).await?;
        loop {
            let received = tokio::time::timeout(SILENCE_MAX, frames.recv()).await;
            let Some(bytes) = received?? else {
                return Ok(());
            };
            let answer = self.receive(node, FeedFrame::decode(&bytes)?).await?;
            if let Some(answer) = answer {
                send(&mut frames, &answer).await?;
            }
        }
    }

    /// Takes one frame; the answer is for the region.
    async fn receive(&self, node: NodeId, frame: FeedFrame) -> anyhow::Result<Option<FeedFrame>> {
        match frame {
            FeedFrame::Snapshot {
                revision,
                digest,
                view,
            } => {
                if codec::digest(&view) != digest {
                    return Ok(Some(FeedFrame::Resync));
                }
                match codec::decode::<V>(V::KIND, &view) {
                    Ok(view) => Ok(self.take(view, digest).await),
                    Err(error) => {
                        let reason = error.to_string();
                        tracing::error!(%revision, %reason, "refused a revision");
                        Ok(Some(FeedFrame::Refused { revision, reason }))
                    }
                }
            }
            FeedFrame::Delta {
                from,
                digest,
                delta,
                ..
            } => {
                let (view, _) = self.current();
                if view.revision() > from {
                    // The other region was quicker.
                    return Ok(None);
                }
                if view.revision() != from {
                    return Ok(Some(FeedFrame::Resync));
                }
                let next = view.after_delta(&delta)?;
                if digest_of(&next)? != digest {
                    return Ok(Some(FeedFrame::Resync));
                }
                Ok(self.take(next, digest).await)
            }
            FeedFrame::Manifest {
                revision,
                digest,
                live,
            } => {
                self.live.send_replace(Some((node, Instant::now(), live)));
                let (view, own) = self.current();
                let lost =
                    view.revision() < revision || (view.revision() == revision && own != digest);
                Ok(lost.then_some(FeedFrame::Resync))
            }
            // Only subscribers send these.
            FeedFrame::Ack { .. } | FeedFrame::Refused { .. } | FeedFrame::Resync => Ok(None),
        }
    }

    /// Publishes a view unless a newer one is there, and waits until the role serves from it.
    async fn take(&self, view: V, digest: u64) -> Option<FeedFrame> {
        let (revision, began) = (view.revision(), Instant::now());
        {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let same_but_torn = current.0.revision() == revision && current.1 != digest;
            if current.0.revision() < revision || same_but_torn {
                *current = (Arc::new(view), digest);
                // Sent under the lock, so that two sessions cannot publish out of order.
                self.publish.send_replace(Arc::clone(&current.0));
            }
        }
        let mut served = self.served.clone();
        let reached = served.wait_for(|served| *served >= revision);
        let reached = tokio::time::timeout(APPLY_TIMEOUT, reached).await;
        reached.ok()?.ok()?;
        let apply_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(FeedFrame::Ack { revision, apply_us })
    }
}

async fn send(frames: &mut Frames, frame: &FeedFrame) -> anyhow::Result<()> {
    frames.send(Bytes::from(frame.encode()?)).await?;
    Ok(())
}

fn digest_of<V: View>(view: &V) -> Result<u64, codec::CodecError> {
    Ok(codec::digest(&codec::encode(V::KIND, view)?))
}

/// Stores what is published; changes that come faster than the disk are stored once.
async fn persist<V: View>(
    mut published: watch::Receiver<Arc<V>>,
    store: ViewStore,
    drain: serve::Drain,
) {
    loop {
        let changed = tokio::select! {
            changed = published.changed() => changed.is_ok(),
            () = drain.expired() => false,
        };
        if !changed {
            return;
        }
        let view = Arc::clone(&published.borrow_and_update());
        let store = store.clone();
        let kept = tokio::task::spawn_blocking(move || store.keep(view.revision(), &*view)).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "cannot store the view; a restart would use an older one");
        }
    }
}
