//! The ledger itself: puts the parts together, and its public face.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use link::{PeerRole, Service, Services};
use model::{Change, Config, NodeId};
use openraft::error::{InitializeError, RaftError};
use prometheus::Registry;
use tokio::{sync::watch, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    batch::Batcher,
    error::{LedgerError, MemberError, ProposeError},
    handlers::{ProposeHandler, RaftHandler},
    leader::Leader,
    limits,
    machine::StateMachine,
    members,
    messages::MemberChange,
    metrics::Metrics,
    network::{Alone, Links, Network, PeerDirectory, Wire},
    propose::{Applied, Caller},
    settings::LedgerSettings,
    status::{Reporter, Status},
    store,
    types::{Member, Raft},
    watchdog::{Pulse, Watchdog},
};

/// This node's copy of the replicated configuration, and its voice in changing it.
///
/// Cloning is cheap. When the last clone is dropped the ledger stops in the background;
/// [`shutdown`](Self::shutdown) also waits for it.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    caller: Caller,
    pulse: Arc<Pulse>,
    settings: LedgerSettings,
    config: watch::Receiver<Arc<Config>>,
    status: watch::Receiver<Arc<Status>>,
    tasks: TaskTracker,
    closed: CancellationToken,
    _stop: DropGuard,
}

impl Ledger {
    /// Opens, or makes, the ledger in `settings.dir` and starts raft on the current runtime. The
    /// configuration is that of the last start at once; a new node's is empty until it joins.
    ///
    /// # Errors
    /// A directory that cannot be used, or belongs to another node; wrong settings.
    pub async fn open(
        settings: LedgerSettings,
        peers: Arc<dyn PeerDirectory>,
        registry: &Registry,
    ) -> Result<Self, LedgerError> {
        Self::start(settings, Arc::new(Links(peers)), registry).await
    }

