//! Asking the leader, wherever it is, until it answers or time is up.
//!
//! A proposal may be sent more than once: when the leader dies before it answers, nobody can tell
//! whether it was accepted. That is safe because the change's id travels inside it and the machine
//! applies an id once. The answer is given only when this node has applied what it tells of, so
//! that whoever proposed here reads their own write here.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use link::{RpcError, Sent, Service};
use model::{
    Change, Config, NodeId, Outcome, Rejection,
    codec::{self, Kind},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{MemberError, ProposeError},
    leader::Leader,
    limits,
    messages::{self, LeaderAnswer, LeaderRequest, MemberChange},
    metrics::Metrics,
    network::Wire,
    types::{Blob, RaftMetrics},
};

/// What became of a proposal that was decided. This node's configuration includes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Accepted, or rejected for a reason that every node agrees on.
    pub outcome: Result<Outcome, Rejection>,
    /// The position in the log that decided it. Rises with every proposal.
    pub index: u64,
}

/// Finds the leader and asks it.
pub(crate) struct Caller {
    pub(crate) leader: Leader,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) applied: watch::Receiver<Option<u64>>,
    /// Says at which format changes are written.
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) stop: CancellationToken,
    pub(crate) metrics: Arc<Metrics>,
}

/// How asking ended.
enum Asked {
    Answer(LeaderAnswer),
    /// Time is up; whether a leader may have acted on it.
    Late(Sent),
    Stopped,
}

impl Caller {
    /// Proposes a change and waits until this node has applied it.
    pub(crate) async fn propose(
        &self,
        change: &Change,
        limit: Duration,
    ) -> Result<Applied, ProposeError> {
        let begun = Instant::now();
        let result = self.propose_until(change, begun + limit).await;
        let label = match &result {
            Ok(Applied { outcome: Ok(_), .. }) => "accepted",
            Ok(Applied {
                outcome: Err(_), ..
            }) => "rejected",
            Err(error) => error.as_str(),
        };
        self.metrics.proposals.with_label_values(&[label]).inc();
        self.metrics
            .propose_seconds
            .observe(begun.elapsed().as_secs_f64());
        result
    }

    async fn propose_until(
        &self,
        change: &Change,
        deadline: Instant,
    ) -> Result<Applied, ProposeError> {
        let format = self.config.borrow().format();
        let record =
            codec::encode_at(format, Kind::Change, change).map_err(ProposeError::Encode)?;
        let (bytes, max) = (record.len(), limits::CHANGE_BYTES_MAX);
        if bytes > max {
            return Err(ProposeError::TooLarge { bytes, max });
        }
        let record = Blob::from(record);
        match self
            .ask(|| LeaderRequest::Propose(record.clone()), deadline)
            .await
        {
            Asked::Answer(LeaderAnswer::Applied { index, outcome }) => {
                self.catch_up(index, deadline).await?;
                Ok(Applied { outcome, index })
            }
            Asked::Answer(LeaderAnswer::Overloaded) => {
                self.metrics
                    .refused
                    .with_label_values(&["proposals_waiting"])
                    .inc();
                Err(ProposeError::Overloaded)
            }
            Asked::Answer(LeaderAnswer::NotUnderstood) => Err(ProposeError::NotUnderstood),
            Asked::Late(Sent::No) => Err(ProposeError::NoLeader),
            Asked::Stopped => Err(ProposeError::Stopped),
            Asked::Late(Sent::Maybe) | Asked::Answer(_) => Err(ProposeError::Undecided),
        }
    }

    /// Waits until this node has applied all that was committed when it was asked.
    pub(crate) async fn linearizable(&self, limit: Duration) -> Result<(), ProposeError> {
        let deadline = Instant::now() + limit;
        match self.ask(|| LeaderRequest::ReadIndex, deadline).await {
            Asked::Answer(LeaderAnswer::Index(index)) => self.catch_up(index, deadline).await,
            Asked::Stopped => Err(ProposeError::Stopped),
            // Asking has no effect, so nothing is undecided.
            Asked::Late(_) | Asked::Answer(_) => Err(ProposeError::NoLeader),
        }
    }

