//! Changes of the raft members, made on the leader.
//!
//! A node joins as a learner and is promoted once it has the log. Which nodes those are is decided
//! elsewhere; here the leader only follows the addresses that the configuration gives to members,
//! so that a node which came back elsewhere is found again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use model::{Config, NodeId};
use openraft::{
    ChangeMembers,
    error::{ChangeMembershipError, ClientWriteError, RaftError},
    raft::ClientWriteResponse,
};
use tokio::{sync::watch, time};

use crate::{
    limits,
    messages::{LeaderAnswer, MemberChange},
    types::{Member, Raft, RaftMetrics, Types},
};

/// What has to be done for a `MemberChange`.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It is so already.
    Nothing,
    Add(u64, Member),
    Alter {
        changes: ChangeMembers<u64, Member>,
        retain: bool,
    },
    Refuse(Refusal),
}

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Unknown,
    LastVoter,
    Behind,
    Minority { live: usize, left: usize },
}

/// Makes a change of the members and waits until it is committed.
pub(crate) async fn alter(raft: &Raft, change: MemberChange) -> LeaderAnswer {
    let step = decide(&change, &raft.metrics().borrow());
    let done = match step {
        Step::Nothing => return LeaderAnswer::Index(0),
        Step::Refuse(Refusal::Unknown) => return LeaderAnswer::Unknown,
        Step::Refuse(Refusal::LastVoter) => return LeaderAnswer::LastVoter,
        Step::Refuse(Refusal::Behind) => return LeaderAnswer::Behind,
        Step::Refuse(Refusal::Minority { live, left }) => {
            return LeaderAnswer::Minority { live, left };
        }
        Step::Add(node, member) => raft.add_learner(node, member, false).await,
        Step::Alter { changes, retain } => raft.change_membership(changes, retain).await,
    };
    tracing::info!(?change, ok = done.is_ok(), "raft members changed");
    answer(done)
}

type Done = Result<ClientWriteResponse<Types>, RaftError<u64, ClientWriteError<u64, Member>>>;

fn answer(done: Done) -> LeaderAnswer {
    match done {
        Ok(ClientWriteResponse { log_id, .. }) => LeaderAnswer::Index(log_id.index),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => LeaderAnswer::NotLeader,
        Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => match error {
            ChangeMembershipError::InProgress(_) => LeaderAnswer::Busy,
            ChangeMembershipError::EmptyMembership(_) => LeaderAnswer::LastVoter,
            ChangeMembershipError::LearnerNotFound(_) => LeaderAnswer::Unknown,
        },
        Err(RaftError::Fatal(_)) => LeaderAnswer::Stopped,
    }
}

fn decide(change: &MemberChange, now: &RaftMetrics) -> Step {
    let membership = now.membership_config.membership();
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    match change {
        MemberChange::Put(NodeId(node), link) => match membership.get_node(node) {
            None => Step::Add(*node, Member { link: *link }),
            Some(member) if member.link == *link => Step::Nothing,
            Some(_) => {
                let changes = ChangeMembers::SetNodes([(*node, Member { link: *link })].into());
                Step::Alter {
                    changes,
                    retain: true,
                }
            }
        },
        MemberChange::Promote(NodeId(node)) => {
            if membership.get_node(node).is_none() {
                return Step::Refuse(Refusal::Unknown);
            }
            // A voter during a change that was cut short needs the rest of that change.
            if voters.contains(node) && membership.get_joint_config().len() == 1 {
                return Step::Nothing;
            }
            if lag(now, *node).is_none_or(|lag| lag > limits::PROMOTION_LAG_MAX) {
                return Step::Refuse(Refusal::Behind);
            }
            Step::Alter {
                changes: ChangeMembers::AddVoterIds([*node].into()),
                retain: true,
            }
        }
        MemberChange::Remove(NodeId(node)) => remove(*node, now, &voters),
        MemberChange::Retire {
            node: NodeId(node),
            live,
        } => {
            let left = voters.iter().filter(|voter| *voter != node);
            let living = left.clone().filter(|voter| live.contains(&NodeId(**voter)));
            let (left, living) = (left.count(), living.count());
            // A voter that is gone already only weighs on the others.
            if voters.contains(node) && left > 0 && living * 2 <= left {
                let live = living;
                return Step::Refuse(Refusal::Minority { live, left });
            }
            remove(*node, now, &voters)
        }
    }
}

fn remove(node: u64, now: &RaftMetrics, voters: &BTreeSet<u64>) -> Step {
    if now.membership_config.membership().get_node(&node).is_none() {
        return Step::Nothing;
    }
    if !voters.contains(&node) {
        let changes = ChangeMembers::RemoveNodes([node].into());
        return Step::Alter {
            changes,
            retain: true,
        };
    }
    if voters.len() == 1 {
        return Step::Refuse(Refusal::LastVoter);
    }
    Step::Alter {
        changes: ChangeMembers::RemoveVoters([node].into()),
        retain: false,
    }
}

/// How many entries `node` is behind the leader's log, if this node leads and knows.
pub(crate) fn lag(now: &RaftMetrics, node: u64) -> Option<u64> {
    if node == now.id {
        return Some(0);
    }
    let matched = now.replication.as_ref()?.get(&node)?.as_ref()?.index;
    Some(now.last_log_index.unwrap_or(0).saturating_sub(matched))
}

/// While this node leads, gives members the addresses that the configuration has for them.
/// Runs until it is dropped.
pub(crate) async fn follow_addresses(
    raft: Raft,
    mut config: watch::Receiver<Arc<Config>>,
    pause: Duration,
) {
    loop {
        let known = Arc::clone(&config.borrow_and_update());
        let moves = moved(&known, &raft.metrics().borrow());
        for change in moves {
            // What fails is tried again after the pause, if this node still leads.
            if let LeaderAnswer::Stopped = alter(&raft, change).await {
                return;
            }
        }
        // The pause also notices that this node has become the leader.
        if let Ok(Err(_)) = time::timeout(pause, config.changed()).await {
            return;
        }
    }
}

fn moved(config: &Config, now: &RaftMetrics) -> Vec<MemberChange> {
    if now.current_leader != Some(now.id) || !now.state.is_leader() {
        return Vec::new();
    }
    let members = now.membership_config.nodes();
    let changed = members.filter_map(|(id, member)| {
        let node = config.nodes.get(&NodeId(*id))?;
        (node.link != member.link).then_some(MemberChange::Put(node.id, node.link))
    });
    changed.collect()
}

#[cfg(test)]
mod tests;
