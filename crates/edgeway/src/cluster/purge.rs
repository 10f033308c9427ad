//! Purges on their way from a region to every POP.
//!
//! Every POP keeps one conversation open with every region node, over its control connection. A
//! region says what to purge, the POP answers with a count. Nothing is queued for a POP that is
//! away: whoever asked for the purge hears which POPs have not answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use admin::{PurgeTarget, Purged};
use bytes::Bytes;
use edge::{Edge, Purge};
use link::{FeedHandler, Frames, NodeIdentity, Peer, Service};
use model::NodeId;
use serde::{Deserialize, Serialize};
use serve::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use super::{control::Control, directory::Seeds, message};

/// A POP that has not answered after this long counts as not reached.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Purges that wait for one POP; beyond it the POP counts as not reached.
const WAITING_MAX: usize = 256;
/// Between two attempts to open a conversation.
const REOPEN_AFTER: Duration = Duration::from_millis(200);

/// What a region says.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum PurgeOrder {
    Url(String),
    Prefix(String),
    Api(String),
    Tag(String),
}

/// What a POP answers, in the order of what it was told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct PurgeDone {
    purged: u64,
}

/// A region's conversations with POPs.
pub(crate) struct PurgeHub {
    sessions: Mutex<BTreeMap<u64, Session>>,
    next: AtomicU64,
    drain: serve::Drain,
}

struct Session {
    node: NodeId,
    orders: mpsc::Sender<Errand>,
}

struct Errand {
    frame: Bytes,
    done: oneshot::Sender<u64>,
}

impl PurgeHub {
    pub(crate) fn new(drain: serve::Drain) -> Arc<Self> {
        Arc::new(Self {
            sessions: Mutex::default(),
            next: AtomicU64::new(0),
            drain,
        })
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every POP at once; the answers still to come, by node.
    fn tell(&self, frame: &Bytes) -> Vec<(NodeId, oneshot::Receiver<u64>)> {
        let sessions = self.sessions();
        let told = sessions.values().filter_map(|session| {
            let (done, answer) = oneshot::channel();
            let frame = frame.clone();
            let sent = session.orders.try_send(Errand { frame, done });
            sent.ok().map(|()| (session.node, answer))
        });
        told.collect()
    }

    async fn converse(&self, mut orders: mpsc::Receiver<Errand>, mut frames: Frames) {
        loop {
            let errand = tokio::select! {
                () = self.drain.begun() => return,
                // A POP says nothing unasked: this is the end of the conversation.
                _ = frames.recv() => return,
                errand = orders.recv() => errand,
            };
            let Some(errand) = errand else {
                return;
            };
            if frames.send(errand.frame).await.is_err() {
                return;
            }
            let Ok(Ok(Some(answer))) = tokio::time::timeout(ANSWER_WITHIN, frames.recv()).await
            else {
                return;
            };
            match message::decode::<PurgeDone>(&answer) {
                // Nobody may be waiting any more.
                Ok(done) => drop(errand.done.send(done.purged)),
                Err(error) => {
                    tracing::warn!(%error, "a POP's answer to a purge does not decode");
                    return;
                }
            }
        }
    }
}

impl FeedHandler for PurgeHub {
    fn open(&self, from: Arc<NodeIdentity>, _: Bytes, frames: Frames) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let (orders, taken) = mpsc::channel(WAITING_MAX);
            let node = NodeId(from.node);
            let _open = Open { hub: self, number };
            self.sessions().insert(number, Session { node, orders });
            self.converse(taken, frames).await;
        })
    }
}

/// Forgets a conversation when it ends, however it does.
struct Open<'a> {
    hub: &'a PurgeHub,
    number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.hub.sessions().remove(&self.number);
    }
}

impl admin::Caches for PurgeHub {
    fn purge(&self, what: PurgeTarget) -> BoxFuture<'_, Vec<Purged>> {
        Box::pin(async move {
            let order = match what {
                PurgeTarget::Url(url) => PurgeOrder::Url(url),
                PurgeTarget::Prefix(prefix) => PurgeOrder::Prefix(prefix),
                PurgeTarget::Api(api) => PurgeOrder::Api(api.as_str().to_owned()),
                PurgeTarget::Tag(tag) => PurgeOrder::Tag(tag),
            };
            let frame = match message::encode(&order) {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::error!(%error, "a purge does not encode");
                    return Vec::new();
                }
            };
            let begun = Instant::now();
            let told = self.tell(&frame);
            let answers = told.into_iter().map(|(node, answer)| {
                tokio::spawn(async move {
                    let answer = tokio::time::timeout(ANSWER_WITHIN, answer).await;
                    let purged = answer.ok()?.ok()?;
                    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    Some(Purged { node, purged, ms })
                })
            });
            let answers: Vec<_> = answers.collect();
            let mut done: Vec<Purged> = Vec::new();
            for answer in answers {
                if let Ok(Some(purged)) = answer.await {
                    done.push(purged);
                }
            }
            done
        })
    }
}

/// A POP's side: keeps a conversation open with every region node.
pub(crate) async fn listen(
    edge: Arc<Edge>,
    control: Arc<Control>,
    mut seeds: watch::Receiver<Seeds>,
    drain: serve::Drain,
) {
    let mut running: BTreeMap<(NodeId, std::net::SocketAddr), tokio::task::JoinHandle<()>> =
        BTreeMap::new();
    loop {
        let wanted = Seeds::clone(&seeds.borrow_and_update());
        running.retain(|at, task| {
            let keep = wanted.iter().any(|seed| (seed.node, seed.link) == *at);
            if !keep {
                task.abort();
            }
            keep
        });
        for seed in &*wanted {
            running.entry((seed.node, seed.link)).or_insert_with(|| {
                let peer = control.peer_at(seed.node, seed.link);
                drain.spawn(obey(Arc::clone(&edge), peer))
            });
        }
        tokio::select! {
            changed = seeds.changed() => if changed.is_err() { break },
            () = drain.begun() => break,
        }
    }
    for task in running.into_values() {
        task.abort();
    }
}

/// Does what one region node says, until aborted.
async fn obey(edge: Arc<Edge>, peer: Peer) {
    loop {
        if let Ok(mut frames) = peer.open(Service::Purge, Bytes::from_static(b"1")).await {
            while let Ok(Some(frame)) = frames.recv().await {
                let Some(answer) = carry_out(&edge, &frame).await else {
                    break;
                };
                if frames.send(answer).await.is_err() {
                    break;
                }
            }
        }
        tokio::time::sleep(REOPEN_AFTER).await;
    }
}

async fn carry_out(edge: &Arc<Edge>, frame: &[u8]) -> Option<Bytes> {
    let purge = match message::decode(frame) {
        Ok(PurgeOrder::Url(url)) => Purge::Url(url),
        Ok(PurgeOrder::Prefix(prefix)) => Purge::Prefix(prefix),
        Ok(PurgeOrder::Api(api)) => Purge::Api(api.as_str().into()),
        Ok(PurgeOrder::Tag(tag)) => Purge::Tag(tag),
        Err(error) => {
            tracing::warn!(%error, "a region's purge does not decode");
            return None;
        }
    };
    let edge = Arc::clone(edge);
    // Sweeping the whole cache takes a while.
    let purged = tokio::task::spawn_blocking(move || edge.purge(&purge)).await;
    message::encode(&PurgeDone {
        purged: purged.ok()?,
    })
    .ok()
}
