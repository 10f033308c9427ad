//! What the leader does when it is asked, by its own node or another.
//!
//! Only here is something appended to the log. A change that this node cannot read is refused
//! before that: in the log it would stop every node that cannot read it either, for good.

use std::time::Duration;

use model::{
    Change,
    codec::{self, Kind},
};
use openraft::error::RaftError;

use crate::{
    batch::Batcher,
    limits, members,
    messages::{LeaderAnswer, LeaderRequest},
    types::{Blob, Raft, RaftMetrics},
};

/// Answers requests while this node leads; otherwise says that it does not.
#[derive(Clone)]
pub(crate) struct Leader {
    pub(crate) raft: Raft,
    pub(crate) batcher: Batcher,
    /// Silence of the majority after which a leader accepts nothing: openraft 0.9 would, and could
    /// not commit it.
    pub(crate) patience: Duration,
}

impl Leader {
    /// Answers a request, or does not lead.
    pub(crate) async fn answer(&self, request: LeaderRequest) -> LeaderAnswer {
        if !leads(&self.raft.metrics().borrow(), self.patience) {
            return LeaderAnswer::NotLeader;
        }
        match request {
            LeaderRequest::Propose(record) if !is_change(&record) => LeaderAnswer::NotUnderstood,
            LeaderRequest::Propose(record) => self.batcher.propose(record).await,
            LeaderRequest::ReadIndex => self.read_index().await,
            LeaderRequest::Members(change) => members::alter(&self.raft, change).await,
        }
    }

    /// Asks a majority whether this node still leads, and tells what was committed when asked.
    async fn read_index(&self) -> LeaderAnswer {
        match self.raft.get_read_log_id().await {
            Ok((read, _)) => LeaderAnswer::Index(read.map_or(0, |id| id.index)),
            Err(RaftError::APIError(_)) => LeaderAnswer::NotLeader,
            Err(RaftError::Fatal(_)) => LeaderAnswer::Stopped,
        }
    }
}

fn is_change(record: &Blob) -> bool {
    record.0.len() <= limits::CHANGE_BYTES_MAX
        && codec::decode::<Change>(Kind::Change, &record.0).is_ok()
}

/// Whether a node leads and has heard from a majority within `patience`.
pub(crate) fn leads(now: &RaftMetrics, patience: Duration) -> bool {
    let silence = now.millis_since_quorum_ack.map(Duration::from_millis);
    now.state.is_leader() && silence.is_some_and(|silence| silence <= patience)
}
