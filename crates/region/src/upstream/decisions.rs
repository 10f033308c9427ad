//! What authorizing functions decided, kept by all workers of a node together for as long as the
//! authorizers say. Requests with the same identity that come while the function is being asked
//! wait for that one answer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lang::lambda::Decision;
use prometheus::IntCounterVec;
use tokio::sync::OnceCell;

/// Most decisions kept; the oldest half of them goes when one more comes.
const DECISIONS_MAX: usize = 100_000;

/// Whose decision about whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// API, stage, authorizer and how often the stage's decisions have been forgotten.
    pub(crate) authorizer: (String, String, String, u64),
    /// The values of all identity sources.
    pub(crate) identity: Vec<String>,
}

/// The decisions of one node.
pub(crate) struct Decisions {
    kept: Mutex<HashMap<Key, Kept>>,
    found: IntCounterVec,
}

#[derive(Clone)]
struct Kept {
    decision: Arc<OnceCell<Arc<Decision>>>,
    since: Instant,
}

impl Decisions {
    /// `found` counts by `asked`, `kept`.
    pub(crate) fn new(found: IntCounterVec) -> Self {
        Self {
            kept: Mutex::default(),
            found,
        }
    }

    /// The decision that is kept, else what `ask` gives. Failures are not kept: whoever waits asks
    /// again. If the asking future is dropped, another that waits takes its place.
    pub(crate) async fn decide<E>(
        &self,
        key: &Key,
        life: Duration,
        ask: impl AsyncFnOnce() -> Result<Decision, E>,
    ) -> Result<Arc<Decision>, E> {
        if life.is_zero() {
            self.found.with_label_values(&["asked"]).inc();
            return ask().await.map(Arc::new);
        }
        let cell = self.cell(key, life);
        let mut asked = false;
        let decided = cell
            .get_or_try_init(async || {
                asked = true;
                ask().await.map(Arc::new)
            })
            .await
            .cloned();
        let how = if asked { "asked" } else { "kept" };
        self.found.with_label_values(&[how]).inc();
        decided
    }

    fn cell(&self, key: &Key, life: Duration) -> Arc<OnceCell<Arc<Decision>>> {
        let now = Instant::now();
        let mut kept = self.lock();
        if let Some(known) = kept.get(key)
            && now.saturating_duration_since(known.since) < life
        {
            return Arc::clone(&known.decision);
        }
        if kept.len() >= DECISIONS_MAX {
            let mut ages: Vec<Instant> = kept.values().map(|one| one.since).collect();
            let half = ages.len() / 2;
            let (_, middle, _) = ages.select_nth_unstable(half);
            let middle = *middle;
            kept.retain(|_, one| one.since > middle);
        }
        let fresh = Kept {
            decision: Arc::default(),
            since: now,
        };
        kept.insert(key.clone(), fresh.clone());
        fresh.decision
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
