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
use model::{FeedFrame, FeedHello, LivePeer, NodeId, Revision, codec};
use tokio::sync::watch;

use super::{control::Control, directory::Seeds, guard::Guard, store::ViewStore, view::View};
use crate::{metrics::Metrics, settings::Settings};

/// Regions that a subscriber listens to at once.
const SESSIONS: usize = 2;
/// How long a view may take to be served before it is acknowledged as slow (and not at all).
const APPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a frame for this long (a manifest comes each second) a session is given up.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// Why a bad revision is refused.
const CRASHED: &str = "the process crashed twice within 30 s of applying this revision";

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
    guard: Guard,
    view_bytes_max: usize,
    refusals: Refusals,
    drain: serve::Drain,
}

/// The last revision that this node could not take, and why.
pub(crate) type Refused = Option<(Revision, String)>;

/// Where a node says what it refuses.
#[derive(Clone)]
pub(crate) struct Refusals {
    pub(crate) last: watch::Sender<Refused>,
    pub(crate) metrics: Metrics,
}

/// What a node keeps between two starts, and what it may take.
pub(crate) struct Kept {
    store: ViewStore,
    guard: Guard,
    view_bytes_max: usize,
}

/// What a subscriber is made of.
pub(crate) struct SubscriberParts {
    pub(crate) control: Arc<Control>,
    pub(crate) seeds: watch::Receiver<Seeds>,
    pub(crate) served: watch::Receiver<Revision>,
    pub(crate) live: watch::Sender<Option<LiveReport>>,
    pub(crate) refusals: Refusals,
    pub(crate) drain: serve::Drain,
}

/// Publishes the newest view on disk that has not made this node crash, or an empty one, so that
/// roles can start before any region has answered.
pub(crate) async fn last_known<V: View>(
    settings: &Settings,
    refusals: &Refusals,
) -> (watch::Sender<Arc<V>>, Kept) {
    let store = ViewStore::new(&settings.data_dir, V::KIND);
    let (guard, crashed) = Guard::open(&settings.data_dir);
    if let Some(bad) = guard.last_bad() {
        let number = i64::try_from(bad.0).unwrap_or(i64::MAX);
        refusals.metrics.bad_revision.set(number);
        refusals.last.send_replace(Some((bad, CRASHED.to_owned())));
    }
    if let Some(revision) = crashed {
        refusals.metrics.refused("crashed");
        tracing::error!(%revision, "{CRASHED}; starting on the one before");
    }
    let usable = |revision| !guard.is_bad(revision);
    let view = store.newest::<V>(usable).unwrap_or_default();
    if view.revision() > Revision(0) {
        guard.marked(view.revision()).await;
    }
    tracing::info!(
        revision = view.revision().0,
        "starting from the view on disk"
    );
    let kept = Kept {
        store,
        guard,
        view_bytes_max: settings.view_bytes_max,
    };
    (watch::Sender::new(Arc::new(view)), kept)
}

impl<V: View> Subscriber<V> {
    /// Begins to receive; `publish` already holds the last known view.
    pub(crate) fn start(
        publish: watch::Sender<Arc<V>>,
        kept: Kept,
        parts: SubscriberParts,
    ) -> anyhow::Result<Arc<Self>> {
        let view = Arc::clone(&publish.borrow());
        let digest = view.sum().digest;
        let drain = parts.drain.clone();
        drain.spawn(persist(publish.subscribe(), kept.store, drain.clone()));
        drain.spawn(kept.guard.clone().watch(drain.clone()));
        let subscriber = Arc::new(Self {
            control: parts.control,
            seeds: parts.seeds,
            current: Mutex::new((view, digest)),
            publish,
            served: parts.served,
            live: parts.live,
            in_use: Mutex::default(),
            guard: kept.guard,
            view_bytes_max: kept.view_bytes_max,
            refusals: parts.refusals,
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
                if let Some(refusal) = self.refusal(revision, view.len()) {
                    return Ok(Some(refusal));
                }
                match codec::decode::<V>(V::KIND, &view) {
                    Ok(view) if view.sum().digest != digest => Ok(Some(FeedFrame::Resync)),
                    Ok(view) => Ok(self.take(view, digest).await),
                    Err(error) => Ok(Some(self.refuse(revision, "malformed", error.to_string()))),
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
                let sum = next.sum();
                if sum.digest != digest {
                    return Ok(Some(FeedFrame::Resync));
                }
                let bytes = usize::try_from(sum.bytes).unwrap_or(usize::MAX);
                if let Some(refusal) = self.refusal(next.revision(), bytes) {
                    return Ok(Some(refusal));
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
                let refused = self.is_refused(revision);
                let lost = (!refused && view.revision() < revision)
                    || (view.revision() == revision && own != digest);
                Ok(lost.then_some(FeedFrame::Resync))
            }
            // Only subscribers send these.
            FeedFrame::Ack { .. } | FeedFrame::Refused { .. } | FeedFrame::Resync => Ok(None),
        }
    }

    /// Why a view of `bytes` at `revision` is not taken, if it is not; the one before stays.
    fn refusal(&self, revision: Revision, bytes: usize) -> Option<FeedFrame> {
        if self.guard.is_bad(revision) {
            return Some(self.refuse(revision, "crashed", CRASHED.to_owned()));
        }
        if bytes <= self.view_bytes_max {
            return None;
        }
        let max = self.view_bytes_max;
        let reason = format!("the view has {bytes} bytes, settings key 'view_bytes_max' is {max}");
        Some(self.refuse(revision, "too_large", reason))
    }

    fn refuse(&self, revision: Revision, label: &'static str, reason: String) -> FeedFrame {
        if !self.is_refused(revision) {
            self.refusals.metrics.refused(label);
            tracing::error!(%revision, %reason, "refused a revision");
            let last = Some((revision, reason.clone()));
            self.refusals.last.send_replace(last);
        }
        FeedFrame::Refused { revision, reason }
    }

    /// Whether `revision` was refused; asking for it again would bring it again.
    fn is_refused(&self, revision: Revision) -> bool {
        let refused = self.refusals.last.borrow();
        refused.as_ref().is_some_and(|(bad, _)| *bad == revision)
    }

    /// Publishes a view unless a newer one is there, and waits until the role serves from it.
    async fn take(&self, view: V, digest: u64) -> Option<FeedFrame> {
        let (revision, began) = (view.revision(), Instant::now());
        if revision > self.current().0.revision() {
            self.guard.marked(revision).await;
        }
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
        let kept = tokio::task::spawn_blocking(move || {
            let id = (view.revision(), view.format());
            store.keep(id, &*view)
        })
        .await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "cannot store the view; a restart would use an older one");
        }
    }
}
