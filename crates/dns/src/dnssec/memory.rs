//! Signatures that were made before, shared by all workers.
//!
//! Two generations: when the younger one is full, it becomes the older one, and what is still asked
//! for moves back. So there is a firm bound and nothing to sort. It also holds the time, which a
//! task tells now and then: signing needs it only to a few minutes.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// Independent parts, so that workers seldom wait for each other.
const SHARDS: usize = 16;
/// Signatures in one generation of one part: about 16 MiB in all.
const SHARD_SIGNATURES_MAX: usize = 2_048;
/// A signature is made anew when it is so old.
const REUSE_S: u32 = 24 * 3_600;

/// Remembered signatures.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    now_s: AtomicU32,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    young: Generation,
    old: Generation,
}

type Generation = HashMap<Box<[u8]>, Signature>;

#[derive(Clone, Debug)]
struct Signature {
    made_s: u32,
    rdata: Arc<[u8]>,
}

impl Memory {
    /// Tells the time, in seconds since 1970 (modulo 2^32, as in signatures).
    pub(crate) fn set_time(&self, now_s: u32) {
        self.now_s.store(now_s, Ordering::Relaxed);
    }

    pub(crate) fn now_s(&self) -> u32 {
        self.now_s.load(Ordering::Relaxed)
    }

    /// The signature of `signed`, made by `make` if it is not known.
    pub(crate) fn signature(
        &self,
        signed: &[u8],
        make: impl FnOnce(u32) -> Option<Vec<u8>>,
    ) -> Option<Arc<[u8]>> {
        let now_s = self.now_s();
        let shard = self.shard(signed)?;
        if let Some(known) = shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .find(signed, now_s)
        {
            return Some(known);
        }
        // Not under the lock: it takes some 20 us. Two workers may make the same one.
        let rdata: Arc<[u8]> = make(now_s)?.into();
        let signature = Signature {
            made_s: now_s,
            rdata: rdata.clone(),
        };
        shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(signed.into(), signature);
        Some(rdata)
    }

    fn shard(&self, signed: &[u8]) -> Option<&Mutex<Shard>> {
        let hash = usize::try_from(self.hasher.hash_one(signed) >> 40).unwrap_or(0);
        self.shards.get(hash % SHARDS)
    }
}

impl Shard {
    fn find(&mut self, signed: &[u8], now_s: u32) -> Option<Arc<[u8]>> {
        if let Some(signature) = self.young.get(signed) {
            return signature.at(now_s);
        }
        let (signed, signature) = self.old.remove_entry(signed)?;
        let found = signature.at(now_s)?;
        self.keep(signed, signature);
        Some(found)
    }

    fn keep(&mut self, signed: Box<[u8]>, signature: Signature) {
        if self.young.len() >= SHARD_SIGNATURES_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(signed, signature);
    }
}

impl Signature {
    fn at(&self, now_s: u32) -> Option<Arc<[u8]>> {
        (now_s.wrapping_sub(self.made_s) < REUSE_S).then(|| self.rdata.clone())
    }
}
