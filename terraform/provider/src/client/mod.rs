//! The client of the management API: signed, over several endpoints, with retries that are safe.
//!
//! It reads its own writes: an answer of an endpoint that has not caught up with what this client
//! has written is asked for again. Lists are kept for as long as nothing is written, so that
//! refreshing many objects costs few calls. It knows paths and JSON, not what they mean.

mod error;
mod lists;
mod probe;
mod send;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Method;
use rand::RngExt as _;
use serde_json::Value as Json;

pub(crate) use error::{CallError, Kind};
pub(crate) use lists::List;
use lists::Lists;
use send::{Exchange, Sender};
pub(crate) use send::{Setup, SetupError};

/// How often a call is tried at most.
const TRIES_MAX: u32 = 8;

/// The first pause between two tries; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long an endpoint may take to catch up with what was written at another.
const CATCH_UP: Duration = Duration::from_secs(20);

/// After this long, the other endpoints are asked too: it may have left the cluster.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// Where calls are not named.
const UNNAMED: &str = "/edgeway/v1/tokens";

/// Longest wait that the management API takes, seconds.
const WAIT_S_MAX: u64 = 300;

/// A management API.
pub(crate) struct Client {
    sender: Sender,
    lists: Lists,
    /// The highest revision that a write of ours has made.
    written: AtomicU64,
    /// Calls that were made, for the log.
    calls: AtomicU64,
    /// Whether the cluster does a call with a name once, however often it is sent.
    names: AtomicBool,
}

/// What a write has done.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) body: Json,
    /// The revision of the configuration that it is in.
    pub(crate) revision: u64,
}

impl Client {
    pub(crate) fn new(setup: Setup) -> Result<Self, SetupError> {
        Ok(Self {
            sender: Sender::new(setup)?,
            lists: Lists::default(),
            written: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            names: AtomicBool::new(false),
        })
    }

