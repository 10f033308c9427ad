//! A wire in memory that can be cut, and a cluster on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use link::{CallError, CallFailure, NodeIdentity, PeerRole, RpcError, RpcHandler, Service};
use model::{Config, NodeId};
use prometheus::Registry;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::changes::{bootstrap, nowhere};
use crate::{
    Ledger, LedgerSettings, Status,
    network::{BoxFuture, Wire},
};

type Handlers = (Arc<dyn RpcHandler>, Arc<dyn RpcHandler>);

#[derive(Default)]
pub(crate) struct Hub {
    nodes: Mutex<BTreeMap<u64, Handlers>>,
    cut: Mutex<BTreeSet<(u64, u64)>>,
}

struct HubWire {
    hub: Arc<Hub>,
    me: u64,
}

impl Hub {
    /// Messages from `a` to `b` and back vanish, or no longer do.
    pub(crate) fn cut(&self, a: u64, b: u64, cut: bool) {
        let mut set = self.cut.lock().unwrap();
        for path in [(a, b), (b, a)] {
            if cut {
                set.insert(path)
            } else {
                set.remove(&path)
            };
        }
    }
}

impl Wire for HubWire {
    fn rpc(
        &self,
        to: NodeId,
        _: SocketAddr,
        service: Service,
        message: Bytes,
        limit: Duration,
    ) -> BoxFuture<'_, Result<Bytes, RpcError>> {
        let cut = self.hub.cut.lock().unwrap().contains(&(self.me, to.0));
        let handlers = self.hub.nodes.lock().unwrap().get(&to.0).cloned();
        let from = NodeIdentity::new("test", PeerRole::Region, "here-1", self.me).unwrap();
        Box::pin(async move {
            if cut {
                sleep(limit).await;
                return Err(RpcError::Timeout);
            }
            let Some((raft, propose)) = handlers else {
                return Err(RpcError::Link(CallError::unsent(CallFailure::Unreachable)));
            };
            let handler = if service == Service::Raft {
                raft
            } else {
                propose
            };
            let answered = timeout(limit, handler.rpc(Some(Arc::new(from)), message)).await;
            if self.hub.cut.lock().unwrap().contains(&(to.0, self.me)) {
                return Err(RpcError::Link(CallError::maybe(
                    CallFailure::ConnectionLost,
                )));
            }
            answered
                .map_err(|_| RpcError::Timeout)?
                .map_err(RpcError::Refused)
        })
    }
}

/// Ledgers on a hub, with their directories.
pub(crate) struct Lab {
    pub(crate) hub: Arc<Hub>,
    dirs: BTreeMap<u64, TempDir>,
    pub(crate) ledgers: BTreeMap<u64, Ledger>,
    pub(crate) snapshot_every: u64,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            hub: Arc::default(),
            dirs: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            snapshot_every: 5000,
        }
    }

    /// A cluster of this many voters.
    pub(crate) async fn of(voters: u64) -> Self {
        let mut lab = Self::new();
        lab.first().await;
        for node in 2..=voters {
            lab.join(node).await;
        }
        lab
    }

    /// The first voter.
    pub(crate) async fn first(&mut self) {
        let first = self.start(1).await;
        let applied = first
            .bootstrap(nowhere(1), bootstrap(nowhere(1)))
            .await
            .unwrap();
        assert_eq!(applied.outcome.unwrap().revision.0, 1);
    }

    /// Another voter.
    pub(crate) async fn join(&mut self, node: u64) {
        self.start(node).await;
        self.ledgers[&1]
            .add_learner(NodeId(node), nowhere(node))
            .await
            .unwrap();
        self.ledgers[&1].promote(NodeId(node)).await.unwrap();
    }

    /// Starts a node with the files it had, if any.
    pub(crate) async fn start(&mut self, node: u64) -> Ledger {
        let dir = self
            .dirs
            .entry(node)
            .or_insert_with(|| TempDir::new().unwrap());
        let mut settings = LedgerSettings::new("test", NodeId(node), dir.path()).local();
        settings.snapshot_every = self.snapshot_every;
        let wire = Arc::new(HubWire {
            hub: Arc::clone(&self.hub),
            me: node,
        });
        let ledger = Ledger::start(settings, wire, &Registry::new())
            .await
            .unwrap();
        let (raft, propose) = ledger.handlers();
        self.hub.nodes.lock().unwrap().insert(node, (raft, propose));
        self.ledgers.insert(node, ledger.clone());
        ledger
    }

    /// Stops a node at once, as far as the others can tell.
    pub(crate) async fn kill(&mut self, node: u64) {
        self.hub.nodes.lock().unwrap().remove(&node);
        if let Some(ledger) = self.ledgers.remove(&node) {
            ledger.shutdown().await;
        }
    }

    /// Takes a node's files away.
    pub(crate) fn wipe(&mut self, node: u64) {
        self.dirs.remove(&node);
    }

    /// The node that leads, once there is one.
    pub(crate) async fn leader(&self) -> u64 {
        let found = timeout(Duration::from_secs(10), async {
            loop {
                let statuses = self.ledgers.values().map(|ledger| ledger.status());
                for status in statuses {
                    let status = Arc::clone(&status.borrow());
                    if status.role == crate::Role::Leader && status.healthy {
                        return status.node.0;
                    }
                }
                sleep(Duration::from_millis(5)).await;
            }
        });
        found.await.expect("no leader was elected")
    }
}

/// Waits until a ledger's configuration is as wanted.
pub(crate) async fn shows(ledger: &Ledger, wanted: impl FnMut(&Arc<Config>) -> bool) {
    let mut config = ledger.config();
    let reached = timeout(Duration::from_secs(10), config.wait_for(wanted)).await;
    drop(
        reached
            .expect("the configuration did not become as wanted")
            .unwrap(),
    );
}

/// Waits until a ledger's status is as wanted.
pub(crate) async fn becomes(ledger: &Ledger, mut wanted: impl FnMut(&Status) -> bool) {
    let mut status = ledger.status();
    let reached = timeout(Duration::from_secs(10), status.wait_for(|now| wanted(now))).await;
    if reached.is_err() {
        panic!("the status is {:?}", ledger.status().borrow());
    }
}
