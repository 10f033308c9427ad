//! Answers the other region nodes: `Service::Raft` for members, `Service::Propose` for proposals.

use std::sync::Arc;

use bytes::Bytes;
use link::{NodeIdentity, PeerRole, RpcHandler, RpcRefusal};
use openraft::{
    error::{InstallSnapshotError, RaftError},
    raft::{AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest},
};

use crate::{
    leader::Leader,
    limits,
    messages::{self, RaftAnswer, RaftRequest, SnapshotPiece},
    metrics::Metrics,
    network::{BoxFuture, refusal},
    types::{Raft, Types, Vote},
    watchdog::Pulse,
};

/// Answers raft members.
pub(crate) struct RaftHandler {
    pub(crate) raft: Raft,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Answers proposals of region nodes.
pub(crate) struct ProposeHandler {
    pub(crate) leader: Leader,
    pub(crate) metrics: Arc<Metrics>,
}

type Answered = Result<Bytes, RpcRefusal>;

impl RpcHandler for RaftHandler {
    fn rpc(&self, from: Option<Arc<NodeIdentity>>, body: Bytes) -> BoxFuture<'_, Answered> {
        Box::pin(async move {
            let answered = self.answer(from.as_deref(), &body).await;
            count(&self.metrics, answered)
        })
    }
}

impl RpcHandler for ProposeHandler {
    fn rpc(&self, from: Option<Arc<NodeIdentity>>, body: Bytes) -> BoxFuture<'_, Answered> {
        Box::pin(async move {
            let answered = self.answer(from.as_deref(), &body).await;
            count(&self.metrics, answered)
        })
    }
}

impl ProposeHandler {
    async fn answer(&self, from: Option<&NodeIdentity>, body: &[u8]) -> Answered {
        region(from)?;
        let request = messages::decode(body).map_err(|_| refusal::malformed())?;
        let answer = self.leader.answer(request).await;
        messages::encode(&answer).map_err(|_| refusal::malformed())
    }
}

impl RaftHandler {
    async fn answer(&self, from: Option<&NodeIdentity>, body: &[u8]) -> Answered {
        let from = region(from)?;
        let request = messages::decode(body).map_err(|_| refusal::malformed())?;
        let answer = self.dispatch(from.node, request).await?;
        messages::encode(&answer).map_err(|_| refusal::malformed())
    }

    async fn dispatch(&self, from: u64, request: RaftRequest) -> Result<RaftAnswer, RpcRefusal> {
        match request {
            RaftRequest::Append(append) => {
                speaks_for_itself(from, append.vote)?;
                in_order(&append)?;
                let answer = self.raft.append_entries(append).await.map_err(stopped)?;
                if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                    self.pulse.beat();
                }
                Ok(RaftAnswer::Append(answer))
            }
            RaftRequest::Vote(vote) => {
                speaks_for_itself(from, vote.vote)?;
                self.raft
                    .vote(vote)
                    .await
                    .map(RaftAnswer::Vote)
                    .map_err(stopped)
            }
            RaftRequest::Snapshot(piece) => {
                speaks_for_itself(from, piece.vote)?;
                self.snapshot(piece).await
            }
            RaftRequest::LeaderAlive => {
                let metrics = self.raft.metrics();
                let alive = self.pulse.leader_alive(&metrics.borrow());
                Ok(RaftAnswer::LeaderAlive(alive))
            }
        }
    }

    async fn snapshot(&self, piece: SnapshotPiece) -> Result<RaftAnswer, RpcRefusal> {
        let SnapshotPiece {
            vote,
            meta,
            offset,
            data,
            done,
        } = piece;
        let end = offset.saturating_add(data.0.len() as u64);
        if end > limits::SNAPSHOT_BYTES_MAX {
            return Err(refusal::malformed());
        }
        let request = InstallSnapshotRequest {
            vote,
            meta,
            offset,
            data: data.0.to_vec(),
            done,
        };
        match self.raft.install_snapshot(request).await {
            Ok(answer) => {
                if answer.vote <= vote {
                    self.pulse.beat();
                }
                Ok(RaftAnswer::Snapshot(answer.vote))
            }
            Err(RaftError::APIError(InstallSnapshotError::SnapshotMismatch(mismatch))) => {
                Ok(RaftAnswer::SnapshotMismatch(mismatch))
            }
            Err(RaftError::Fatal(_)) => Err(refusal::stopped()),
        }
    }
}

/// Only region nodes take part, whatever the link admits.
fn region(from: Option<&NodeIdentity>) -> Result<&NodeIdentity, RpcRefusal> {
    from.filter(|from| from.role == PeerRole::Region)
        .ok_or_else(refusal::stranger)
}

/// A node speaks in its own name: nobody leads or stands for election for another.
fn speaks_for_itself(from: u64, vote: Vote) -> Result<(), RpcRefusal> {
    if vote.leader_id.node_id == from {
        Ok(())
    } else {
        Err(refusal::malformed())
    }
}

/// openraft takes it for granted that entries follow each other.
fn in_order(append: &AppendEntriesRequest<Types>) -> Result<(), RpcRefusal> {
    let mut next = append
        .prev_log_id
        .map_or(Some(0), |id| id.index.checked_add(1));
    for entry in &append.entries {
        if Some(entry.log_id.index) != next {
            return Err(refusal::malformed());
        }
        next = entry.log_id.index.checked_add(1);
    }
    Ok(())
}

fn stopped<E>(_: E) -> RpcRefusal {
    refusal::stopped()
}

fn count(metrics: &Metrics, answered: Answered) -> Answered {
    if let Err(refused) = &answered {
        metrics
            .refused
            .with_label_values(&[refusal::label(refused.code)])
            .inc();
    }
    answered
}
