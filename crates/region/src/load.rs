//! How busy the region is: requests in progress and the median service time of the last seconds.
//!
//! Probes of every POP ask for it several times a second, and every request feeds it, so both are
//! a few atomic operations: a histogram of powers of two with four steps each, in two windows.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Four steps per power of two up to 2^32 microseconds.
const BUCKETS: usize = 33 * STEPS;
const STEPS: usize = 4;
/// The median is over this long at least, and twice as long at most.
const WINDOW: Duration = Duration::from_secs(2);

/// Load of one region node.
pub(crate) struct Load {
    in_flight: AtomicU32,
    windows: [[AtomicU32; BUCKETS]; 2],
    current: AtomicUsize,
    turned: Mutex<Instant>,
}

impl Load {
    pub(crate) fn new(now: Instant) -> Self {
        let window = || std::array::from_fn(|_| AtomicU32::new(0));
        Self {
            in_flight: AtomicU32::new(0),
            windows: [window(), window()],
            current: AtomicUsize::new(0),
            turned: Mutex::new(now),
        }
    }

    /// Counts a request that begins, and says how many there are with it.
    pub(crate) fn begin(&self) -> u32 {
        self.in_flight.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a request that ends.
    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Notes the time from a request's arrival to the head of its answer.
    pub(crate) fn observe(&self, service: Duration) {
        let window = self.windows.get(self.current.load(Ordering::Relaxed));
        let us = u32::try_from(service.as_micros()).unwrap_or(u32::MAX);
        if let Some(bucket) = window.and_then(|window| window.get(bucket_of(us))) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The median in microseconds; 0 when there was no request.
    pub(crate) fn median_us(&self, now: Instant) -> u32 {
        self.turn(now);
        let [first, second] = &self.windows;
        let counts = || {
            first.iter().zip(second).map(|(first, second)| {
                u64::from(first.load(Ordering::Relaxed)) + u64::from(second.load(Ordering::Relaxed))
            })
        };
        let half = counts().sum::<u64>().div_ceil(2);
        if half == 0 {
            return 0;
        }
        let mut seen = 0;
        let median = counts().position(|count| {
            seen += count;
            seen >= half
        });
        median.map_or(0, middle_of)
    }

    /// Empties the older window and makes it the current one, when its time has come.
    fn turn(&self, now: Instant) {
        let mut turned = self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(*turned) < WINDOW {
            return;
        }
        *turned = now;
        let next = 1 - self.current.load(Ordering::Relaxed).min(1);
        for bucket in self.windows.get(next).into_iter().flatten() {
            bucket.store(0, Ordering::Relaxed);
        }
        self.current.store(next, Ordering::Relaxed);
    }
}

fn bucket_of(us: u32) -> usize {
    let us = us.max(1);
    let power = us.ilog2();
    // The two bits below the highest one.
    let step = if power >= 2 {
        us >> (power - 2)
    } else {
        us << (2 - power)
    } & 3;
    (power as usize) * STEPS + step as usize
}

/// A value in the middle of a bucket, microseconds.
fn middle_of(bucket: usize) -> u32 {
    let power = u32::try_from(bucket / STEPS).unwrap_or(0).min(31);
    let step = u64::try_from(bucket % STEPS).unwrap_or(0);
    let middle = (1_u64 << power) * (2 * (4 + step) + 1) / 8;
    u32::try_from(middle).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Load, WINDOW};

    #[test]
    fn median_is_near_and_forgets() {
        let now = Instant::now();
        let load = Load::new(now);
        assert_eq!(load.median_us(now), 0);
        for us in [100, 1000, 1010, 1020, 90_000] {
            load.observe(Duration::from_micros(us));
        }
        let median = load.median_us(now);
        assert!((850..1200).contains(&median), "{median}");
        // Still there in the next window, gone in the one after.
        assert_ne!(load.median_us(now + WINDOW), 0);
        assert_eq!(load.median_us(now + 2 * WINDOW), 0);
        load.observe(Duration::ZERO);
        load.observe(Duration::from_secs(100_000));
        assert_ne!(load.median_us(now + 2 * WINDOW), 0);
    }

    #[test]
    fn counts_requests_in_progress() {
        let load = Load::new(Instant::now());
        assert_eq!((load.begin(), load.begin()), (1, 2));
        load.end();
        assert_eq!(load.in_flight(), 1);
    }
}
