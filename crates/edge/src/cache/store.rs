//! The table of stored answers: bounded by bytes, shared by all workers.
//!
//! An answer without `Vary` stands under its key's hash. One with `Vary` stands under a second
//! hash that includes the request headers it depends on; under the first one stands a mark that
//! names those headers.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderName;
use moka::sync::Cache;

use super::coding::Coding;
use super::entry::Entry;
use super::key::{Key, OwnedKey, variant};

/// Addresses remembered as changed; an answer that was asked for before is not stored.
const CHANGES_MAX: u64 = 64 * 1024;
/// How long they are remembered. No answer takes longer.
const CHANGE_KEPT: Duration = Duration::from_secs(600);
/// What a mark costs, in bytes.
const MARK_BYTES: u32 = 512;

/// The store of a POP.
#[derive(Debug)]
pub(crate) struct Store {
    slots: Cache<u64, Slot, BuildHasherDefault<AsIs>>,
    seed: RandomState,
    serial: AtomicU64,
    /// Numbers of the latest changes by unsafe requests, by address.
    changes: Cache<u64, u64>,
}

#[derive(Clone, Debug)]
enum Slot {
    Answer(Arc<Entry>),
    Varies(Arc<Mark>),
    Coded(Arc<Variant>),
}

/// The body of an answer with a content coding.
#[derive(Debug)]
struct Variant {
    /// Of the plain body; see `Codable`.
    id: u64,
    coding: Coding,
    body: Bytes,
}

/// Names the headers that answers for a key depend on.
#[derive(Debug)]
struct Mark {
    key: OwnedKey,
    names: Vec<HeaderName>,
    /// Part of the second hash: what an older mark led to is never found again.
    serial: u64,
}

/// What a look-up found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The answer, fresh or not.
    pub(crate) entry: Option<Arc<Entry>>,
    /// Identifies what was looked for, the variant included.
    pub(crate) slot: u64,
    /// Answers for the key depend on request headers.
    pub(crate) varies: bool,
}

impl Store {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let weigh = |_: &u64, slot: &Slot| match slot {
            Slot::Answer(entry) => entry.weight(),
            Slot::Varies(_) => MARK_BYTES,
            Slot::Coded(variant) => u32::try_from(variant.body.len())
                .unwrap_or(u32::MAX)
                .saturating_add(MARK_BYTES),
        };
        let builder = Cache::builder().max_capacity(bytes_max).weigher(weigh);
        Self {
            slots: builder.build_with_hasher(BuildHasherDefault::default()),
            seed: RandomState::new(),
            serial: AtomicU64::new(0),
            changes: Cache::builder()
                .max_capacity(CHANGES_MAX)
                .time_to_live(CHANGE_KEPT)
                .build(),
        }
    }

    /// Looks a request up.
    pub(crate) fn find(&self, key: Key<'_>, headers: &HeaderMap) -> Found {
        let first = key.hash(&self.seed);
        match self.slots.get(&first) {
            Some(Slot::Answer(entry)) if entry.key.borrow() == key => Found {
                entry: Some(entry),
                slot: first,
                varies: false,
            },
            Some(Slot::Varies(mark)) if mark.key.borrow() == key => {
                self.find_variant(key, &mark, headers)
            }
            _ => Found {
                entry: None,
                slot: first,
                varies: false,
            },
        }
    }

    fn find_variant(&self, key: Key<'_>, mark: &Mark, headers: &HeaderMap) -> Found {
        let Some(variant) = variant(&mark.names, headers) else {
            // Too long to be stored, so nothing to be found; no other request is like it.
            let slot = self.seed.hash_one(self.next());
            return Found {
                entry: None,
                slot,
                varies: true,
            };
        };
        let slot = self.second(key, mark.serial, &variant);
        let entry = match self.slots.get(&slot) {
            Some(Slot::Answer(entry)) => {
                Some(entry).filter(|entry| entry.key.borrow() == key && entry.variant == variant)
            }
            _ => None,
        };
        Found {
            entry,
            slot,
            varies: true,
        }
    }

    /// Stores an answer that depends on the request headers `names`; the entry holds the values.
    pub(crate) fn put(&self, entry: Arc<Entry>, names: &[HeaderName]) {
        let key = entry.key.borrow();
        let first = key.hash(&self.seed);
        if names.is_empty() {
            self.slots.insert(first, Slot::Answer(entry));
            return;
        }
        let serial = match self.slots.get(&first) {
            Some(Slot::Varies(mark)) if mark.key.borrow() == key && mark.names == names => {
                mark.serial
            }
            _ => {
                let serial = self.next();
                let mark = Mark {
                    key: entry.key.clone(),
                    names: names.to_vec(),
                    serial,
                };
                self.slots.insert(first, Slot::Varies(Arc::new(mark)));
                serial
            }
        };
        let second = self.second(key, serial, &entry.variant);
        self.slots.insert(second, Slot::Answer(entry));
    }

    /// The coded body of a plain one, if it is there.
    pub(crate) fn coded(&self, id: u64, coding: Coding) -> Option<Bytes> {
        match self.slots.get(&self.third(id, coding))? {
            Slot::Coded(found) if (found.id, found.coding) == (id, coding) => {
                Some(found.body.clone())
            }
            _ => None,
        }
    }

    /// Keeps the coded body of a plain one.
    pub(crate) fn put_coded(&self, id: u64, coding: Coding, body: Bytes) {
        let slot = self.third(id, coding);
        let variant = Variant { id, coding, body };
        self.slots.insert(slot, Slot::Coded(Arc::new(variant)));
    }

    /// A number that is given once.
    pub(crate) fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::AcqRel)
    }

    /// As [`forget`](Self::forget), and what was asked for until now is not stored either. Answers
    /// where requests for the key wait for each other, unless they vary.
    pub(crate) fn change(&self, key: Key<'_>) -> u64 {
        let first = key.hash(&self.seed);
        let number = self.next() + 1;
        self.changes.insert(first, number);
        self.slots.invalidate(&first);
        first
    }

    /// What an answer that is asked for now is to be stored with.
    pub(crate) fn moment(&self) -> u64 {
        self.serial.load(Ordering::Acquire)
    }

    /// Whether a key has been changed since `moment`.
    pub(crate) fn is_changed(&self, key: Key<'_>, moment: u64) -> bool {
        let changed = self.changes.get(&key.hash(&self.seed));
        changed.is_some_and(|number| moment < number)
    }

    /// Forgets all answers for a key (RFC 9111, section 4.4).
    pub(crate) fn forget(&self, key: Key<'_>) {
        self.slots.invalidate(&key.hash(&self.seed));
    }

    /// Drops all answers for which `gone` holds; how many.
    pub(crate) fn sweep(&self, gone: impl Fn(&Entry) -> bool) -> u64 {
        let mut count = 0;
        for (slot, held) in &self.slots {
            let Slot::Answer(entry) = held else {
                continue;
            };
            if gone(&entry) {
                self.slots.invalidate(&*slot);
                count += 1;
                for coding in Coding::ALL {
                    if let Some(codable) = &entry.codable {
                        self.slots.invalidate(&self.third(codable.id, coding));
                    }
                }
            }
        }
        count
    }

    /// Entries and bytes held, as of the last housekeeping.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.slots.entry_count(), self.slots.weighted_size())
    }

    fn third(&self, id: u64, coding: Coding) -> u64 {
        self.seed.hash_one((id, coding))
    }

    fn second(&self, key: Key<'_>, serial: u64, variant: &[u8]) -> u64 {
        self.seed.hash_one((key, serial, variant))
    }
}

/// The keys already are hashes.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
