//! A steady load: so many GETs a second, on kept connections, for a bounded number of requests.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Request;

use crate::client::{Http1, Whole};

/// What to request, and how often.
#[derive(Clone, Debug)]
pub struct Steady {
    /// Where.
    pub addr: SocketAddr,
    /// `Host`.
    pub host: String,
    /// Path.
    pub path: String,
    /// Requests a second.
    pub per_second: u32,
    /// Requests in all.
    pub total: u32,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Answers with status 200.
    pub good: AtomicU64,
    /// What went wrong, each as text.
    pub failures: Mutex<Vec<String>>,
    /// Milliseconds of each answer.
    pub latencies_ms: Mutex<Vec<u64>>,
}

impl Outcome {
    /// What went wrong.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The latency below which this part (0 to 1) of the answers came.
    #[must_use]
    pub fn quantile_ms(&self, part: f64) -> u64 {
        let mut all = self
            .latencies_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index below the length"
        )]
        let at = ((all.len() as f64 - 1.0) * part).max(0.0) as usize;
        all.get(at).copied().unwrap_or(0)
    }
}

/// Connections that share the load.
const CONNECTIONS: u32 = 50;

impl Steady {
    /// Sends the load; each request has its own time slot, whatever happened to the others.
    pub async fn run(self) -> Arc<Outcome> {
        let outcome = Arc::new(Outcome::default());
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..CONNECTIONS {
            tasks.spawn(self.clone().lane(lane, began, Arc::clone(&outcome)));
        }
        tasks.join_all().await;
        outcome
    }

    async fn lane(self, lane: u32, began: Instant, outcome: Arc<Outcome>) {
        let slot = Duration::from_secs(1) / self.per_second;
        let mut connection = None;
        for number in (lane..self.total).step_by(CONNECTIONS as usize) {
            let due = began + slot * number;
            tokio::time::sleep_until(due.into()).await;
            let sent = Instant::now();
            match self.one(&mut connection).await {
                Ok(()) => {
                    outcome.good.fetch_add(1, Ordering::Relaxed);
                    let took = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX);
                    outcome
                        .latencies_ms
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(took);
                }
                Err(error) => {
                    connection = None;
                    let text = format!("request {number} at {:?}: {error:#}", began.elapsed());
                    outcome
                        .failures
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(text);
                }
            }
        }
    }

    async fn one(&self, kept: &mut Option<Http1>) -> anyhow::Result<()> {
        let request = Request::get(&self.path)
            .header("host", &self.host)
            .body(Whole::default())?;
        let connection = match kept {
            Some(connection) => connection,
            None => kept.insert(Http1::open(self.addr).await?),
        };
        let answer =
            tokio::time::timeout(crate::client::TIMEOUT, connection.send(request)).await??;
        anyhow::ensure!(
            answer.status() == 200,
            "{} {:?}",
            answer.status(),
            answer.body()
        );
        Ok(())
    }
}
