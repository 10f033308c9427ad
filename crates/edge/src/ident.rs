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

    /// The id of request `number` in the form of REST APIs, a UUID of version 4.
    pub(crate) fn uuid(&self, number: u64) -> String {
        let [high, low] = [2_usize, 3].map(|half| self.seed.hash_one((number, half)));
        let (high, low) = (high & !0xf000 | 0x4000, low & !(0b11 << 62) | 1 << 63);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
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

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let ids = Ids::new();
        let (one, other) = (ids.uuid(1), ids.uuid(2));
        assert_ne!(one, other);
        assert_eq!(one, ids.uuid(1));
        for id in [one, other] {
            let parts: Vec<&str> = id.split('-').collect();
            assert_eq!(
                parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12]
            );
            assert!(
                id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]),
                "{id}"
            );
        }
    }
}
