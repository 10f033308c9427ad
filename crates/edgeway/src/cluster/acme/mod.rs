//! Certificates by ACME, run by the leader alone: one order for the whole cluster, whatever the
//! number of nodes that serve the name.
//!
//! What is to be done follows from the replicated configuration (`due`), and so does every answer
//! to a challenge; a leader that dies in the middle of an order leaves nothing that the next one
//! needs. Orders run one after the other and at most `ORDERS_PER_HOUR_MAX` an hour, since the
//! authorities' own limits lock out for days. Revoking and external account binding are not here.

mod due;
mod http;
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
    let Some(known) = &certificate.acme else {
        return;
    };
    let begin = AcmeChange::Begin {
        certificate: certificate.id.clone(),
        attempt: known.attempt,
        lost_ms: now_ms() + LOST_AFTER_MS,
    };
    if let Err(error) = propose(parts, begin).await {
        tracing::info!(%error, names = ?certificate.names, "no ACME order is begun");
        return;
    }
    tracing::info!(names = ?certificate.names, attempt = known.attempt + 1, "ACME order begun");
    let order = tokio::time::timeout(ORDER_TIMEOUT, order::place(parts, config, certificate));
    let placed = match order.await {
        Ok(placed) => placed,
        Err(_elapsed) => Err(anyhow::anyhow!(
            "the authority did not finish the order within {ORDER_TIMEOUT:?}"
        )),
    };
    let outcome = match placed {
        Ok(issued) => {
            let next_ms = due::renewal(&issued, rand::random());
            tracing::info!(names = ?certificate.names, "ACME certificate issued");
            parts.metrics.ordered("issued");
            AcmeChange::Issue {
                certificate: issued.certificate,
                next_ms,
            }
        }
        Err(error) => {
            let error: String = format!("{error:#}").chars().take(ERROR_CHARS_MAX).collect();
            tracing::error!(%error, names = ?certificate.names, "ACME order failed");
            parts.metrics.ordered("failed");
            let pause_ms = due::pause_ms(known.attempt + 1, rand::random());
            AcmeChange::Fail {
                certificate: certificate.id.clone(),
                error,
                next_ms: now_ms() + pause_ms,
            }
        }
    };
    if let Err(error) = propose(parts, outcome).await {
        tracing::error!(%error, "the outcome of an ACME order is lost; it is repeated");
    }
}

/// Has a change applied; gives the revision.
async fn propose(parts: &Parts, op: AcmeChange) -> anyhow::Result<model::Revision> {
    let op = Op::Acme(Box::new(op));
    let applied = parts.ledger.propose(change("acme", op)).await?;
    Ok(applied.outcome?.revision)
}
