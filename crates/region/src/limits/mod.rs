//! Limits as the data plane asks about them: one node's knowledge behind a lock that is never held
//! across an await, the clock, and what is counted of it.
//!
//! In the mode `local` a request is decided on here and now; in `leased`, too, except for the first
//! ones under a limit that has not been used lately. Then, and always in `exact` mode, the node
//! that is the home of limits is asked, by a port that `edgeway` wires. Carrying exchanges between
//! nodes and storing counts is not done here.

pub(crate) mod claims;
pub(crate) mod clock;
mod metrics;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::rest::day_of;
use prometheus::Registry;
use serve::BoxFuture;
use steer::limits::{Claim, Meter, Mode, Node, Step, Take, Verdict};
use tokio::sync::Notify;

pub use self::clock::{Clock, Moment};
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

    /// Does something with what the node knows, at the present time: by a clock that nobody sets.
    /// Keep it short: requests wait.
    pub fn with<R>(&self, act: impl FnOnce(&mut Node, u64) -> R) -> R {
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        // Inside the lock, so that a node's time never goes back.
        let now = (self.now)();
        node.set_today(day_of(now.day_ms));
        act(&mut node, now.steady_ms)
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

    /// Milliseconds since 1970: what days are told by.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        (self.now)().day_ms
    }

    /// Decides on a request: takes one of each limit, or of none, in another mode than the node's
    /// if one is given. May ask another node; if dropped meanwhile, that node may have counted the
    /// request.
    pub(crate) async fn admit(
        &self,
        claims: &[Claim],
        meter: Option<&Meter>,
        mode: Option<Mode>,
    ) -> Verdict {
        let (step, dirty) = self.with(|node, now_ms| {
            let step = node.take(now_ms, claims, meter, mode);
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
