//! How fast a region answers this POP, and how many calls it bears at once.
//!
//! Two things come of the times that answers take: when a second call is worth its load (after the
//! 95th percentile of the last seconds), and a limit of calls in flight. The limit follows the
//! gradient between the usual time and the time now; what is usual is the smallest median of the
//! last half minute, taken from the traffic as it is: no phase of thinned-out traffic is needed to
//! measure it. Counting calls in flight and sleeping are the caller's business.

use super::window::LeastWindow;

/// Four steps per power of two, up to 2^27 microseconds, which is two minutes.
const STEPS: usize = 4;
const BUCKETS: usize = 28 * STEPS;
const MICROS_MAX: u64 = (1 << 28) - 1;
/// Seconds over which the usual time is the smallest median.
const USUAL_S: usize = 30;

/// The numbers of the rule, with their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaceSettings {
    /// The percentile after which a call is late.
    pub late_percent: u64,
    /// It is taken over this long at least, and twice as long at most.
    pub window_ms: u64,
    /// Answers in that time without which nothing is late.
    pub samples_min: u64,
    /// A call is not late before this, microseconds: what is over soon is not worth a second call.
    pub late_us_min: u64,
    /// How often the limit is set anew.
    pub step_ms: u64,
    /// Answers within a step without which the limit stays.
    pub step_samples_min: u64,
    /// Times up to this percentage of the usual one are no sign of a queue.
    pub tolerance_percent: u64,
    /// The limit before anything is known.
    pub limit_first: u32,
    /// The least limit.
    pub limit_min: u32,
    /// The largest limit.
    pub limit_max: u32,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self {
            late_percent: 95,
            window_ms: 10_000,
            samples_min: 50,
            late_us_min: 10_000,
            step_ms: 250,
            step_samples_min: 10,
            tolerance_percent: 200,
            limit_first: 4_096,
            limit_min: 64,
            limit_max: 65_536,
        }
    }
}

/// What a POP knows of the speed of one region.
#[derive(Clone, Debug)]
pub struct Pace {
    settings: PaceSettings,
    /// The present window and the one before.
    windows: [Times; 2],
    turned_ms: u64,
    step: Times,
    stepped_ms: u64,
    /// Most calls in flight at once within the step.
    peak: u32,
    refused: bool,
    usual: LeastWindow<USUAL_S>,
    limit: u32,
    late_us: Option<u64>,
}

impl Pace {
    /// Nothing known yet.
    #[must_use]
    pub fn new(settings: PaceSettings) -> Self {
        Self {
            limit: settings.limit_first,
            settings,
            windows: [Times::default(), Times::default()],
            turned_ms: 0,
            step: Times::default(),
            stepped_ms: 0,
            peak: 0,
            refused: false,
            usual: LeastWindow::default(),
            late_us: None,
        }
    }

    /// A call was answered after `took_us`; `in_flight` were under way, with it.
    pub fn answered(&mut self, took_us: u64, in_flight: u32, now_ms: u64) {
        self.turn(now_ms);
        self.windows[0].add(took_us);
        self.step.add(took_us);
        self.peak = self.peak.max(in_flight);
        self.pass(now_ms);
    }

    /// A call was given up after `took_us`, because another one was faster or the client left.
    /// It counts as having taken that long if it was late by then; without that the slow ones
    /// would vanish from the picture and everything would soon be late.
    pub fn given_up(&mut self, took_us: u64, now_ms: u64) {
        self.turn(now_ms);
        if self.late_us.is_some_and(|late_us| took_us >= late_us) {
            self.windows[0].add(took_us);
        }
        self.pass(now_ms);
    }

    /// The region refused a call because it has too many; `in_flight` were under way.
    pub fn refused(&mut self, in_flight: u32, now_ms: u64) {
        self.pass(now_ms);
        if !self.refused {
            self.refused = true;
            let bearable = self.limit.min(in_flight.max(1));
            self.set_limit(u64::from(bearable) * 9 / 10);
        }
    }

    /// Calls in flight beyond which another one is not to be made.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// After how many microseconds a call is late; none while too little is known.
    #[must_use]
    pub const fn late_us(&self) -> Option<u64> {
        self.late_us
    }

    fn turn(&mut self, now_ms: u64) {
        let gone_ms = now_ms.saturating_sub(self.turned_ms);
        if gone_ms < self.settings.window_ms {
            return;
        }
        self.turned_ms = now_ms;
        let [present, before] = &mut self.windows;
        *before = if gone_ms < 2 * self.settings.window_ms {
            std::mem::take(present)
        } else {
            Times::default()
        };
        *present = Times::default();
    }

    fn pass(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.stepped_ms) < self.settings.step_ms {
            return;
        }
        self.stepped_ms = now_ms;
        self.late_us = self.find_late_us();
        if self.step.count >= self.settings.step_samples_min {
            self.follow_gradient(now_ms);
        }
        self.step = Times::default();
        self.peak = 0;
        self.refused = false;
    }

    fn find_late_us(&self) -> Option<u64> {
        let [present, before] = &self.windows;
        if present.count + before.count < self.settings.samples_min {
            return None;
        }
        let late_us = quantile_us(&[present, before], self.settings.late_percent);
        Some(late_us.max(self.settings.late_us_min))
    }

    fn follow_gradient(&mut self, now_ms: u64) {
        let median_us = quantile_us(&[&self.step], 50).max(1);
        self.usual.add(median_us, now_ms);
        let usual_us = self.usual.least().unwrap_or(median_us);
        // A limit that is not made use of says nothing, and needs no change.
        let in_use = u64::from(self.peak) * 2 >= u64::from(self.limit);
        if !in_use || self.refused {
            return;
        }
        let gradient = (usual_us * self.settings.tolerance_percent / median_us).clamp(50, 100);
        let limit = u64::from(self.limit);
        let room = if gradient == 100 {
            (limit / 4).max(limit.isqrt())
        } else {
            limit.isqrt()
        };
        self.set_limit(limit * gradient / 100 + room);
    }

    fn set_limit(&mut self, limit: u64) {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.limit = limit.clamp(self.settings.limit_min, self.settings.limit_max);
    }
}

/// Counts of times by size.
#[derive(Clone, Debug)]
struct Times {
    buckets: [u32; BUCKETS],
    count: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            buckets: [0; BUCKETS],
            count: 0,
        }
    }
}

impl Times {
    fn add(&mut self, us: u64) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(us)) {
            *bucket = bucket.saturating_add(1);
            self.count += 1;
        }
    }
}

/// The time that `percent` of all are at or below; at most a quarter too much.
fn quantile_us(all: &[&Times], percent: u64) -> u64 {
    let count: u64 = all.iter().map(|times| times.count).sum();
    let wanted = (count * percent).div_ceil(100).max(1);
    let mut seen = 0;
    let found = (0..BUCKETS).find(|bucket| {
        let here = all.iter().filter_map(|times| times.buckets.get(*bucket));
        seen += here.map(|count| u64::from(*count)).sum::<u64>();
        seen >= wanted
    });
    end_of(found.unwrap_or(BUCKETS - 1))
}

fn bucket_of(us: u64) -> usize {
    let us = us.clamp(4, MICROS_MAX);
    let power = us.ilog2();
    // The two bits below the highest one.
    let step = usize::try_from(us >> (power - 2) & 3).unwrap_or(0);
    power as usize * STEPS + step
}

/// The smallest time above a bucket, microseconds.
fn end_of(bucket: usize) -> u64 {
    let (power, step) = (bucket / STEPS, bucket % STEPS);
    (1 << power) * (step as u64 + 5) / 4
}

#[cfg(test)]
mod tests;