    /// Changes the members, waiting out other changes and a learner that is behind.
    pub(crate) async fn alter(&self, change: MemberChange) -> Result<(), MemberError> {
        let node = match &change {
            MemberChange::Put(node, _)
            | MemberChange::Promote(node)
            | MemberChange::Remove(node)
            | MemberChange::Retire { node, .. } => node,
        };
        let deadline = Instant::now() + limits::MEMBERSHIP_TIMEOUT;
        loop {
            let wait = match self
                .ask(|| LeaderRequest::Members(change.clone()), deadline)
                .await
            {
                Asked::Answer(LeaderAnswer::Index(_)) => return Ok(()),
                Asked::Answer(LeaderAnswer::Unknown) => return Err(MemberError::Unknown(*node)),
                Asked::Answer(LeaderAnswer::LastVoter) => return Err(MemberError::LastVoter),
                Asked::Answer(LeaderAnswer::Minority { live, left }) => {
                    let node = *node;
                    return Err(MemberError::Minority { node, live, left });
                }
                Asked::Stopped => return Err(MemberError::Stopped),
                Asked::Late(Sent::No) => return Err(MemberError::NoLeader),
                Asked::Answer(LeaderAnswer::Busy) => MemberError::Busy,
                Asked::Answer(LeaderAnswer::Behind) => MemberError::Behind(*node),
                Asked::Late(Sent::Maybe) | Asked::Answer(_) => return Err(MemberError::Undecided),
            };
            if Instant::now() + limits::RETRY_PAUSE >= deadline {
                return Err(wait);
            }
            sleep(limits::RETRY_PAUSE).await;
        }
    }

    /// Asks whoever leads until there is an answer other than "I do not lead".
    async fn ask(&self, request: impl Fn() -> LeaderRequest, deadline: Instant) -> Asked {
        let mut sent = Sent::No;
        while Instant::now() < deadline {
            if self.leader.raft.metrics().borrow().running_state.is_err() {
                return Asked::Stopped;
            }
            let (tried, outcome) = tokio::select! {
                () = self.stop.cancelled() => return Asked::Stopped,
                tried = timeout_at(deadline, self.try_once(&request, deadline)) => match tried {
                    Ok(tried) => tried,
                    Err(_) => return Asked::Late(Sent::Maybe),
                },
            };
            match outcome {
                Some(LeaderAnswer::NotLeader) => {}
                // The leader stops or has given up on it: another one may know.
                Some(LeaderAnswer::Stopped | LeaderAnswer::Undecided) => sent = Sent::Maybe,
                Some(answer) => return Asked::Answer(answer),
                None => {
                    sent = if tried == Sent::Maybe {
                        Sent::Maybe
                    } else {
                        sent
                    }
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return Asked::Stopped,
                () = sleep(limits::RETRY_PAUSE) => {}
            }
        }
        Asked::Late(sent)
    }

    /// One attempt; no answer if there is no leader, or it fails, or another one takes over.
    async fn try_once(
        &self,
        request: &impl Fn() -> LeaderRequest,
        deadline: Instant,
    ) -> (Sent, Option<LeaderAnswer>) {
        let (me, leader) = {
            let metrics = self.leader.raft.metrics();
            let now = metrics.borrow();
            (now.id, whereabouts(&now))
        };
        let Some((leader, addr)) = leader else {
            return (Sent::No, None);
        };
        tokio::select! {
            answered = async {
                if leader == me {
                    (Sent::Maybe, Some(self.leader.answer(request()).await))
                } else {
                    self.forward(NodeId(leader), addr, request(), deadline).await
                }
            } => answered,
            () = self.deposed(leader) => (Sent::Maybe, None),
        }
    }

    async fn forward(
        &self,
        leader: NodeId,
        addr: SocketAddr,
        request: LeaderRequest,
        deadline: Instant,
    ) -> (Sent, Option<LeaderAnswer>) {
        let Ok(message) = messages::encode(&request) else {
            return (Sent::No, None);
        };
        // Not all of the time: a message may have vanished on a path that works again by now.
        let left = deadline.saturating_duration_since(Instant::now());
        let left = left.min(self.leader.patience);
        match self
            .wire
            .rpc(leader, addr, Service::Propose, message, left)
            .await
        {
            Ok(answer) => (Sent::Maybe, messages::decode(&answer).ok()),
            // The handler refuses before it acts.
            Err(RpcError::Refused(_)) => (Sent::No, None),
            Err(error) => {
                tracing::debug!(%leader, %error, "the leader cannot be reached");
                (error.sent(), None)
            }
        }
    }

    /// Resolves when this node has learnt of another leader, or of none.
    async fn deposed(&self, leader: u64) {
        let mut metrics = self.leader.raft.metrics();
        let gone = metrics
            .wait_for(|now| now.current_leader != Some(leader))
            .await
            .is_ok();
        // Otherwise raft has ended: the stop token tells, this must not be the first to do so.
        if !gone {
            std::future::pending::<()>().await;
        }
    }

    async fn catch_up(&self, index: u64, deadline: Instant) -> Result<(), ProposeError> {
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|applied| *applied >= Some(index));
        tokio::select! {
            () = self.stop.cancelled() => Err(ProposeError::Stopped),
            reached = timeout_at(deadline, reached) => match reached {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(_)) => Err(ProposeError::Stopped),
                Err(_) => Err(ProposeError::Undecided),
            },
        }
    }
}

/// The leader this node knows of, and its address.
fn whereabouts(now: &RaftMetrics) -> Option<(u64, SocketAddr)> {
    let leader = now.current_leader?;
    let member = now.membership_config.membership().get_node(&leader)?;
    Some((leader, member.link))
}
