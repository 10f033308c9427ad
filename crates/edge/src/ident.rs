//! Request ids: 15 characters and `=`, as API Gateway's HTTP APIs have in `apigw-requestid`.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters before the `=`; the first and the second half come from one hash each.
const HALVES: [usize; 2] = [8, 7];

/// Hands out ids and numbers. One per worker; the seed makes them unpredictable and distinct.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: RandomState,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new() -> Self {
        Self {
            seed: RandomState::new(),
            next: AtomicU64::new(0),
        }
    }

    /// The next number of this worker.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The id of request `number`.
    pub(crate) fn id(&self, number: u64) -> String {
        let mut id = String::with_capacity(16);
        for (half, count) in HALVES.into_iter().enumerate() {
            let mut bits = self.seed.hash_one((number, half));
            for _ in 0..count {
                let at = usize::try_from(bits % 64).unwrap_or(0);
                id.push(char::from(ALPHABET[at]));
                bits /= 64;
            }
        }
        id.push('=');
        id
    }
}
