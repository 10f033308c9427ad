//! How long regions take to begin an answer: what is unusually slow is judged by it.
//!
//! A histogram with buckets a factor of two apart, read and written without locks. Halved when it
//! is full, so that it follows the present.

use std::sync::atomic::{AtomicU32, Ordering};

const BUCKETS: usize = 16;
/// Times counted before all counts are halved.
const FULL: u32 = 4_096;
/// Fewer say nothing.
const FEW: u32 = 20;
/// Longest time that a client waits for something newer than a stale answer, in milliseconds.
const SOFT_MS_MAX: u64 = 300;

/// The recent times from a request to the head of its answer, all regions together.
#[derive(Debug, Default)]
pub(crate) struct HeadTimes {
    /// Bucket `n` counts times below `2^n` milliseconds.
    counts: [AtomicU32; BUCKETS],
}

impl HeadTimes {
    /// Counts one.
    pub(crate) fn observe(&self, ms: u64) {
        let bucket = (u64::BITS - ms.leading_zeros()) as usize;
        if let Some(count) = self.counts.get(bucket.min(BUCKETS - 1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let total: u32 = self
            .counts
            .iter()
            .map(|one| one.load(Ordering::Relaxed))
            .sum();
        if total >= FULL {
            for count in &self.counts {
                count.store(count.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
            }
        }
    }

    /// How long it is worth to wait while a stale answer is at hand: 1.5 times what 99 of 100
    /// answers take, at most 300 ms.
    pub(crate) fn soft_timeout_ms(&self) -> u64 {
        let counts = self
            .counts
            .each_ref()
            .map(|one| one.load(Ordering::Relaxed));
        let total: u32 = counts.iter().sum();
        if total < FEW {
            return SOFT_MS_MAX;
        }
        let mut left = total - total / 100;
        for (bucket, count) in counts.iter().enumerate() {
            if *count >= left {
                let p99_ms = 1_u64 << bucket;
                return (p99_ms * 3 / 2).min(SOFT_MS_MAX);
            }
            left -= count;
        }
        SOFT_MS_MAX
    }
}

#[cfg(test)]
mod tests;
