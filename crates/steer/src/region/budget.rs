//! How many retries are allowed, so that an outage is not multiplied by everybody trying again.
//!
//! Retries are bounded by a part of the requests of the last seconds plus a constant rate. A fixed
//! number of retries per request would multiply the load exactly when there is too much of it.

/// Seconds over which requests and retries are counted.
const WINDOW_S: usize = 10;

/// How much may be retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetSettings {
    /// Retries allowed per hundred requests.
    pub percent: u64,
    /// Retries per second allowed in any case.
    pub per_second: u64,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self {
            percent: 20,
            per_second: 10,
        }
    }
}

impl BudgetSettings {
    /// For second calls that are made because the first is late: an addition to the load that must
    /// stay small whatever happens, so that there is no constant rate.
    #[must_use]
    pub const fn hedges() -> Self {
        Self {
            percent: 5,
            per_second: 0,
        }
    }
}

/// Counts requests and retries of the last ten seconds.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    settings: BudgetSettings,
    seconds: [Second; WINDOW_S],
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    /// Which second it counts; 0 is never used, so that the default is an old one.
    of: u64,
    requests: u64,
    retries: u64,
}

impl RetryBudget {
    /// A budget with nothing counted.
    #[must_use]
    pub fn new(settings: BudgetSettings) -> Self {
        Self {
            settings,
            seconds: [Second::default(); WINDOW_S],
        }
    }

    /// Counts a request (not its retries).
    pub fn request(&mut self, now_ms: u64) {
        self.second(now_ms).requests += 1;
    }

    /// Takes one retry from the budget. False means that the request must not be retried.
    pub fn withdraw(&mut self, now_ms: u64) -> bool {
        let now_s = second_of(now_ms);
        let recent = |second: &&Second| second.of + WINDOW_S as u64 > now_s && second.of > 0;
        let seconds = || self.seconds.iter().filter(recent);
        let requests: u64 = seconds().map(|second| second.requests).sum();
        let retries: u64 = seconds().map(|second| second.retries).sum();
        let floor = self.settings.per_second * WINDOW_S as u64;
        let allowed = requests.saturating_mul(self.settings.percent) / 100 + floor;
        if retries >= allowed {
            return false;
        }
        self.second(now_ms).retries += 1;
        true
    }

    fn second(&mut self, now_ms: u64) -> &mut Second {
        let now_s = second_of(now_ms);
        let slot = usize::try_from(now_s % WINDOW_S as u64).unwrap_or(0);
        let second = &mut self.seconds[slot];
        if second.of != now_s {
            *second = Second {
                of: now_s,
                ..Second::default()
            };
        }
        second
    }
}

fn second_of(now_ms: u64) -> u64 {
    now_ms / 1_000 + 1
}
