//! Times as texts: Common Log Format for logs, ISO 8601 for policies.

/// A moment in UTC.
struct Moment {
    year: u64,
    /// From 0.
    month: usize,
    day: u64,
    second_of_day: u64,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `21/Nov/2026:03:00:00 +0000`; `ms` since 1970.
pub(crate) fn clf(ms: u64) -> String {
    let moment = Moment::of(ms);
    let (year, day) = (moment.year, moment.day);
    let (hour, minute, second) = moment.clock();
    let month = MONTHS.get(moment.month).copied().unwrap_or("Jan");
    format!("{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
}

/// `2026-11-21T03:00:00Z`; `ms` since 1970.
pub(crate) fn iso(ms: u64) -> String {
    let moment = Moment::of(ms);
    let (year, month, day) = (moment.year, moment.month + 1, moment.day);
    let (hour, minute, second) = moment.clock();
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

impl Moment {
    fn of(ms: u64) -> Self {
        let seconds = ms / 1000;
        // Days since 1 March of year 0, whose years end with their leap day.
        let days = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = (march_month + 2) % 12;
        Self {
            year: era * 400 + year_of_era + u64::from(month < 2),
            month: usize::try_from(month).unwrap_or(0),
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            second_of_day: seconds % 86_400,
        }
    }

    const fn clock(&self) -> (u64, u64, u64) {
        let second = self.second_of_day;
        (second / 3600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::{clf, iso};

    #[test]
    fn times_are_those_of_a_calendar() {
        for (seconds, day, text) in [
            (0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
            (
                1_795_230_000,
                "21/Nov/2026:03:00:00 +0000",
                "2026-11-21T03:00:00Z",
            ),
            (
                951_782_399,
                "28/Feb/2000:23:59:59 +0000",
                "2000-02-28T23:59:59Z",
            ),
            (
                951_782_400,
                "29/Feb/2000:00:00:00 +0000",
                "2000-02-29T00:00:00Z",
            ),
            (
                4_107_542_399,
                "28/Feb/2100:23:59:59 +0000",
                "2100-02-28T23:59:59Z",
            ),
            (
                4_107_542_400,
                "01/Mar/2100:00:00:00 +0000",
                "2100-03-01T00:00:00Z",
            ),
            (
                1_704_067_199,
                "31/Dec/2023:23:59:59 +0000",
                "2023-12-31T23:59:59Z",
            ),
        ] {
            assert_eq!(
                (clf(seconds * 1000), iso(seconds * 1000)),
                (day.into(), text.into())
            );
        }
    }
}
