//! The control connections: one path to every region node, for Raft, feeds, reports and probes.
//!
//! Data-plane calls do not use these; each data-plane worker has its own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use link::{Expected, LinkTransport, Peer, PeerRole, ProbeOutcome, Transport};
use model::NodeId;
use tokio::sync::watch;

use super::directory::Seeds;

/// Between two probes of one region node.
pub(crate) const PROBE_EVERY: Duration = Duration::from_millis(250);

/// Paths to region nodes, made on first use.
pub(crate) struct Control {
    transport: Transport,
    role: PeerRole,
    peers: Mutex<BTreeMap<NodeId, Peer>>,
}

impl Control {
    pub(crate) fn new(transport: Transport) -> Arc<Self> {
        Arc::new(Self {
            transport,
            role: PeerRole::Region,
            peers: Mutex::default(),
        })
    }

    /// Paths to nodes of another role, over the same socket.
    pub(crate) fn to(&self, role: PeerRole) -> Arc<Self> {
        Arc::new(Self {
            transport: self.transport.clone(),
            role,
            peers: Mutex::default(),
        })
    }

    /// The path to a node; a new one when its address has changed.
    pub(crate) fn peer_at(&self, node: NodeId, addr: SocketAddr) -> Peer {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = peers.get(&node).filter(|peer| peer.addr() == addr) {
            return known.clone();
        }
        let expected = Expected {
            role: Some(self.role),
            place: None,
            node: Some(node.0),
        };
        let peer = self.transport.connect(addr, expected);
        peers.insert(node, peer.clone());
        peer
    }

    /// The nodes that are reached over HTTP/2 now, because QUIC does not get through.
    pub(crate) fn over_h2(&self) -> Vec<NodeId> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let h2 = peers
            .iter()
            .filter(|(_, peer)| peer.transport() == Some(LinkTransport::Http2));
        h2.map(|(node, _)| *node).collect()
    }

    /// Probes every region node but `own`, and tells `tell` each outcome, until the list's sender
    /// is gone or the process drains.
    pub(crate) async fn probe_all(
        self: Arc<Self>,
        own: NodeId,
        mut seeds: watch::Receiver<Seeds>,
        tell: Arc<dyn Fn(NodeId, ProbeOutcome) + Send + Sync>,
        drain: serve::Drain,
    ) {
        let mut running: BTreeMap<NodeId, (SocketAddr, tokio::task::JoinHandle<()>)> =
            BTreeMap::new();
        loop {
            let wanted = Seeds::clone(&seeds.borrow_and_update());
            running.retain(|node, (addr, task)| {
                let keep = wanted
                    .iter()
                    .any(|seed| seed.node == *node && seed.link == *addr);
                if !keep {
                    task.abort();
                }
                keep
            });
            for seed in super::directory::others(&wanted, own) {
                running.entry(seed.node).or_insert_with(|| {
                    let peer = self.peer_at(seed.node, seed.link);
                    let task = drain.spawn(probe_one(seed.node, peer, tell.clone()));
                    (seed.link, task)
                });
            }
            tokio::select! {
                changed = seeds.changed() => if changed.is_err() { break },
                () = drain.expired() => break,
            }
        }
        for (_, task) in running.into_values() {
            task.abort();
        }
    }
}

async fn probe_one(
    node: NodeId,
    peer: Peer,
    tell: Arc<dyn Fn(NodeId, ProbeOutcome) + Send + Sync>,
) {
    let mut outcomes = peer.probes(PROBE_EVERY);
    while let Some(outcome) = outcomes.recv().await {
        tell(node, outcome);
    }
}
