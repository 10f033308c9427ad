//! What limits take for the time: the day of use, and a clock that nobody sets.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// A moment by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970. An operator may set that clock, even back.
    pub day_ms: u64,
    /// Milliseconds that only ever pass, from about the same number on.
    pub steady_ms: u64,
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

impl Moment {
    /// The same by both clocks.
    #[must_use]
    pub const fn at(ms: u64) -> Self {
        Self {
            day_ms: ms,
            steady_ms: ms,
        }
    }
}

/// The machine's clocks.
pub(crate) fn of_machine() -> Clock {
    let (began, began_ms) = (Instant::now(), day_ms());
    Arc::new(move || {
        let passed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment {
            day_ms: day_ms(),
            steady_ms: began_ms.saturating_add(passed),
        }
    })
}

fn day_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
