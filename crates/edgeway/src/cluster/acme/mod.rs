//! Certificates by ACME, run by the leader alone: one order for the whole cluster, whatever the
//! number of nodes that serve the name.
//!
//! What is to be done follows from the replicated configuration (`due`), and so does every answer
//! to a challenge; a leader that dies in the middle of an order leaves nothing that the next one
//! needs. Orders run one after the other and at most `ORDERS_PER_HOUR_MAX` an hour, since the
//! authorities' own limits lock out for days. Revoking and external account binding are not here.

mod due;
mod metrics;
mod order;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use ledger::{Ledger, Role};
use model::{AcmeChange, Certificate, Config, Op};

pub(crate) use self::metrics::Metrics;
use super::{
    fleet::Fleet,
    membership::{change, now_ms},
};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest life of one order; validation takes seconds, but some authorities queue.
const ORDER_TIMEOUT: Duration = Duration::from_secs(150);
/// An order that nothing was heard of for so long was lost with its leader.
const LOST_AFTER_MS: u64 = 180_000;
/// Orders that a leader begins within an hour.
const ORDERS_PER_HOUR_MAX: usize = 50;
/// Characters of an error that are kept.
const ERROR_CHARS_MAX: usize = 500;

/// What orders need.
pub(crate) struct Parts {
    pub(crate) ledger: Ledger,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) metrics: Metrics,
    pub(crate) drain: serve::Drain,
}

/// Runs until the process drains. Every region node counts what is about to expire; the leader
/// orders.
pub(crate) async fn keep(parts: Parts) {
    let mut begun = VecDeque::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = parts.drain.begun() => return,
        }
        let config = Arc::clone(&parts.ledger.config().borrow());
        parts.metrics.look(&config, now_ms());
        let leads = parts.ledger.status().borrow().role == Role::Leader;
        let Some(certificate) = due::next(&config, now_ms()).filter(|_| leads) else {
            continue;
        };
        if !room(&mut begun, Instant::now()) {
            parts.metrics.limited();
            continue;
        }
        tokio::select! {
            () = run(&parts, &config, certificate) => {}
            () = parts.drain.begun() => return,
        }
    }
}

/// Whether one more order may be begun; counts it if so.
fn room(begun: &mut VecDeque<Instant>, now: Instant) -> bool {
    let hour = Duration::from_secs(3600);
    while begun
        .front()
        .is_some_and(|at| now.duration_since(*at) >= hour)
    {
        begun.pop_front();
    }
    let room = begun.len() < ORDERS_PER_HOUR_MAX;
    if room {
        begun.push_back(now);
    }
    room
}

/// One order from its beginning to its outcome, which is proposed.
async fn run(parts: &Parts, config: &Config, certificate: &Certificate) {
    let attempt = certificate.acme.as_ref().map_or(0, |known| known.attempt);
    let begin = AcmeChange::Begin {
        certificate: certificate.id.clone(),
        attempt,
        lost_ms: now_ms() + LOST_AFTER_MS,
    };
    if propose(parts, begin).await.is_err() {
        // Another leader was first, or there is none: what is due is seen again.
        return;
    }
    let order = tokio::time::timeout(ORDER_TIMEOUT, order::place(parts, config, certificate));
    let outcome = match order.await.unwrap_or_else(|_| Err(late())) {
        Ok(issued) => succeeded(parts, issued),
        Err(error) => failed(parts, certificate, (&error, attempt + 1)),
    };
    if let Err(error) = propose(parts, outcome).await {
        tracing::error!(%error, "the outcome of an ACME order is lost; it is repeated");
    }
}

fn late() -> anyhow::Error {
    anyhow::anyhow!("the authority did not finish the order within {ORDER_TIMEOUT:?}")
}

fn succeeded(parts: &Parts, issued: due::Issued) -> AcmeChange {
    let next_ms = due::renewal(&issued, rand::random());
    let certificate = issued.certificate;
    tracing::info!(names = ?certificate.names, "ACME certificate issued");
    parts.metrics.ordered("issued");
    AcmeChange::Issue {
        certificate,
        next_ms,
    }
}

fn failed(
    parts: &Parts,
    certificate: &Certificate,
    (error, failures): (&anyhow::Error, u32),
) -> AcmeChange {
    let error: String = format!("{error:#}").chars().take(ERROR_CHARS_MAX).collect();
    tracing::error!(%error, names = ?certificate.names, "ACME order failed");
    parts.metrics.ordered("failed");
    AcmeChange::Fail {
        certificate: certificate.id.clone(),
        error,
        next_ms: now_ms() + due::pause_ms(failures, rand::random()),
    }
}

/// Has a change applied; gives the revision.
async fn propose(parts: &Parts, op: AcmeChange) -> anyhow::Result<model::Revision> {
    let op = Op::Acme(Box::new(op));
    let applied = parts.ledger.propose(change("acme", op)).await?;
    Ok(applied.outcome?.revision)
}
