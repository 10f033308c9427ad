//! What is kept of one source, and what that means for a request: decided here, without a clock.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lang::jwt::KeySet;

use super::FetchError;

/// When keys of issuers are fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// Keys older than this are fetched again, while they are used on.
    pub fresh: Duration,
    /// Keys older than this are not used any more, whatever keeps their issuer from being reached.
    pub stale_max: Duration,
    /// Between fetches for the sake of keys that are not there, which any stranger can name.
    pub unknown_every: Duration,
    /// Between fetches of a source that fails.
    pub retry_every: Duration,
    /// For each answer of an issuer.
    pub answer_max: Duration,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            // Amazon's are kept for an hour.
            fresh: Duration::from_mins(30),
            stale_max: Duration::from_hours(24),
            unknown_every: Duration::from_secs(10),
            retry_every: Duration::from_secs(1),
            // Amazon waits 1.5 s.
            answer_max: Duration::from_secs(3),
        }
    }
}

/// What is kept of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) keys: Option<Arc<KeySet>>,
    /// When those were fetched.
    fetched: Option<Instant>,
    /// When a fetch ended last.
    tried: Option<Instant>,
    /// Fetches that have ended.
    pub(super) fetches: u64,
    /// Why the last one failed.
    pub(super) failure: Option<FetchError>,
}

/// What a request needs.
#[derive(Debug)]
pub(super) enum Need {
    /// These are good.
    Nothing(Arc<KeySet>),
    /// These are good enough, but newer ones should be fetched.
    Soon(Arc<KeySet>),
    /// Others.
    Fetch,
    /// There are none, and it is too early to ask again.
    Patience(FetchError),
}

impl State {
    /// What is needed for a token that names the key `id`.
    pub(super) fn need(&self, id: &str, times: &KeyTimes, now: Instant) -> Need {
        let since = |then: Option<Instant>| then.map(|then| now.saturating_duration_since(then));
        let (age, tried) = (since(self.fetched), since(self.tried));
        let pause = |pause: Duration| tried.is_some_and(|tried| tried < pause);
        let keys = self.keys.as_ref();
        let keys = keys.filter(|_| age.is_some_and(|age| age < times.stale_max));
        match (keys, &self.failure) {
            (Some(keys), _) if keys.has(id) => {
                let is_fresh = age.is_some_and(|age| age < times.fresh);
                if is_fresh || pause(times.retry_every) {
                    Need::Nothing(Arc::clone(keys))
                } else {
                    Need::Soon(Arc::clone(keys))
                }
            }
            (Some(keys), _) if pause(times.unknown_every) => Need::Nothing(Arc::clone(keys)),
            (None, Some(failure)) if pause(times.retry_every) => Need::Patience(failure.clone()),
            (Some(_) | None, _) => Need::Fetch,
        }
    }

    /// What a fetch that has just ended left.
    pub(super) fn settled(&self) -> Result<Arc<KeySet>, FetchError> {
        match (&self.failure, &self.keys) {
            (Some(failure), _) => Err(failure.clone()),
            (None, keys) => keys.clone().ok_or(FetchError::Busy),
        }
    }

    /// A fetch has ended. One that failed leaves the keys that there are.
    pub(super) fn settle(&mut self, fetched: Result<KeySet, FetchError>, now: Instant) {
        self.fetches += 1;
        self.tried = Some(now);
        match fetched {
            Ok(keys) => {
                self.keys = Some(Arc::new(keys));
                self.fetched = Some(now);
                self.failure = None;
            }
            Err(failure) => self.failure = Some(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use lang::jwt::KeySet;

    use super::{FetchError, KeyTimes, Need, State};

    const MOMENT: Duration = Duration::from_millis(1);

    fn keys(id: &str) -> KeySet {
        // The curve's base point.
        let x = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY";
        let y = "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";
        let text = format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#
        );
        KeySet::parse(text.as_bytes()).unwrap()
    }

    #[track_caller]
    fn check(state: &State, id: &str, now: Instant, expected: &str) {
        let need = match state.need(id, &KeyTimes::default(), now) {
            Need::Nothing(_) => "nothing",
            Need::Soon(_) => "soon",
            Need::Fetch => "fetch",
            Need::Patience(_) => "patience",
        };
        assert_eq!(need, expected);
    }

    #[test]
    fn keys_are_used_while_others_are_fetched() {
        let (mut state, began) = (State::default(), Instant::now());
        let KeyTimes {
            fresh,
            stale_max,
            retry_every,
            ..
        } = KeyTimes::default();
        check(&state, "a", began, "fetch");
        state.settle(Err(FetchError::TimedOut), began);
        check(&state, "a", began + retry_every - MOMENT, "patience");
        check(&state, "a", began + retry_every, "fetch");
        state.settle(Ok(keys("a")), began);
        check(&state, "a", began + fresh - MOMENT, "nothing");
        check(&state, "a", began + fresh, "soon");
        let later = began + fresh;
        state.settle(Err(FetchError::TimedOut), later);
        check(&state, "a", later, "nothing");
        check(&state, "a", later + retry_every, "soon");
        check(&state, "a", began + stale_max - MOMENT, "soon");
        check(&state, "a", began + stale_max, "fetch");
        state.settle(Err(FetchError::TimedOut), began + stale_max);
        check(&state, "a", began + stale_max, "patience");
    }

    #[test]
    fn strangers_cannot_have_keys_fetched_at_will() {
        let (mut state, began) = (State::default(), Instant::now());
        let unknown_every = KeyTimes::default().unknown_every;
        state.settle(Ok(keys("a")), began);
        check(&state, "b", began, "nothing");
        check(&state, "b", began + unknown_every - MOMENT, "nothing");
        check(&state, "b", began + unknown_every, "fetch");
        state.settle(Ok(keys("b")), began + unknown_every);
        check(&state, "b", began + unknown_every, "nothing");
        assert_eq!(state.fetches, 2);
    }
}
