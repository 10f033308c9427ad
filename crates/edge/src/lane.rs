//! The calls of this POP to one region: how many are in flight, how many may be, and when one is
//! late. All workers share it.
//!
//! `steer` decides the numbers; here they are kept where requests read them without a lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::RegionName;
use steer::region::{Pace, PaceSettings};

use crate::clock::Clock;

/// Calls in flight, in percent of the limit, above which a region is hot.
const HOT_PERCENT: u64 = 90;
/// Stands for "too little is known to call anything late".
const NEVER_US: u64 = u64::MAX;

/// The lanes of all regions that were ever named; as many as the configuration has regions.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<BTreeMap<RegionName, Arc<Lane>>>);

impl Lanes {
    pub(crate) fn of(&self, region: &RegionName) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(region.clone()).or_default())
    }

    pub(crate) fn all(&self) -> Vec<(RegionName, Arc<Lane>)> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = lanes.iter();
        pairs
            .map(|(name, lane)| (name.clone(), Arc::clone(lane)))
            .collect()
    }
}

/// The calls to one region.
#[derive(Debug)]
pub(crate) struct Lane {
    in_flight: AtomicU32,
    limit: AtomicU32,
    late_us: AtomicU64,
    pace: Mutex<Pace>,
}

impl Default for Lane {
    fn default() -> Self {
        let pace = Pace::new(PaceSettings::default());
        Self {
            in_flight: AtomicU32::new(0),
            limit: AtomicU32::new(pace.limit()),
            late_us: AtomicU64::new(NEVER_US),
            pace: Mutex::new(pace),
        }
    }
}

impl Lane {
    /// Takes a place for a call; none when the region has as many as it bears.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Ride> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Dropping the ride gives back what was counted, also when it is refused.
        let ride = Ride {
            lane: Arc::clone(self),
            began: Instant::now(),
        };
        (before < self.limit()).then_some(ride)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// After which time a call is late.
    pub(crate) fn late_after(&self) -> Option<Duration> {
        let late_us = self.late_us.load(Ordering::Relaxed);
        (late_us != NEVER_US).then(|| Duration::from_micros(late_us))
    }

    /// Calls in flight in percent of the limit.
    pub(crate) fn load_percent(&self) -> u64 {
        u64::from(self.in_flight()) * 100 / u64::from(self.limit().max(1))
    }

    /// Whether requests are better spread to another region.
    pub(crate) fn is_hot(&self) -> bool {
        self.load_percent() > HOT_PERCENT
    }

    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut pace);
        // Within the lock, so that older numbers never replace newer ones.
        self.limit.store(pace.limit(), Ordering::Relaxed);
        let late_us = pace.late_us().unwrap_or(NEVER_US);
        self.late_us.store(late_us, Ordering::Relaxed);
    }
}

/// A call's place in its lane, until the head of the answer is there.
#[derive(Debug)]
pub(crate) struct Ride {
    lane: Arc<Lane>,
    began: Instant,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Answered,
    /// The region has too many.
    Refused,
    /// It says nothing about the region's speed.
    Failed,
    /// Nobody wants the answer any more.
    GivenUp,
}

impl Ride {
    pub(crate) fn end(&self, ended: Ended, clock: &Clock) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (now_ms, in_flight) = (clock.ms_at(now), self.lane.in_flight());
        match ended {
            Ended::Answered => {
                self.lane
                    .change(|pace| pace.answered(took_us, in_flight, now_ms));
            }
            Ended::Refused => self.lane.change(|pace| pace.refused(in_flight, now_ms)),
            Ended::GivenUp => self.lane.change(|pace| pace.given_up(took_us, now_ms)),
            Ended::Failed => {}
        }
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.lane.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
