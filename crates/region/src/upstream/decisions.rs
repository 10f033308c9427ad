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

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc, time::Duration};

    use lang::lambda::Decision;
    use prometheus::{IntCounterVec, Opts};

    use super::{Decisions, Key};

    const LIFE: Duration = Duration::from_mins(10);

    fn decisions() -> Decisions {
        let found = IntCounterVec::new(Opts::new("found", "test"), &["how"]);
        Decisions::new(found.unwrap())
    }

    fn key(identity: &str) -> Key {
        let own = || "x".to_owned();
        Key {
            authorizer: (own(), own(), own(), 0),
            identity: vec![identity.to_owned()],
        }
    }

    fn decision(principal: &str) -> Decision {
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",
            "Resource":"*"}]}"#;
        let text = format!(r#"{{"principalId":"{principal}","policyDocument":{policy}}}"#);
        Decision::parse(text.as_bytes()).unwrap()
    }

    fn counts(decisions: &Decisions) -> (u64, u64) {
        let of = |how: &str| decisions.found.with_label_values(&[how]).get();
        (of("asked"), of("kept"))
    }

    #[tokio::test]
    async fn who_comes_meanwhile_waits_for_the_one_answer() {
        let decisions = decisions();
        let calls = Cell::new(0);
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let slow = async || {
            calls.set(calls.get() + 1);
            let _ = released.await;
            Ok::<_, ()>(decision("first"))
        };
        let other = async || {
            calls.set(calls.get() + 1);
            Ok::<_, ()>(decision("second"))
        };
        let (one, two) = (key("a"), key("a"));
        let first = decisions.decide(&one, LIFE, slow);
        let second = decisions.decide(&two, LIFE, other);
        let end = async {
            tokio::task::yield_now().await;
            drop(release);
        };
        let (first, second, ()) = tokio::join!(first, second, end);
        assert_eq!(first.unwrap().principal_id, "first");
        assert_eq!(second.unwrap().principal_id, "first");
        assert_eq!((calls.get(), counts(&decisions)), (1, (1, 1)));
    }

    #[tokio::test]
    async fn failures_and_the_dead_are_asked_again() {
        let decisions = decisions();
        let refuse = async || Err::<Decision, _>("no");
        let failed = decisions.decide(&key("a"), LIFE, refuse).await;
        assert_eq!(failed, Err("no"));
        let ask = async || Ok::<_, ()>(decision("u"));
        for (identity, life) in [("a", LIFE), ("b", LIFE), ("a", Duration::ZERO), ("a", LIFE)] {
            let decided: Result<Arc<Decision>, ()> =
                decisions.decide(&key(identity), life, ask).await;
            assert_eq!(decided.unwrap().principal_id, "u");
        }
        assert_eq!(counts(&decisions), (4, 1));
        // One whose life is over is not used.
        let short = Duration::from_nanos(1);
        tokio::task::yield_now().await;
        let decided: Result<Arc<Decision>, ()> = decisions.decide(&key("a"), short, ask).await;
        assert!(decided.is_ok());
        assert_eq!(counts(&decisions), (5, 1));
    }
}