    /// How many calls have been made.
    #[cfg(test)]
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// One object as it is now.
    pub(crate) async fn get(&self, path: &str) -> Result<Json, CallError> {
        let begun = Instant::now();
        loop {
            let asked = self.sender.present();
            let answer = self.tried(&Method::GET, path, None).await?;
            let wanted = self.written.load(Ordering::Acquire);
            let late = answer.revision.is_some_and(|revision| revision < wanted);
            if !late || begun.elapsed() > CATCH_UP {
                let json = answer.json()?;
                if path == probe::STATUS {
                    self.learn(&json);
                }
                return Ok(json);
            }
            if begun.elapsed() > STALE_AFTER {
                self.sender.leave(asked);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// As `get`, but none where there is no such object.
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Json>, CallError> {
        match self.get(path).await {
            Err(error) if error.is_gone() => Ok(None),
            other => other.map(Some),
        }
    }

    /// All items of a list, from memory if nothing was written since they were read.
    pub(crate) async fn list(&self, path: &str) -> Result<List, CallError> {
        self.lists.read(path, || self.pages(path)).await
    }

    /// Sends a change; what was kept of lists is forgotten.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Written, CallError> {
        let body = body.map(|body| body.to_string().into_bytes());
        self.upload(method, path, body).await
    }

    /// As `send`, of bytes that need not be JSON.
    pub(crate) async fn upload(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Written, CallError> {
        self.lists.forget();
        let result = self.tried(&method, path, body).await;
        self.lists.forget();
        self.written(result?)
    }

    /// Puts an object that depends on what was seen of it: where somebody was faster, asking again
    /// would not help, and is left to whoever can look again.
    pub(crate) async fn put_seen(&self, path: &str, body: &Json) -> Result<Written, CallError> {
        let bytes = body.to_string().into_bytes();
        self.lists.forget();
        let again = |error: &CallError| error.kind() != Kind::Concurrent;
        let result = self.tried_if(&Method::PUT, path, Some(bytes), again).await;
        self.lists.forget();
        self.written(result?)
    }

    fn written(&self, answer: Exchange) -> Result<Written, CallError> {
        let revision = answer.revision.unwrap_or_default();
        self.written.fetch_max(revision, Ordering::AcqRel);
        Ok(Written {
            body: answer.json()?,
            revision,
        })
    }

    /// Removes an object; one that is gone is fine.
    pub(crate) async fn remove(&self, path: &str) -> Result<(), CallError> {
        match self.send(Method::DELETE, path, None).await {
            Err(error) if !error.is_gone() => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until every live node serves `revision`.
    pub(crate) async fn wait(&self, revision: u64, within: Duration) -> Result<(), CallError> {
        let seconds = within.as_secs().clamp(1, WAIT_S_MAX);
        let path = format!("/edgeway/v1/revisions/{revision}/wait?timeoutSeconds={seconds}");
        let limit = within + self.sender.timeout();
        let begun = Instant::now();
        loop {
            self.count();
            let asked = self.sender.present();
            let sent = (&Method::GET, path.as_str(), None);
            match self.sender.exchange(asked, sent, None, limit).await {
                Ok(answer) => return answer.accepted(&Method::GET, &path).map(|_| ()),
                // The endpoint went away: another one can wait as well.
                Err(_) if begun.elapsed() < within => self.sender.leave(asked),
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How many endpoints there are.
    pub(crate) const fn endpoints(&self) -> usize {
        self.sender.endpoints()
    }

    /// Calls go to the next endpoint from now on.
    pub(crate) fn turn_away(&self) {
        self.sender.leave(self.sender.present());
    }

    async fn tried(
        &self,
        method: &Method,
        path: &str,
        bytes: Option<Vec<u8>>,
    ) -> Result<Exchange, CallError> {
        self.tried_if(method, path, bytes, |_| true).await
    }

    /// Tries until it is done or refused, or `again` says that it is not worth it.
    async fn tried_if(
        &self,
        method: &Method,
        path: &str,
        bytes: Option<Vec<u8>>,
        again: impl Fn(&CallError) -> bool,
    ) -> Result<Exchange, CallError> {
        let mut name = self.name(method, path);
        let mut tries = 0;
        loop {
            tries += 1;
            self.count();
            let asked = self.sender.present();
            let timeout = self.sender.timeout();
            let sent = (method, path, bytes.clone());
            let named = name.as_deref();
            let result = match self.sender.exchange(asked, sent, named, timeout).await {
                Ok(answer) => answer.accepted(method, path),
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(answer) => return Ok(answer),
                Err(error) if !is_safe_again(method, named, &error) || !again(&error) => {
                    return Err(error);
                }
                Err(error) if tries >= self.tries_max(&error) => return Err(error),
                Err(error) => error,
            };
            if error.blames_endpoint() {
                self.sender.leave(asked);
            } else {
                // Refusals are remembered under the name.
                name = self.name(method, path);
            }
            crate::plugin::log::debug(&format!("trying again: {error}"));
            tokio::time::sleep(pause(tries)).await;
        }
    }

    /// A name for a call that must not be done twice, where the cluster knows names. Join tokens
    /// are made elsewhere, and one too many only expires.
    fn name(&self, method: &Method, path: &str) -> Option<String> {
        let named = *method == Method::POST && path != UNNAMED;
        let known = self.names.load(Ordering::Relaxed);
        (named && known).then(|| format!("{:032x}", rand::random::<u128>()))
    }

    /// Waiting helps neither those who are not trusted nor us.
    fn tries_max(&self, error: &CallError) -> u32 {
        if error.kind() != Kind::Untrusted {
            return TRIES_MAX;
        }
        let endpoints = u32::try_from(self.sender.endpoints());
        endpoints.map_or(TRIES_MAX, |endpoints| endpoints.min(TRIES_MAX))
    }

    async fn pages(&self, path: &str) -> Result<Vec<Json>, CallError> {
        let form = lists::Form::of(path);
        let mut items = Vec::new();
        let mut from = None;
        for _ in 0..lists::PAGES_MAX {
            let mut page = self.get(&form.page(path, from.as_deref())).await?;
            items.extend(form.items(&mut page));
            from = form.next(&page);
            if from.is_none() {
                return Ok(items);
            }
        }
        Err(CallError::new(
            Kind::TooMany,
            format!("GET {path}: more than {} pages", lists::PAGES_MAX),
        ))
    }
}

/// Whether a call may be sent again: it has not been done, or doing it twice is as once.
fn is_safe_again(method: &Method, name: Option<&str>, error: &CallError) -> bool {
    let idempotent = matches!(
        *method,
        Method::GET | Method::PUT | Method::DELETE | Method::PATCH
    );
    let idempotent = idempotent || name.is_some();
    match error.kind() {
        // Refused before it was looked at, or before it was sent.
        Kind::Busy | Kind::NotSent | Kind::Concurrent | Kind::Untrusted => true,
        Kind::Lost | Kind::Failed => idempotent,
        Kind::Gone | Kind::Refused | Kind::Unauthorized | Kind::TooMany | Kind::Answer => false,
    }
}

/// Longer each time, and never the same for those who failed together.
fn pause(tries: u32) -> Duration {
    let full = PAUSE.saturating_mul(1 << tries.min(10)).min(PAUSE_MAX);
    full.mul_f64(rand::rng().random_range(0.5..1.0))
}

/// A client that is shared by all calls of a session.
pub(crate) type Shared = Arc<Client>;
