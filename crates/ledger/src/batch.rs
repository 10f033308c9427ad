//! Lets proposals on the leader share log entries.
//!
//! A proposal that finds nothing in flight becomes an entry at once; those that come while entries
//! are in flight wait and share the next one. So a single writer sees no delay, and many writers
//! cost as many syncs and round trips as there are batches, not proposals.

use std::{future::Future, mem, pin::pin, sync::Arc};

use openraft::{
    error::ClientWriteError,
    raft::{ClientWriteResponse, ClientWriteResult},
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    limits,
    messages::LeaderAnswer,
    metrics::Metrics,
    types::{Batch, Blob, Raft, Types},
};

struct Proposal {
    record: Blob,
    answer: oneshot::Sender<LeaderAnswer>,
}

/// Where proposals queue up.
#[derive(Clone)]
pub(crate) struct Batcher(mpsc::Sender<Proposal>);

impl Batcher {
    /// The queue, and the task that empties it until `stop`.
    pub(crate) fn new(
        raft: Raft,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, queue) = mpsc::channel(limits::PROPOSALS_WAITING_MAX);
        let task = async move {
            let mut work = pin!(run(raft, queue, metrics));
            tokio::select! {
                () = stop.cancelled() => {}
                () = &mut work => {}
            }
        };
        (Self(sender), task)
    }

    /// Queues an encoded change and waits until it has been applied here or has failed.
    pub(crate) async fn propose(&self, record: Blob) -> LeaderAnswer {
        let (answer, outcome) = oneshot::channel();
        match self.0.try_send(Proposal { record, answer }) {
            Ok(()) => outcome.await.unwrap_or(LeaderAnswer::Undecided),
            Err(TrySendError::Full(_)) => LeaderAnswer::Overloaded,
            Err(TrySendError::Closed(_)) => LeaderAnswer::Stopped,
        }
    }
}

async fn run(raft: Raft, mut queue: mpsc::Receiver<Proposal>, metrics: Arc<Metrics>) {
    let mut in_flight = JoinSet::new();
    let mut next = None;
    loop {
        while in_flight.len() >= limits::BATCHES_IN_FLIGHT_MAX {
            in_flight.join_next().await;
        }
        // Those that are done make no room until they are asked for.
        while in_flight.try_join_next().is_some() {}
        if next.is_none() {
            next = queue.recv().await;
        }
        let Some(first) = next.take() else { return };
        let (batch, answers) = gather(first, &mut queue, &mut next);
        if answers.is_empty() {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most BATCH_CHANGES_MAX")]
        metrics.batch_changes.observe(answers.len() as f64);
        match raft.client_write_ff(batch).await {
            Ok(written) => drop(in_flight.spawn(settle(written, answers))),
            Err(_) => tell_all(answers, || LeaderAnswer::Stopped),
        }
    }
}

/// As many queued proposals as fit. One that does not fit is left in `next`; one that nobody waits
/// for any more is left out.
fn gather(
    first: Proposal,
    queue: &mut mpsc::Receiver<Proposal>,
    next: &mut Option<Proposal>,
) -> (Batch, Vec<oneshot::Sender<LeaderAnswer>>) {
    let (mut records, mut answers, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut candidate = Some(first);
    while let Some(proposal) = mem::take(&mut candidate) {
        if !proposal.answer.is_closed() {
            bytes += proposal.record.0.len();
            if bytes > limits::BATCH_BYTES_MAX && !records.is_empty() {
                *next = Some(proposal);
                break;
            }
            records.push(proposal.record);
            answers.push(proposal.answer);
        }
        if records.len() < limits::BATCH_CHANGES_MAX {
            candidate = queue.try_recv().ok();
        }
    }
    (Batch(records), answers)
}

/// Waits for an entry to be applied and tells everybody whose change was in it. Not for ever:
/// openraft 0.9 forgets an entry whose place was taken by a snapshot from another leader.
async fn settle<E>(
    written: impl Future<Output = Result<ClientWriteResult<Types>, E>>,
    answers: Vec<oneshot::Sender<LeaderAnswer>>,
) {
    let Ok(written) = timeout(limits::SETTLE_TIMEOUT, written).await else {
        return tell_all(answers, || LeaderAnswer::Undecided);
    };
    match written {
        Ok(Ok(ClientWriteResponse { log_id, data, .. })) => {
            // An answer without an outcome is dropped, which its proposer takes as undecided.
            for (answer, outcome) in answers.into_iter().zip(data) {
                tell(
                    answer,
                    LeaderAnswer::Applied {
                        index: log_id.index,
                        outcome,
                    },
                );
            }
        }
        Ok(Err(ClientWriteError::ForwardToLeader(_))) => {
            tell_all(answers, || LeaderAnswer::NotLeader);
        }
        // Not an error of a change to the configuration; and a core that ended says nothing.
        Ok(Err(ClientWriteError::ChangeMembershipError(_))) | Err(_) => {
            tell_all(answers, || LeaderAnswer::Undecided);
        }
    }
}

fn tell_all(answers: Vec<oneshot::Sender<LeaderAnswer>>, what: impl Fn() -> LeaderAnswer) {
    for answer in answers {
        tell(answer, what());
    }
}

/// A proposer that has gone away needs no answer.
fn tell(answer: oneshot::Sender<LeaderAnswer>, what: LeaderAnswer) {
    drop(answer.send(what));
}

#[cfg(test)]
mod tests;
