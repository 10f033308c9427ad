//! Counts of one version's requests, small enough to travel each second and to be added up.

use serde::{Deserialize, Serialize};

use crate::{ApiId, Revision};

/// Buckets of latency: four per doubling from 1 ms, the last one from 57 s on.
const BUCKETS: usize = 64;

/// Requests of one version of an API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that were answered.
    pub requests: u64,
    /// Those answered with 5xx.
    pub errors: u64,
    /// Requests by time until the answer's head; empty or `BUCKETS` long.
    latency: Vec<u32>,
}

/// What one node counted of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Whose rollout.
    pub api: ApiId,
    /// Which one.
    pub id: Revision,
    /// The new version.
    pub new: Tally,
    /// The old version.
    pub old: Tally,
}

impl Tally {
    /// Counts a request that took `ms` until its answer's head.
    pub fn count(&mut self, failed: bool, ms: u64) {
        self.requests += 1;
        self.errors += u64::from(failed);
        self.latency.resize(BUCKETS, 0);
        if let Some(bucket) = self.latency.get_mut(bucket_of(ms)) {
            *bucket = bucket.saturating_add(1);
        }
    }

    /// Adds what another node counted; a peer's malformed counts add what they hold.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.latency.resize(BUCKETS, 0);
        for (own, other) in self.latency.iter_mut().zip(&other.latency) {
            *own = own.saturating_add(*other);
        }
    }

    /// 5xx answers of a thousand.
    #[must_use]
    pub fn permille(&self) -> u64 {
        let of = self.errors.saturating_mul(1_000);
        of.checked_div(self.requests).unwrap_or(0)
    }

    /// The upper bound of the bucket that holds the 99th percentile, milliseconds; at most a fifth
    /// too high.
    #[must_use]
    pub fn p99_ms(&self) -> u64 {
        let all: u64 = self.latency.iter().map(|count| u64::from(*count)).sum();
        let wanted = all - all / 100;
        let mut seen = 0;
        let reached = |count: &u32| {
            seen += u64::from(*count);
            seen >= wanted
        };
        let bucket = self.latency.iter().position(reached);
        bucket.map_or(0, |bucket| if all == 0 { 0 } else { bound_of(bucket) })
    }
}

/// Four buckets per doubling, from the number's highest three bits.
fn bucket_of(ms: u64) -> usize {
    let ms = ms.clamp(1, (1 << 16) - 1);
    let doubling = ms.ilog2();
    let quarter = ((ms << 2) >> doubling) & 3;
    usize::try_from(u64::from(doubling) * 4 + quarter).unwrap_or(BUCKETS - 1)
}

/// The first value of the next bucket.
fn bound_of(bucket: usize) -> u64 {
    let next = bucket + 1;
    let quarters = u64::try_from(next % 4).unwrap_or(0) + 4;
    (quarters << (next / 4)).div_ceil(4)
}

#[cfg(test)]
mod tests {
    //! Latency is told to within a bucket.

    use proptest::prelude::*;

    use super::{BUCKETS, Tally, bound_of, bucket_of};

    #[test]
    fn p99_is_the_bucket_of_the_slowest_hundredth() {
        let mut tally = Tally::default();
        assert_eq!((tally.p99_ms(), tally.permille()), (0, 0));
        for at in 0..200 {
            tally.count(at % 4 == 0, if at < 3 { 900 } else { 10 });
        }
        assert_eq!(tally.permille(), 250);
        assert_eq!(tally.p99_ms(), 1_024);
    }

    proptest! {
        #[test]
        fn a_value_is_below_its_bound_and_near_it(ms in 1_u64..65_536) {
            let (bucket, bound) = (bucket_of(ms), bound_of(bucket_of(ms)));
            prop_assert!(bucket < BUCKETS);
            prop_assert!(ms < bound, "{ms} {bound}");
            prop_assert!(bound <= ms + ms / 4 + 1, "{ms} {bound}");
        }
    }
}
