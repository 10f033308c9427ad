//! One request at a time fetches an answer; those that want the same wait for it.
//!
//! Waiting is bounded, and ends at once when the answer turns out not to be storable: requests for
//! such answers are remembered and no longer wait for each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;
use serve::Body;
use tokio::sync::watch;

use super::entry::Entry;
use super::flow::Flow;
use crate::answer::Fault;

/// Fills in progress; beyond it requests do not wait for each other.
const FILLS_MAX: usize = 16 * 1024;
/// Slots remembered as not storable.
const PASSES_MAX: u64 = 64 * 1024;
/// How long they are remembered.
const PASS_MS: u64 = 60_000;

/// The fills in progress of a POP.
#[derive(Debug)]
pub(crate) struct Fills {
    running: Mutex<HashMap<u64, Running>>,
    serial: AtomicU64,
    /// Until when a slot is taken for not storable.
    passes: Cache<u64, u64>,
}

/// A fill that others may join.
#[derive(Debug)]
struct Running {
    serial: u64,
    progress: watch::Receiver<Progress>,
}

/// An answer whose body still arrives.
#[derive(Debug)]
pub(crate) struct Growing {
    /// Without its body.
    pub(crate) entry: Entry,
    flow: Arc<Flow>,
}

impl Growing {
    pub(crate) fn new(entry: Entry, flow: Arc<Flow>) -> Self {
        Self { entry, flow }
    }

    /// The body from its beginning; none when it can no longer be had.
    pub(crate) fn read(&self) -> Option<Body> {
        self.flow.read()
    }
}

/// How far a fill is.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// Neither stored nor given up.
    Running,
    /// Its head is there, and its body arrives.
    Growing(Arc<Growing>),
    /// It is stored.
    Stored(Arc<Entry>),
    /// The region failed, with this fault where it did not answer at all.
    Failed(Option<Fault>),
    /// It will not be stored.
    Released,
}

/// What a request does about a miss.
#[derive(Debug)]
pub(crate) enum Part {
    /// Fetch it, and tell the others.
    Lead(Ticket),
    /// Wait for who fetches it.
    Follow(watch::Receiver<Progress>),
    /// Fetch it without regard to others.
    Alone,
}

/// The duty to tell the others. Dropped without a word, one of them takes over.
#[derive(Debug)]
pub(crate) struct Ticket {
    fills: Arc<Fills>,
    slot: u64,
    serial: u64,
    progress: watch::Sender<Progress>,
}

impl Fills {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            running: Mutex::default(),
            serial: AtomicU64::new(0),
            passes: Cache::new(PASSES_MAX),
        })
    }

    /// Joins the fill of `slot`, or begins it.
    pub(crate) fn join(self: &Arc<Self>, slot: u64, now_ms: u64) -> Part {
        if self
            .passes
            .get(&slot)
            .is_some_and(|until_ms| now_ms < until_ms)
        {
            return Part::Alone;
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fill) = running.get(&slot) {
            return Part::Follow(fill.progress.clone());
        }
        if running.len() >= FILLS_MAX {
            return Part::Alone;
        }
        let (sender, progress) = watch::channel(Progress::Running);
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        running.insert(slot, Running { serial, progress });
        Part::Lead(Ticket {
            fills: Arc::clone(self),
            slot,
            serial,
            progress: sender,
        })
    }

    /// Nobody joins what was begun before now: it may be older than what was purged.
    pub(crate) fn detach(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.clear();
        drop(running);
        self.passes.invalidate_all();
    }

    /// As [`detach`](Self::detach), for one slot.
    pub(crate) fn detach_one(&self, slot: u64) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&slot);
    }

    /// Fills in progress.
    pub(crate) fn running(&self) -> usize {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl Ticket {
    /// The answer can be read while it arrives.
    pub(crate) fn growing(&self, growing: Arc<Growing>) {
        self.progress.send_replace(Progress::Growing(growing));
    }

    /// The region has failed: the others need not find that out one by one.
    pub(crate) fn failed(self, fault: Option<Fault>) {
        self.progress.send_replace(Progress::Failed(fault));
    }

    /// The answer is stored.
    pub(crate) fn stored(self, entry: Arc<Entry>) {
        self.progress.send_replace(Progress::Stored(entry));
    }

    /// The answer is not stored: the others fetch it themselves.
    pub(crate) fn release(self) {
        self.progress.send_replace(Progress::Released);
    }

    /// As [`release`](Self::release), and nobody waits for this slot for a while.
    pub(crate) fn release_and_remember(self, now_ms: u64) {
        self.fills.passes.insert(self.slot, now_ms + PASS_MS);
        self.release();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut running = self
            .fills
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let own = |fill: &Running| fill.serial == self.serial;
        if running.get(&self.slot).is_some_and(own) {
            running.remove(&self.slot);
        }
    }
}

/// Waits for the head of a fill; none when its leader went away without a word. Cancel safe.
pub(crate) async fn outcome(mut progress: watch::Receiver<Progress>) -> Option<Progress> {
    let ended = progress
        .wait_for(|now| !matches!(now, Progress::Running))
        .await;
    ended.ok().map(|now| now.clone())
}
