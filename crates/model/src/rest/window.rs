//! Days, and the periods of quotas: days, weeks from Sunday on, and months, all in UTC; and how
//! much a quota allows in one of them.

use serde::{Deserialize, Serialize};

use super::{ApiKey, Period, UsagePlan};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The first of January 1970 was a Thursday, four days after a Sunday.
const FIRST_WEEKDAY: u32 = 4;

/// Days that belong together: from `start` to before `end`, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its first day.
    pub start: u32,
    /// The day after its last.
    pub end: u32,
}

/// The day of a time.
#[must_use]
pub fn day_of(now_ms: u64) -> u32 {
    u32::try_from(now_ms / DAY_MS).unwrap_or(u32::MAX)
}

/// When a day begins.
#[must_use]
pub fn day_start_ms(day: u32) -> u64 {
    u64::from(day) * DAY_MS
}

impl Window {
    /// The period that a day is in.
    #[must_use]
    pub fn of(period: Period, day: u32) -> Self {
        let from = |start: u32, days: u32| Self {
            start,
            end: start.saturating_add(days),
        };
        match period {
            Period::Day => from(day, 1),
            Period::Week => {
                let weekday = day.saturating_add(FIRST_WEEKDAY) % 7;
                // The days before the first Sunday of 1970 are one short week.
                match day.checked_sub(weekday) {
                    Some(sunday) => from(sunday, 7),
                    None => from(0, 7 - FIRST_WEEKDAY),
                }
            }
            Period::Month => {
                let (year, month, in_month) = civil(day);
                let start = day - (in_month - 1);
                from(start, days_in(year, month))
            }
        }
    }

    /// Whether a day is in it.
    #[must_use]
    pub const fn holds(self, day: u32) -> bool {
        self.start <= day && day < self.end
    }

    /// When it is over.
    #[must_use]
    pub fn end_ms(self) -> u64 {
        day_start_ms(self.end)
    }
}

impl UsagePlan {
    /// The period that a day is in, and how many requests the quota allows a key in it. In the
    /// period in which the key was made, the offset is taken away.
    #[must_use]
    pub fn allowance(&self, key: &ApiKey, day: u32) -> Option<(Window, u32)> {
        let quota = self.quota?;
        let window = Window::of(quota.period, day);
        let first = window.holds(day_of(key.created_ms));
        let offset = if first { quota.offset } else { 0 };
        let extra = self.extras.get(&key.id);
        let extra = extra.filter(|extra| extra.start_day == window.start);
        let limit = i64::from(quota.limit) - i64::from(offset);
        let limit = limit.saturating_add(extra.map_or(0, |extra| extra.requests));
        let limit = u32::try_from(limit.clamp(0, u32::MAX.into())).unwrap_or(u32::MAX);
        Some((window, limit))
    }
}

/// Year, month and day of month of a day since 1970-01-01. Counts in eras of 400 years, each of
/// which begins on a first of March, so that leap days come last.
fn civil(day: u32) -> (u32, u32, u32) {
    const ERA: u64 = 146_097;
    let shifted = u64::from(day) + 719_468;
    let (era, in_era) = (shifted / ERA, shifted % ERA);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (small(year), small(month), small(in_month))
}

const fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests;
