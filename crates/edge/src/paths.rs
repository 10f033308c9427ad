//! A worker's own connections: one per region node, made in the worker's runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arc_swap::ArcSwap;
use link::{Expected, Peer, PeerRole, PeerState, Transport};
use model::{NodeId, RegionName};
use plan::edge::{EdgeNode, EdgePlan};
use serve::Drain;
use tokio::time::Instant;

use crate::lane::{Lane, Lanes};
use crate::outage::Outage;
use crate::relaying::Relays;

/// The connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Paths(
    ArcSwap<Vec<Arc<Path>>>,
    Arc<Outage>,
    /// Ways by other POPs.
    pub(crate) Relays,
);

/// The connection to one node.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) node: EdgeNode,
    pub(crate) region: RegionName,
    pub(crate) peer: Peer,
    pub(crate) lane: Arc<Lane>,
    /// The last call failed: the next success is worth telling.
    failing: AtomicBool,
    /// Calls that ended, and how many of them failed, since they were last taken.
    calls: AtomicU32,
    failures: AtomicU32,
}

impl Paths {
    /// Makes the connections that `plan` needs, and drops those that it does not. Calls on a
    /// dropped one run to their end.
    pub(crate) fn install(
        &self,
        plan: &EdgePlan,
        lanes: &Lanes,
        (transport, drain): (&Transport, &Drain),
    ) {
        let old = self.0.load_full();
        let mut paths = Vec::new();
        for region in plan.regions() {
            for node in &region.nodes {
                let same = |path: &&Arc<Path>| path.node == *node && path.region == region.name;
                let path = old.iter().find(same).cloned().unwrap_or_else(|| {
                    let place = region.name.as_str();
                    let expected = Expected::node(PeerRole::Region, place, node.id.0);
                    let peer = transport.connect(node.link, expected);
                    Arc::clone(&self.1).follow(&peer, drain);
                    connect_early(peer.clone(), drain);
                    let failing = AtomicBool::new(false);
                    Arc::new(Path {
                        node: *node,
                        region: region.name.clone(),
                        peer,
                        lane: lanes.of(&region.name),
                        failing,
                        calls: AtomicU32::new(0),
                        failures: AtomicU32::new(0),
                    })
                });
                paths.push(path);
            }
        }
        self.0.store(Arc::new(paths));
    }

    pub(crate) fn find(&self, node: NodeId) -> Option<Arc<Path>> {
        self.0
            .load()
            .iter()
            .find(|path| path.node.id == node)
            .cloned()
    }

    /// When every connection has just been lost: whether one came back before `deadline`.
    pub(crate) async fn back(&self, deadline: Instant) -> bool {
        self.1.over(deadline, || self.any_up()).await
    }

    /// Whether any connection is open.
    pub(crate) fn any_up(&self) -> bool {
        let up = |path: &Arc<Path>| path.peer.state() == PeerState::Up;
        self.0.load().iter().any(up)
    }
}

impl Paths {
    /// Takes, per node, how many calls ended since the last time and how many of them failed.
    pub(crate) fn take_tallies(&self) -> Vec<(NodeId, u64, u64)> {
        let paths = self.0.load();
        let taken = paths.iter().map(|path| {
            let failures = path.failures.swap(0, Ordering::Relaxed);
            let calls = path.calls.swap(0, Ordering::Relaxed);
            (path.node.id, calls.into(), failures.into())
        });
        taken.collect()
    }
}

impl Path {
    /// Notes a success; answers whether it is the first after a failure.
    pub(crate) fn succeeded(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed);
        // Read first: most calls follow a success, and a read leaves the cache line shared.
        self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
    }
}

/// So that the first request does not wait for a handshake.
fn connect_early(peer: Peer, drain: &Drain) {
    drain.spawn(async move {
        if let Err(error) = peer.ready().await {
            tracing::debug!(addr = %peer.addr(), %error, "region node not reached yet");
        }
    });
}
