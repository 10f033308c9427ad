//! The public keys of those whose tokens APIs accept, kept by all workers of a node together
//! (docs/aws-behaviour.md, tokens).
//!
//! Keys are fetched by one task of the control plane and never by who handles a request: a request
//! looks at what is kept, and waits only where there is nothing to judge it by. Whoever comes
//! meanwhile waits for the same fetch. Keys of an issuer that is down stay good for a day. Which
//! sources there are, the configuration says: tokens can name none.

mod fetch;
mod judge;
mod state;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lang::jwt::KeySet;
use plan::region::token::KeySource;
use prometheus::IntCounterVec;
use serve::Drain;
use tokio::sync::{Semaphore, mpsc, watch};

use self::state::{Need, State};
use crate::upstream::Upstreams;

pub use self::state::KeyTimes;
pub(crate) use self::{
    fetch::FetchError,
    judge::{Unfit, judge},
};

/// Most sources whose keys are kept; the older half of them goes when one more comes.
const SOURCES_MAX: usize = 4_096;
/// Fetches that wait for their turn; one more fails at once.
const ASKS_MAX: usize = 1_024;
/// Fetches at once.
const FETCHES_MAX: usize = 16;
/// Requests of a node that wait for keys; one more is refused at once.
const WAITING_MAX: usize = 4_096;
/// What a request waits beyond the time that two answers of an issuer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keys of an issuer cannot be had now.
#[derive(Debug, thiserror::Error)]
#[error("keys of the token's issuer cannot be had: {0}")]
pub struct KeysUnavailable(#[from] FetchError);

/// The keys that a node has.
pub(crate) struct Issuers {
    sources: Mutex<HashMap<Arc<KeySource>, Arc<Held>>>,
    asks: mpsc::Sender<Arc<Held>>,
    waiting: Semaphore,
    times: KeyTimes,
    fetched: IntCounterVec,
}

/// The keys of one source.
struct Held {
    source: Arc<KeySource>,
    state: watch::Sender<State>,
    /// A fetch waits or is under way.
    is_asked: AtomicBool,
    since: Instant,
}

/// What the task of the control plane hears.
pub(crate) struct Asked(mpsc::Receiver<Arc<Held>>);

impl Issuers {
    /// `fetched` counts by result.
    pub(crate) fn new(times: KeyTimes, fetched: IntCounterVec) -> (Arc<Self>, Asked) {
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let issuers = Self {
            sources: Mutex::default(),
            asks,
            waiting: Semaphore::new(WAITING_MAX),
            times,
            fetched,
        };
        (Arc::new(issuers), Asked(asked))
    }

    /// The keys of a source, to verify a token that names the key `id`. They may lack it. If
    /// dropped, the fetch goes on for those who come later.
    pub(crate) async fn keys(
        &self,
        source: &Arc<KeySource>,
        id: &str,
    ) -> Result<Arc<KeySet>, FetchError> {
        let held = self.held(source);
        let state = held.state.borrow().clone();
        match state.need(id, &self.times, Instant::now()) {
            Need::Nothing(keys) => return Ok(keys),
            Need::Soon(keys) => {
                self.ask(&held, state.fetches);
                return Ok(keys);
            }
            Need::Patience(failure) => return Err(failure),
            Need::Fetch => {}
        }
        let _waiter = self.waiting.try_acquire().map_err(|_| FetchError::Busy)?;
        let mut seen = held.state.subscribe();
        if !self.ask(&held, state.fetches) {
            return Err(FetchError::Busy);
        }
        let ended = seen.wait_for(|now| now.fetches > state.fetches);
        // The sender is in `held`, which is here: waiting cannot fail, only last too long.
        let Ok(Ok(now)) = tokio::time::timeout(self.times.answer_max * 2 + PATIENCE, ended).await
        else {
            return Err(FetchError::TimedOut);
        };
        match now.need(id, &self.times, Instant::now()) {
            Need::Nothing(keys) | Need::Soon(keys) => Ok(keys),
            Need::Patience(failure) => Err(failure),
            // Nobody waits twice.
            Need::Fetch => now.settled(),
        }
    }

    /// Has keys fetched by whoever saw so many fetches end; false where that cannot be.
    fn ask(&self, held: &Arc<Held>, seen: u64) -> bool {
        if held.is_asked.swap(true, Ordering::AcqRel) {
            return true;
        }
        if held.state.borrow().fetches != seen {
            // Another one has ended meanwhile.
            held.is_asked.store(false, Ordering::Release);
            return true;
        }
        let taken = self.asks.try_send(Arc::clone(held)).is_ok();
        if !taken {
            held.is_asked.store(false, Ordering::Release);
        }
        taken
    }

    fn held(&self, source: &Arc<KeySource>) -> Arc<Held> {
        let mut sources = self.lock();
        if let Some(held) = sources.get(source) {
            return Arc::clone(held);
        }
        if sources.len() >= SOURCES_MAX {
            let mut ages: Vec<Instant> = sources.values().map(|one| one.since).collect();
            let half = ages.len() / 2;
            let (_, middle, _) = ages.select_nth_unstable(half);
            let middle = *middle;
            sources.retain(|_, one| one.since > middle);
        }
        let held = Arc::new(Held {
            source: Arc::clone(source),
            state: watch::Sender::new(State::default()),
            is_asked: AtomicBool::new(false),
            since: Instant::now(),
        });
        sources.insert(Arc::clone(source), Arc::clone(&held));
        held
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<KeySource>, Arc<Held>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a fetch ended, and wakes who waits for it.
    fn settle(&self, held: &Held, fetched: Result<KeySet, FetchError>) {
        let result = fetched.as_ref().err().map_or("ok", FetchError::reason);
        self.fetched.with_label_values(&[result]).inc();
        if let Err(error) = &fetched {
            let source = &held.source;
            tracing::warn!(?source, %error, "keys of an issuer cannot be fetched");
        }
        let now = Instant::now();
        held.state.send_modify(|state| {
            state.settle(fetched, now);
            // Whoever sees the one sees the other.
            held.is_asked.store(false, Ordering::Release);
        });
    }
}

/// Fetches what is asked for, until the drain begins: requests that come later are judged by what
/// is there.
pub(crate) async fn keep(
    issuers: Arc<Issuers>,
    mut asked: Asked,
    upstreams: Arc<Upstreams>,
    drain: Drain,
) {
    let turns = Arc::new(Semaphore::new(FETCHES_MAX));
    loop {
        let next = async {
            let turn = Arc::clone(&turns).acquire_owned().await.ok()?;
            Some((asked.0.recv().await?, turn))
        };
        let (held, turn) = tokio::select! {
            biased;
            () = drain.begun() => return,
            next = next => match next {
                Some(next) => next,
                None => return,
            },
        };
        let (issuers, upstreams) = (Arc::clone(&issuers), Arc::clone(&upstreams));
        let ending = drain.clone();
        let answer_max = issuers.times.answer_max;
        drain.spawn(async move {
            let fetched = tokio::select! {
                biased;
                () = ending.expired() => Err(FetchError::Busy),
                fetched = fetch::fetch(&upstreams, &held.source, answer_max) => fetched,
            };
            issuers.settle(&held, fetched);
            drop(turn);
        });
    }
}
