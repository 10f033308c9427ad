//! Keeps a node that only lost touch from deposing a healthy leader.
//!
//! openraft 0.9 has no pre-vote: a node that is cut off stands for election again and again, and
//! when it comes back its high term ends the current leader's. So elections are off by default, and
//! a node that has not heard from a leader asks the other voters whether they have. Only if a
//! majority, itself included, hears from none may it stand. (Raft, Ongaro's thesis, section 9.6.)

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use link::Service;
use model::NodeId;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    leader::leads,
    messages::{self, RaftAnswer, RaftRequest},
    network::Wire,
    types::{Raft, RaftMetrics},
};

/// When this node last heard from its leader.
pub(crate) struct Pulse {
    epoch: Instant,
    /// Milliseconds after `epoch`, plus one; zero is never.
    heard: AtomicU64,
    /// Silence for which a leader is taken to be alive.
    patience: Duration,
}

impl Pulse {
    pub(crate) fn new(patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            heard: AtomicU64::new(0),
            patience,
        })
    }

    /// A message of the current leader has arrived.
    pub(crate) fn beat(&self) {
        self.beat_at(Instant::now());
    }

    fn beat_at(&self, at: Instant) {
        let millis = u64::try_from((at - self.epoch).as_millis()).unwrap_or(u64::MAX - 1);
        self.heard.store(millis + 1, Ordering::Relaxed);
    }

    /// Whether there is a leader, as far as this node can tell by itself: it leads, or hears one.
    pub(crate) fn leader_alive(&self, now: &RaftMetrics) -> bool {
        if now.state.is_leader() {
            leads(now, self.patience)
        } else {
            self.heard_at(Instant::now())
        }
    }

    fn heard_at(&self, at: Instant) -> bool {
        let Some(heard) = self.heard.load(Ordering::Relaxed).checked_sub(1) else {
            return false;
        };
        (at - self.epoch).saturating_sub(Duration::from_millis(heard)) <= self.patience
    }
}

/// What the watchdog needs to ask others.
pub(crate) struct Watchdog {
    pub(crate) raft: Raft,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) every: Duration,
}

/// What a voter said, if anything.
type Replies = BTreeMap<u64, bool>;

impl Watchdog {
    /// Allows or forbids elections, again and again. Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut allowed = false;
        loop {
            ticks.tick().await;
            let now = self.raft.metrics().borrow().clone();
            let allow = if self.pulse.leader_alive(&now) {
                false
            } else {
                let replies = self.ask(&now).await;
                // While others were asked a leader may have shown itself.
                may_stand(&now, &replies) && !self.pulse.leader_alive(&now)
            };
            self.raft.runtime_config().elect(allow);
            if allow != allowed {
                tracing::info!(node = now.id, allow, "standing for election");
                allowed = allow;
            }
        }
    }

    /// Asks every other voter at once; who does not answer within a tick has not answered.
    async fn ask(&self, now: &RaftMetrics) -> Replies {
        let Ok(question) = messages::encode(&RaftRequest::LeaderAlive) else {
            return Replies::new();
        };
        let mut asked = JoinSet::new();
        for (voter, addr) in other_voters(now) {
            let (wire, question, timeout) = (Arc::clone(&self.wire), question.clone(), self.every);
            asked.spawn(async move {
                let to = NodeId(voter);
                let answer = wire
                    .rpc(to, addr, Service::Raft, question, timeout)
                    .await
                    .ok()?;
                match messages::decode(&answer) {
                    Ok(RaftAnswer::LeaderAlive(alive)) => Some((voter, alive)),
                    _ => None,
                }
            });
        }
        asked.join_all().await.into_iter().flatten().collect()
    }
}

fn other_voters(now: &RaftMetrics) -> Vec<(u64, SocketAddr)> {
    let membership = now.membership_config.membership();
    let others = membership.voter_ids().filter(|voter| *voter != now.id);
    others
        .filter_map(|voter| Some((voter, membership.get_node(&voter)?.link)))
        .collect()
}

/// Whether a majority of the voters, in both configurations while they change, hears no leader.
fn may_stand(now: &RaftMetrics, replies: &Replies) -> bool {
    let leaderless = |voter: &&u64| **voter == now.id || replies.get(*voter) == Some(&false);
    let configurations: &Vec<BTreeSet<u64>> = now.membership_config.membership().get_joint_config();
    !configurations.is_empty()
        && configurations
            .iter()
            .all(|voters| 2 * voters.iter().filter(leaderless).count() > voters.len())
}

#[cfg(test)]
mod tests;