    /// Opens the ledger of a cluster of one node, which needs no links.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_alone(
        settings: LedgerSettings,
        registry: &Registry,
    ) -> Result<Self, LedgerError> {
        Self::start(settings, Arc::new(Alone), registry).await
    }

    pub(crate) async fn start(
        settings: LedgerSettings,
        wire: Arc<dyn Wire>,
        registry: &Registry,
    ) -> Result<Self, LedgerError> {
        let raft_settings = settings.to_raft()?;
        let metrics = Metrics::new(registry)?;
        let (log, machine) = load(settings.clone(), Arc::clone(&metrics)).await?;
        let (config, applied, closed) = (machine.config(), machine.applied(), log.closed());
        let network = Network(Arc::clone(&wire));
        let raft = Raft::new(settings.node.0, raft_settings, network, log, machine)
            .await
            .map_err(|error| LedgerError::Raft(error.to_string()))?;

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let pulse = Pulse::new(settings.election_min);
        let (batcher, batches) = Batcher::new(raft.clone(), Arc::clone(&metrics), stop.clone());
        let first = Status::of(&raft.metrics().borrow(), config.borrow().revision, false);
        let status = watch::Sender::new(Arc::new(first));
        let shown = status.subscribe();
        let reporter = Reporter {
            raft: raft.clone(),
            pulse: Arc::clone(&pulse),
            config: config.clone(),
            metrics: Arc::clone(&metrics),
            status,
            every: settings.heartbeat,
        };
        let watchdog = Watchdog {
            raft: raft.clone(),
            pulse: Arc::clone(&pulse),
            wire: Arc::clone(&wire),
            every: settings.heartbeat,
        };
        let addresses =
            members::follow_addresses(raft.clone(), config.clone(), settings.election_min);
        tasks.spawn(batches);
        tasks.spawn(until(stop.clone(), watchdog.run()));
        tasks.spawn(until(stop.clone(), addresses));
        // Ends by itself when raft has ended, so that it reports that too.
        tasks.spawn(reporter.run());
        tasks.spawn(end(raft.clone(), stop.clone()));
        tasks.close();

        let leader = Leader {
            raft,
            batcher,
            patience: settings.election_max,
        };
        let _stop = stop.clone().drop_guard();
        let caller = Caller {
            leader,
            wire,
            applied,
            config: config.clone(),
            stop,
            metrics,
        };
        let shared = Shared {
            caller,
            pulse,
            settings,
            config,
            status: shown,
            tasks,
            closed,
            _stop,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Stops raft on this node and waits until its files are released. Call it when nobody proposes
    /// any more; what is still proposed fails with [`ProposeError::Stopped`].
    pub async fn shutdown(&self) {
        self.0.caller.stop.cancel();
        self.0.tasks.wait().await;
        // Replication tasks end a moment after the core.
        if timeout(limits::CLOSE_TIMEOUT, self.0.closed.cancelled())
            .await
            .is_err()
        {
            tracing::warn!("the ledger's log is still in use");
        }
    }

    /// Adds this ledger's services, for region nodes only.
    #[must_use]
    pub fn serve(&self, services: Services) -> Services {
        let (raft, propose) = self.handlers();
        services
            .with_rpc(Service::Raft, raft)
            .with_roles(Service::Raft, &[PeerRole::Region])
            .with_rpc(Service::Propose, propose)
            .with_roles(Service::Propose, &[PeerRole::Region])
    }

    pub(crate) fn handlers(&self) -> (Arc<RaftHandler>, Arc<ProposeHandler>) {
        let caller = &self.0.caller;
        let raft = RaftHandler {
            raft: caller.leader.raft.clone(),
            pulse: Arc::clone(&self.0.pulse),
            metrics: Arc::clone(&caller.metrics),
        };
        let propose = ProposeHandler {
            leader: caller.leader.clone(),
            metrics: Arc::clone(&caller.metrics),
        };
        (Arc::new(raft), Arc::new(propose))
    }

    /// The configuration as of the last change this node has applied.
    #[must_use]
    pub fn config(&self) -> watch::Receiver<Arc<Config>> {
        self.0.config.clone()
    }

    /// What this node knows of raft; changes with every entry and at least every heartbeat.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.0.status.clone()
    }

    /// Makes this node, which listens at `link`, the first voter of a new cluster and proposes
    /// `change` (`Op::Bootstrap`). Harmless on a cluster that exists: the change is then rejected.
    ///
    /// # Errors
    /// As [`propose`](Self::propose).
    pub async fn bootstrap(
        &self,
        link: SocketAddr,
        change: Change,
    ) -> Result<Applied, ProposeError> {
        let members = BTreeMap::from([(self.0.settings.node.0, Member { link })]);
        let initialized = self.0.caller.leader.raft.initialize(members).await;
        match initialized {
            // There is a log already: an earlier attempt came this far, or the cluster exists.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(RaftError::APIError(InitializeError::NotInMembers(_)) | RaftError::Fatal(_)) => {
                return Err(ProposeError::Stopped);
            }
        }
        self.propose(change).await
    }

    /// Proposes a change at the leader, wherever it is, and waits until this node has applied it.
    ///
    /// # Errors
    /// Where it is not known what became of it: see [`ProposeError`]. A rejection is a result.
    pub async fn propose(&self, change: Change) -> Result<Applied, ProposeError> {
        self.propose_within(change, self.0.settings.propose_timeout)
            .await
    }

    /// [`propose`](Self::propose) with another time limit.
    ///
    /// # Errors
    /// As [`propose`](Self::propose).
    pub async fn propose_within(
        &self,
        change: Change,
        limit: Duration,
    ) -> Result<Applied, ProposeError> {
        self.0.caller.propose(&change, limit).await
    }

    /// Waits until this node has applied every change that was acknowledged anywhere before the
    /// call: what is read from [`config`](Self::config) afterwards is not stale.
    ///
    /// # Errors
    /// No leader that a majority follows could be asked in time.
    pub async fn linearizable(&self) -> Result<(), ProposeError> {
        self.linearizable_within(self.0.settings.propose_timeout)
            .await
    }

    /// [`linearizable`](Self::linearizable) with another time limit.
    ///
    /// # Errors
    /// As [`linearizable`](Self::linearizable).
    pub async fn linearizable_within(&self, limit: Duration) -> Result<(), ProposeError> {
        self.0.caller.linearizable(limit).await
    }

    /// Adds `node`, which listens at `link`, as a member without a vote, or moves a member there.
    ///
    /// # Errors
    /// No leader in time, or another change of the members went on all the time.
    pub async fn add_learner(&self, node: NodeId, link: SocketAddr) -> Result<(), MemberError> {
        self.0.caller.alter(MemberChange::Put(node, link)).await
    }

    /// Gives a learner a vote once it has caught up with the log.
    ///
    /// # Errors
    /// It is no member, did not catch up in time; or as [`add_learner`](Self::add_learner).
    pub async fn promote(&self, node: NodeId) -> Result<(), MemberError> {
        self.0.caller.alter(MemberChange::Promote(node)).await
    }

    /// Removes a member. Harmless if it is none. A voter that has lost its disk must be removed
    /// before it comes back, since it no longer knows what it agreed to.
    ///
    /// # Errors
    /// It is the last voter; or as [`add_learner`](Self::add_learner).
    pub async fn remove(&self, node: NodeId) -> Result<(), MemberError> {
        self.0.caller.alter(MemberChange::Remove(node)).await
    }

    /// As [`remove`](Self::remove), but refused when `live`, the nodes that are known to live,
    /// would be no majority of the voters that are left. The leader decides, so that of several
    /// removals at a time each sees what those before it have left.
    ///
    /// # Errors
    /// As [`remove`](Self::remove), and that a majority would be lost.
    pub async fn retire(&self, node: NodeId, live: Vec<NodeId>) -> Result<(), MemberError> {
        let change = MemberChange::Retire { node, live };
        self.0.caller.alter(change).await
    }
}

/// Opens the files and restores the machine, where blocking is allowed.
async fn load(
    settings: LedgerSettings,
    metrics: Arc<Metrics>,
) -> Result<(store::LogStore, StateMachine), LedgerError> {
    let work = move || {
        let (log, snapshots) = store::open(&settings, &metrics)?;
        StateMachine::restore(snapshots, metrics).map(|machine| (log, machine))
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| LedgerError::Raft(error.to_string()))?
}

/// Ends raft when told to.
async fn end(raft: Raft, stop: CancellationToken) {
    stop.cancelled().await;
    if let Err(error) = raft.shutdown().await {
        tracing::error!(%error, "raft did not end well");
    }
}

/// Runs `work` until it or `stop` ends.
async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}
