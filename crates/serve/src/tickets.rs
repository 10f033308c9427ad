//! The keys of session tickets: shared by all workers of a node, and rotated.
//!
//! A ticket is the client's own copy of its session, sealed with a key of ours, so any worker and
//! any listener of the node (TCP and QUIC) can resume it. A key seals for one life and opens for
//! one more; then it is gone, and with it the means to read what its tickets hold. Keys never leave
//! the process: another node of the same POP does not know them, and a restart forgets them.
//!
//! Rotation happens when a ticket is sealed or opened, not by a timer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

/// The longest life. Each key is a ticketer of the library, which would change its own key beneath
/// ours after six hours.
pub(crate) const LIFE_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// The shortest: what the library can tell clients.
pub(crate) const LIFE_MIN: Duration = Duration::from_secs(1);

/// Time since some fixed moment.
type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// The keys of one node.
pub(crate) struct TicketKeys {
    life: Duration,
    clock: Clock,
    keys: ArcSwap<Keys>,
    /// Held while a key is made, so that one is made and not one per worker.
    turning: Mutex<()>,
}

struct Keys {
    current: Arc<dyn ProducesTickets>,
    /// Opens, but seals no more.
    previous: Option<Arc<dyn ProducesTickets>>,
    since: Duration,
}

impl TicketKeys {
    /// Keys that each seal for `life`, within [`LIFE_MIN`] and [`LIFE_MAX`].
    pub(crate) fn new(life: Duration) -> Result<Self, rustls::Error> {
        let start = Instant::now();
        Self::with_clock(life, Box::new(move || start.elapsed()))
    }

    pub(crate) fn with_clock(life: Duration, clock: Clock) -> Result<Self, rustls::Error> {
        let keys = Keys {
            current: Ticketer::new()?,
            previous: None,
            since: clock(),
        };
        Ok(Self {
            life: life.clamp(LIFE_MIN, LIFE_MAX),
            clock,
            keys: ArcSwap::from_pointee(keys),
            turning: Mutex::new(()),
        })
    }

    /// The keys of this moment. `None` if a new one was due and could not be made: an old one is
    /// not used beyond its time.
    fn now(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.load_full();
        if !self.is_due(&keys) {
            return Some(keys);
        }
        let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys.load_full();
        if !self.is_due(&keys) {
            return Some(keys);
        }
        let now = (self.clock)();
        // Of a node without clients for two lives, no key is good any more.
        let fresh = now.saturating_sub(keys.since) < self.life * 2;
        let next = Arc::new(Keys {
            current: Ticketer::new().ok()?,
            previous: fresh.then(|| Arc::clone(&keys.current)),
            // In step with the first key, so that no life is longer for want of handshakes.
            since: if fresh { keys.since + self.life } else { now },
        });
        self.keys.store(Arc::clone(&next));
        Some(next)
    }

    fn is_due(&self, keys: &Keys) -> bool {
        (self.clock)().saturating_sub(keys.since) >= self.life
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    /// What clients are told, in seconds: every ticket is good for that long.
    fn lifetime(&self) -> u32 {
        u32::try_from(self.life.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.now()?.current.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let keys = self.now()?;
        let by_previous = || keys.previous.as_ref()?.decrypt(cipher);
        keys.current.decrypt(cipher).or_else(by_previous)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
