//! What the socket, the requests and the task of one connection tell each other.
//!
//! The HTTP library owns the socket and the requests, so that the task that drives a connection
//! cannot ask them. They write a few numbers here, and the task reads them after each step to know
//! which time limit applies. No clock runs per request except where a phase begins.
//!
//! All of it is touched by one thread only (a connection never leaves its worker, but its parts
//! must be `Send`), hence relaxed atomics.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::check::Refusal;
use crate::limits::Limits;
use crate::scan::Fault;

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Vitals {
    began: Instant,
    /// Requests that are being handled or answered.
    active: AtomicU32,
    /// Since when there is none.
    idle_since: Mark,
    /// Since when a head is arriving.
    head_since: Mark,
    /// Since when the peer takes no bytes.
    blocked_since: Mark,
    /// Since when we wait for the peer to close after we did.
    linger_since: Mark,
    /// The client should get the chance to read our last answer before the socket goes.
    linger: AtomicBool,
    /// The head came too slowly: the socket answers that and fails.
    head_expired: AtomicBool,
    /// Requests of HTTP/1.1 that reached the service.
    served: AtomicU64,
    /// The first of them to refuse, and why (an index into `FAULTS`, plus one).
    fault_request: AtomicU64,
    fault_refusal: AtomicU8,
}

/// Milliseconds since the connection began, plus one; 0 means "not".
#[derive(Debug, Default)]
struct Mark(AtomicU64);

/// Which time limit a connection is running into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    Idle,
    Head,
    Write,
    Linger,
}

/// Time for the peer to close its side after we closed ours.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// What a scanner may report.
const FAULTS: [Refusal; 3] = [
    Refusal::BothFramings,
    Refusal::LengthRepeated,
    Refusal::FramingUnclear,
];

impl Vitals {
    pub(crate) fn new(began: Instant) -> Self {
        let vitals = Self {
            began,
            active: AtomicU32::new(0),
            idle_since: Mark::default(),
            head_since: Mark::default(),
            blocked_since: Mark::default(),
            linger_since: Mark::default(),
            linger: AtomicBool::new(false),
            head_expired: AtomicBool::new(false),
            served: AtomicU64::new(0),
            fault_request: AtomicU64::new(u64::MAX),
            fault_refusal: AtomicU8::new(0),
        };
        vitals.idle_since.set(began);
        vitals
    }

    /// A request has reached the service.
    pub(crate) fn request_begins(&self) {
        self.active.fetch_add(1, Relaxed);
        if self.wants_linger() {
            self.linger.store(false, Relaxed);
        }
    }

    /// Its answer has been handed to the socket, or nobody wants it any more.
    pub(crate) fn request_ends(&self) {
        if self.active.fetch_sub(1, Relaxed) == 1 {
            self.idle_since.set(self.began);
            if self.head_since.is_set() {
                // A part of the next head came early; nobody read on meanwhile.
                self.head_since.set(self.began);
            }
        }
    }

    /// Whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.active.load(Relaxed) == 0
    }

    /// Whether a part of a head has arrived, but not all of it.
    pub(crate) fn head_arrives(&self, partly: bool) {
        if partly {
            self.head_since.set_once(self.began);
        } else {
            self.head_since.clear();
        }
    }

    pub(crate) fn write_blocked(&self) {
        self.blocked_since.set_once(self.began);
    }

    pub(crate) fn write_flows(&self) {
        self.blocked_since.clear();
    }

    pub(crate) fn is_write_blocked(&self) -> bool {
        self.blocked_since.is_set()
    }

    /// The last answer was given without reading all that the client sends.
    pub(crate) fn want_linger(&self) {
        self.linger.store(true, Relaxed);
    }

    pub(crate) fn wants_linger(&self) -> bool {
        self.linger.load(Relaxed)
    }

    pub(crate) fn lingers(&self) {
        self.linger_since.set_once(self.began);
    }

    pub(crate) fn expire_head(&self) {
        self.head_expired.store(true, Relaxed);
    }

    pub(crate) fn head_expired(&self) -> bool {
        self.head_expired.load(Relaxed)
    }

    /// The scanner found a request at fault. Only the first matters: the connection ends there.
    pub(crate) fn report(&self, fault: Fault) {
        let index = FAULTS.iter().position(|refusal| *refusal == fault.refusal);
        let code = index.and_then(|index| u8::try_from(index + 1).ok());
        self.fault_refusal.store(code.unwrap_or(0), Relaxed);
        self.fault_request.store(fault.request, Relaxed);
    }

    /// Counts a request of HTTP/1.1 and says whether the scanner found it at fault.
    pub(crate) fn next_request_fault(&self) -> Option<Refusal> {
        let request = self.served.load(Relaxed);
        self.served.store(request + 1, Relaxed);
        if request < self.fault_request.load(Relaxed) {
            return None;
        }
        let code = usize::from(self.fault_refusal.load(Relaxed));
        let known = code
            .checked_sub(1)
            .and_then(|index| FAULTS.get(index))
            .copied();
        Some(known.unwrap_or(Refusal::FramingUnclear))
    }

    /// The time limit that applies now, if any. While a request is being handled its handler
    /// keeps the time.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<(Instant, Expiry)> {
        let at = |since: Duration, limit: Duration| self.began + since + limit;
        if let Some(since) = self.linger_since.read() {
            return Some((at(since, LINGER_MAX), Expiry::Linger));
        }
        if let Some(since) = self.blocked_since.read() {
            return Some((at(since, limits.write_idle_timeout), Expiry::Write));
        }
        if !self.is_idle() {
            return None;
        }
        if let Some(since) = self.head_since.read() {
            return Some((at(since, limits.head_timeout), Expiry::Head));
        }
        let since = self.idle_since.read()?;
        Some((at(since, limits.idle_timeout), Expiry::Idle))
    }
}

impl Mark {
    fn set(&self, began: Instant) {
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.0.store(millis + 1, Relaxed);
    }

    fn set_once(&self, began: Instant) {
        if !self.is_set() {
            self.set(began);
        }
    }

    /// Stores only where needed, to keep the common path free of writes.
    fn clear(&self) {
        if self.is_set() {
            self.0.store(0, Relaxed);
        }
    }

    fn is_set(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    fn read(&self) -> Option<Duration> {
        self.0
            .load(Relaxed)
            .checked_sub(1)
            .map(Duration::from_millis)
    }
}
