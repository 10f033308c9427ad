//! The connections of one worker, by origin.
//!
//! HTTP/1.1: a request takes the newest unused connection, or opens one, and holds a slot until its
//! answer has been read; slots bound the connections, and waiters queue in order. HTTP/2: one
//! connection carries everything. Connections never move to another worker.
//!
//! The mutexes are held for a few instructions and never across an await; all users are tasks of
//! one thread, so they are never contended (they make the types `Sync`, which handlers must be).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderValue, uri::Authority};
use hyper::client::conn::{http1, http2};
use plan::region::Origin;
use serve::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{UpstreamError, UpstreamSettings};

/// All origins of one worker.
pub(super) struct Pool {
    entries: Mutex<HashMap<Arc<Origin>, Arc<Entry>>>,
    limits: Limits,
    /// Set when the drain has begun: nothing is kept from then on.
    closed: Arc<AtomicBool>,
}

#[derive(Clone, Copy)]
struct Limits {
    idle_timeout: Duration,
    idle_max: usize,
    connections_max: usize,
    waiting_max: usize,
}

/// The connections to one origin.
pub(super) struct Entry {
    /// What the backend gets as `Host` over HTTP/1.1 ...
    pub(super) host: HeaderValue,
    /// ... and as authority over HTTP/2.
    pub(super) authority: Authority,
    state: Mutex<State>,
    closed: Arc<AtomicBool>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    limits: Limits,
    /// Lets one handshake at a time through while it may turn out to be HTTP/2, so that a burst
    /// of first requests does not open a connection each.
    pub(super) first: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    /// Newest last.
    idle: Vec<Idle>,
    http2: Option<Shared>,
    speaks: Option<Protocol>,
}

struct Shared {
    sender: http2::SendRequest<Body>,
    used: Instant,
}

struct Idle {
    sender: http1::SendRequest<Body>,
    since: Instant,
}

/// What an origin was last seen to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(settings: &UpstreamSettings) -> Self {
        let limits = Limits {
            idle_timeout: settings.idle_timeout,
            idle_max: settings.idle_per_origin_max,
            connections_max: settings
                .connections_per_origin_max
                .clamp(1, Semaphore::MAX_PERMITS),
            waiting_max: settings.waiting_per_origin_max,
        };
        Self {
            entries: Mutex::default(),
            limits,
            closed: Arc::default(),
        }
    }

    /// The connections to `origin`.
    pub(super) fn entry(&self, origin: &Arc<Origin>) -> Result<Arc<Entry>, UpstreamError> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(origin) {
            return Ok(Arc::clone(entry));
        }
        let entry = Arc::new(Entry::new(origin, self.limits, Arc::clone(&self.closed))?);
        entries.insert(Arc::clone(origin), Arc::clone(&entry));
        Ok(entry)
    }

    /// Closes connections that were unused for too long and forgets origins without any.
    pub(super) fn sweep(&self, now: Instant) {
        lock(&self.entries).retain(|_, entry| {
            entry.sweep(now);
            // Nobody holds it and nothing is in it.
            Arc::strong_count(entry) > 1 || !entry.is_empty()
        });
    }

    /// Closes every unused connection, and every used one after its request.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        lock(&self.entries).clear();
    }
}

// === impl Entry ===

impl Entry {
    fn new(
        origin: &Origin,
        limits: Limits,
        closed: Arc<AtomicBool>,
    ) -> Result<Self, UpstreamError> {
        // Compiling has checked the host, so neither fails.
        let host = HeaderValue::from_str(&origin.authority);
        let authority = origin.authority.parse::<Authority>();
        Ok(Self {
            host: host.map_err(|_| UpstreamError::Unresolved)?,
            authority: authority.map_err(|_| UpstreamError::Unresolved)?,
            state: Mutex::default(),
            closed,
            slots: Arc::new(Semaphore::new(limits.connections_max)),
            waiting: AtomicUsize::new(0),
            limits,
            first: Arc::new(Semaphore::new(1)),
        })
    }

    /// The HTTP/2 connection, if there is one that takes requests.
    pub(super) fn http2(&self) -> Option<http2::SendRequest<Body>> {
        let mut state = lock(&self.state);
        let shared = state.http2.as_mut()?;
        if shared.sender.is_closed() {
            state.http2 = None;
            return None;
        }
        shared.used = Instant::now();
        Some(shared.sender.clone())
    }

    pub(super) fn put_http2(&self, sender: &http2::SendRequest<Body>) {
        let mut state = lock(&self.state);
        state.speaks = Some(Protocol::Http2);
        if !self.is_closed() {
            state.http2 = Some(Shared {
                sender: sender.clone(),
                used: Instant::now(),
            });
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn speaks(&self) -> Option<Protocol> {
        lock(&self.state).speaks
    }

    pub(super) fn set_http1(&self) {
        lock(&self.state).speaks = Some(Protocol::Http1);
    }

    /// Waits for a slot, which stands for one HTTP/1.1 connection in use. Waiters are served in
    /// order; the wait ends with the caller's own time-out.
    pub(super) async fn slot(&self) -> Result<OwnedSemaphorePermit, UpstreamError> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(slot);
        }
        let _waiter = Waiter::new(&self.waiting, self.limits.waiting_max)?;
        Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|_| UpstreamError::Busy)
    }

    /// The newest unused connection that is ready; drops those found closed on the way.
    pub(super) fn take_idle(&self) -> Option<http1::SendRequest<Body>> {
        let mut state = lock(&self.state);
        // The usual case first: the last one put back is ready.
        if state.idle.last()?.sender.is_ready() {
            return state.idle.pop().map(|idle| idle.sender);
        }
        state.idle.retain(|idle| !idle.sender.is_closed());
        let ready = state.idle.iter().rposition(|idle| idle.sender.is_ready())?;
        Some(state.idle.remove(ready).sender)
    }

    /// Keeps a connection for the next request.
    pub(super) fn put_idle(&self, sender: http1::SendRequest<Body>) {
        let mut state = lock(&self.state);
        if !self.is_closed() && state.idle.len() < self.limits.idle_max && !sender.is_closed() {
            state.idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }

    /// One unused connection was found dead: the others of its age are no better.
    pub(super) fn forget_idle(&self) {
        lock(&self.state).idle.clear();
    }

    fn sweep(&self, now: Instant) {
        let recent = |since| now.saturating_duration_since(since) < self.limits.idle_timeout;
        let mut state = lock(&self.state);
        state
            .idle
            .retain(|idle| !idle.sender.is_closed() && recent(idle.since));
        // Streams that are open keep the connection open without this handle.
        let stale = |shared: &Shared| shared.sender.is_closed() || !recent(shared.used);
        if state.http2.as_ref().is_some_and(stale) {
            state.http2 = None;
        }
    }

    fn is_empty(&self) -> bool {
        let state = lock(&self.state);
        state.idle.is_empty() && state.http2.is_none()
    }
}

/// Counts one waiting request.
struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a AtomicUsize, waiting_max: usize) -> Result<Self, UpstreamError> {
        let waiter = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) < waiting_max {
            Ok(waiter)
        } else {
            Err(UpstreamError::Busy)
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
