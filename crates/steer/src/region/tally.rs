//! Which node fails clearly more of its calls than the others do.
//!
//! Failures in a row miss a node that fails every third call. With the few nodes there are, none
//! can be three standard deviations off a mean that it is part of, so that each is held against
//! the calls of all others: how likely is its number of failures if it were like them?

/// Seconds over which calls are counted.
const WINDOW_S: usize = 10;
/// Calls without which nothing is concluded.
const CALLS_MIN: u64 = 50;
/// Others are taken to fail at least one call in this many, so that few failures are no crime.
const OTHERS_ONE_IN: u64 = 100;
/// How many standard deviations are too many.
const SIGMAS: i128 = 3;

/// Calls and failures of the last seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// (second, calls, failures)
    seconds: [(u64, u64, u64); WINDOW_S],
}

impl Tally {
    pub(super) fn add(&mut self, calls: u64, failures: u64, now_ms: u64) {
        let second = now_ms / 1_000;
        let slot = usize::try_from(second % WINDOW_S as u64).unwrap_or(0);
        if let Some(slot) = self.seconds.get_mut(slot) {
            if slot.0 != second {
                *slot = (second, 0, 0);
            }
            slot.1 += calls;
            slot.2 += failures.min(calls);
        }
    }

    /// Calls and failures.
    pub(super) fn sum(&self, now_ms: u64) -> (u64, u64) {
        let now_s = now_ms / 1_000;
        let recent = self
            .seconds
            .iter()
            .filter(|(second, ..)| second + WINDOW_S as u64 > now_s);
        recent.fold((0, 0), |sum, (_, calls, failures)| {
            (sum.0 + calls, sum.1 + failures)
        })
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether a node with `(calls, failures)` is an outlier beside all others together.
pub(super) fn is_outlier(own: (u64, u64), others: (u64, u64)) -> bool {
    if own.0 < CALLS_MIN || others.0 < CALLS_MIN {
        return false;
    }
    // The expected part p is part / whole.
    let (whole, part) = if others.1 * OTHERS_ONE_IN < others.0 {
        (OTHERS_ONE_IN, 1)
    } else {
        (others.0, others.1)
    };
    let wide = |number: u64| i128::from(number.min(u64::from(u32::MAX)));
    let (calls, failures, whole, part) = (wide(own.0), wide(own.1), wide(whole), wide(part));
    // failures - n p > 3 sqrt(n p (1 - p)), times `whole`, squared.
    let excess = failures * whole - calls * part;
    excess > 0 && excess * excess > SIGMAS * SIGMAS * calls * part * (whole - part)
}
