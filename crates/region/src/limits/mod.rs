//! Limits as the data plane asks about them: one node's knowledge behind a lock that is never held
//! across an await, the clock, and what is counted of it.
//!
//! In the modes `local` and `leased` a request is decided on here and now. In `exact` mode the
//! node that is the home of limits is asked, by a port that `edgeway` wires. Carrying exchanges
//! between nodes and storing counts is not done here.

pub(crate) mod claims;
mod metrics;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus::Registry;
use serve::BoxFuture;
use steer::limits::{Claim, Meter, Mode, Node, Step, Take, Verdict};
use tokio::sync::Notify;

use self::metrics::Metrics;

/// How limits are kept at a region node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSettings {
    /// Across nodes.
    pub mode: Mode,
    /// Answers say what is left of a usage plan (`RateLimit`), refusals when to come again
    /// (`Retry-After`).
    pub headers: bool,
    /// Requests a second, in millionths, and at once, of all REST APIs together; none: no such
    /// limit.
    pub account: Option<(u64, u32)>,
}

/// Asks the node that is the home of limits.
pub trait AskHome: Send + Sync + 'static {
    /// Its decision; none when it cannot be had in time.
    fn ask(&self, home: u64, take: Take) -> BoxFuture<'_, Option<Verdict>>;
}

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A region node's limits.
pub struct Limits {
    settings: LimitSettings,
    node: Mutex<Node>,
    now: Clock,
    home: OnceLock<Arc<dyn AskHome>>,
    work: Notify,
    metrics: Metrics,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            headers: true,
            account: None,
        }
    }
}

impl Limits {
    /// Limits of a node that has heard of nobody else yet.
    pub(crate) fn new(
        own: u64,
        settings: LimitSettings,
        now: Clock,
        registry: &Registry,
    ) -> Result<Arc<Self>, prometheus::Error> {
        Ok(Arc::new(Self {
            node: Mutex::new(Node::new(own, settings.mode)),
            settings,
            now,
            home: OnceLock::new(),
            work: Notify::new(),
            metrics: Metrics::register(registry)?,
        }))
    }

    /// How they are kept.
    #[must_use]
    pub const fn settings(&self) -> &LimitSettings {
        &self.settings
    }

    /// Who asks the home in `exact` mode; the first one stays.
    pub fn set_home(&self, home: Arc<dyn AskHome>) {
        // Nobody wires it twice.
        let _ = self.home.set(home);
    }

    /// Does something with what the node knows, at the present time. Keep it short: requests wait.
    pub fn with<R>(&self, act: impl FnOnce(&mut Node, u64) -> R) -> R {
        let now_ms = (self.now)();
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut node, now_ms)
    }

    /// Waits until there is something to ask the home about. Cancel safe.
    pub async fn wanted(&self) {
        self.work.notified().await;
    }

    /// Counts an exchange with the home, by how it went.
    pub fn exchanged(&self, result: &'static str) {
        self.metrics.exchanges.with_label_values(&[result]).inc();
    }

    /// Shows sizes in the metrics; to be called now and then.
    pub fn show(&self) {
        let gauges = self.with(|node, now_ms| node.gauges(now_ms));
        self.metrics.show(&gauges);
    }

    /// The time that limits go by.
    pub(crate) fn now_ms(&self) -> u64 {
        (self.now)()
    }

    /// Decides on a request: takes one of each limit, or of none. Asks another node only in
    /// `exact` mode; if dropped meanwhile, that node may have counted the request.
    pub(crate) async fn admit(&self, claims: &[Claim], meter: Option<&Meter>) -> Verdict {
        let (step, dirty) = self.with(|node, now_ms| {
            let step = node.take(now_ms, claims, meter);
            (step, node.is_dirty())
        });
        if dirty {
            self.work.notify_one();
        }
        match step {
            Step::Done(verdict) => verdict,
            Step::Ask { home, take } => {
                let Some(asker) = self.home.get() else {
                    return Verdict::Unknown;
                };
                asker.ask(home, take).await.unwrap_or(Verdict::Unknown)
            }
        }
    }

    pub(crate) fn decided(&self, result: &'static str) {
        self.metrics.requests.with_label_values(&[result]).inc();
    }
}
