//! Round-trip times in 32 buckets, each a quarter wider than the one before, from 1 ms to 1.2 s.
//!
//! Two histograms are merged exactly by adding, which means and most sketches of this size cannot;
//! a median is right within a bucket, which is less than what a client's access line varies by.

use serde::{Deserialize, Serialize};

/// How many buckets there are.
const BUCKETS: usize = 32;
/// Where the second bucket begins; the first holds everything below.
const FIRST_END_US: u32 = 1_250;

/// Counts of round-trip times. Counts stop at their maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram([u16; BUCKETS]);

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, rtt_us: u32) {
        let mut end = FIRST_END_US;
        let last = BUCKETS - 1;
        for (index, count) in self.0.iter_mut().enumerate() {
            if rtt_us < end || index == last {
                *count = count.saturating_add(1);
                return;
            }
            end = next(end);
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = own.saturating_add(other);
        }
    }

    /// Lets everything counted so far count half, rounded down.
    pub fn halve(&mut self) {
        self.0.iter_mut().for_each(|count| *count /= 2);
    }

    /// How many times have been counted.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|count| u32::from(*count)).sum()
    }

    /// The median in microseconds, as if times were spread evenly within a bucket.
    #[must_use]
    pub fn median_us(&self) -> Option<u32> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = total.div_ceil(2);
        let (mut begin, mut end, mut before) = (0, FIRST_END_US, 0);
        for count in self.0.iter().map(|count| u32::from(*count)) {
            if before + count >= rank {
                // Half a place down, so that a single time lies in the middle of its bucket.
                let part = u64::from(end - begin) * (2 * u64::from(rank - before) - 1);
                let within = part / (2 * u64::from(count.max(1)));
                return Some(begin + u32::try_from(within).unwrap_or(0));
            }
            before += count;
            (begin, end) = (end, next(end));
        }
        None
    }
}

const fn next(end: u32) -> u32 {
    end + end / 4
}
