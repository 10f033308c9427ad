//! What this node knows of raft, for operators, metrics and the admin interface.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use model::{Config, NodeId, Revision};
use openraft::ServerState;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{
    members,
    metrics::Metrics,
    types::{Raft, RaftMetrics},
    watchdog::Pulse,
};

/// What a node is in raft at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Orders the changes.
    Leader,
    /// Follows a leader and votes.
    Follower,
    /// Stands for election.
    Candidate,
    /// Follows a leader and does not vote; also a node that is not a member yet.
    Learner,
    /// Raft has ended on this node.
    Stopped,
}

impl Role {
    /// The word in answers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Learner => "learner",
            Self::Stopped => "stopped",
        }
    }
}

/// What this node knows of raft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub node: NodeId,
    /// What it is.
    pub role: Role,
    /// The election period; it only rises.
    pub term: u64,
    /// The leader, as far as known; it may have died since.
    pub leader: Option<NodeId>,
    /// The last log entry this node has applied.
    pub last_applied: Option<u64>,
    /// The last log entry this node has.
    pub last_log: Option<u64>,
    /// The last log entry in this node's snapshot.
    pub snapshot: Option<u64>,
    /// The revision of the configuration this node has applied.
    pub revision: Revision,
    /// Members that vote, and their addresses.
    pub voters: BTreeMap<NodeId, SocketAddr>,
    /// Members that do not vote, and their addresses.
    pub learners: BTreeMap<NodeId, SocketAddr>,
    /// On the leader: log entries by which members are behind, where known.
    pub lag: BTreeMap<NodeId, u64>,
    /// Whether a leader lives: this node leads a majority, or hears from the leader.
    pub healthy: bool,
}

impl Status {
    /// The status that raft's own account amounts to.
    pub(crate) fn of(now: &RaftMetrics, revision: Revision, leader_alive: bool) -> Self {
        let membership = now.membership_config.membership();
        let address = |id| Some((NodeId(id), membership.get_node(&id)?.link));
        let lag = membership
            .nodes()
            .filter(|_| now.state.is_leader())
            .filter_map(|(id, _)| Some((NodeId(*id), members::lag(now, *id)?)));
        let role = match (&now.running_state, now.state) {
            (Err(_), _) | (Ok(()), ServerState::Shutdown) => Role::Stopped,
            (Ok(()), ServerState::Leader) => Role::Leader,
            (Ok(()), ServerState::Follower) => Role::Follower,
            (Ok(()), ServerState::Candidate) => Role::Candidate,
            (Ok(()), ServerState::Learner) => Role::Learner,
        };
        Self {
            node: NodeId(now.id),
            role,
            term: now.current_term,
            leader: now.current_leader.map(NodeId),
            last_applied: now.last_applied.map(|id| id.index),
            last_log: now.last_log_index,
            snapshot: now.snapshot.map(|id| id.index),
            revision,
            voters: membership.voter_ids().filter_map(address).collect(),
            learners: membership.learner_ids().filter_map(address).collect(),
            lag: lag.collect(),
            healthy: role != Role::Stopped && leader_alive,
        }
    }

    fn show(&self, metrics: &Metrics) {
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        metrics.term.set(gauge(self.term));
        metrics.is_leader.set(i64::from(self.role == Role::Leader));
        metrics.healthy.set(i64::from(self.healthy));
        metrics
            .lag_max
            .set(gauge(self.lag.values().copied().max().unwrap_or(0)));
    }
}

/// Keeps the status up to date.
pub(crate) struct Reporter {
    pub(crate) raft: Raft,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) status: watch::Sender<Arc<Status>>,
    pub(crate) every: Duration,
}

impl Reporter {
    /// Reports whenever raft does, and regularly, since silence changes the status too. Runs until
    /// raft ends or it is dropped.
    pub(crate) async fn run(self) {
        let mut raft = self.raft.metrics();
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.report(&raft.borrow_and_update().clone());
            let ended = tokio::select! {
                changed = raft.changed() => changed.is_err(),
                _ = ticks.tick() => false,
            };
            if ended {
                self.report(&raft.borrow().clone());
                return;
            }
        }
    }

    fn report(&self, now: &RaftMetrics) {
        let revision = self.config.borrow().revision;
        let status = Status::of(now, revision, self.pulse.leader_alive(now));
        self.status.send_if_modified(|shown| {
            let differs = **shown != status;
            if differs {
                status.show(&self.metrics);
                *shown = Arc::new(status);
            }
            differs
        });
    }
}
