//! Digest and size of a table, kept per chunk: after a change only one chunk is looked at again.
//!
//! The digest does not depend on how entries are spread over chunks, so that two nodes that came to
//! the same content by different ways have the same one.

use std::ops::Add;

use serde::Serialize;

use super::Table;
use crate::codec;

/// Digest and size of records, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Tells a lost or torn delivery, not an adversary's.
    pub digest: u64,
    /// Bytes of the records.
    pub bytes: u64,
}

impl Sum {
    /// Of one record.
    #[must_use]
    pub fn of<T: Serialize>(value: &T) -> Self {
        // Only a mistake in a type's derive could fail; then the view does not encode either.
        let bytes = codec::content(value).unwrap_or_default();
        Self {
            digest: mixed(codec::digest(&bytes)),
            bytes: bytes.len() as u64,
        }
    }

    /// As the sum of another field: the same records in two fields do not cancel out.
    #[must_use]
    pub const fn in_field(self, field: u32) -> Self {
        Self {
            digest: self.digest.rotate_left(field),
            bytes: self.bytes,
        }
    }
}

/// Spreads what differs over all bits, since sums are added up (the finaliser of SplitMix64).
const fn mixed(digest: u64) -> u64 {
    let digest = (digest ^ (digest >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let digest = (digest ^ (digest >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    digest ^ (digest >> 31)
}

impl Add for Sum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            digest: self.digest.wrapping_add(other.digest),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl<K: Serialize, V: Serialize> Table<K, V> {
    /// Digest and size of all entries.
    #[must_use]
    pub fn sum(&self) -> Sum {
        let of_chunk = |chunk: &super::Chunk<K, V>| {
            let each = chunk.entries.iter().map(Sum::of);
            *chunk
                .sum
                .get_or_init(|| each.fold(Sum::default(), Sum::add))
        };
        let chunks = self.chunks.iter().map(|chunk| of_chunk(chunk));
        chunks.fold(Sum::default(), Sum::add)
    }
}
