//! Periods against the calendar.

use proptest::prelude::*;

use super::{Period, Window, day_of, day_start_ms};

proptest! {
    /// A day is in its own period, and periods follow each other without a gap.
    #[test]
    fn periods_tile_time(day in 0..60_000_u32) {
        for period in [Period::Day, Period::Week, Period::Month] {
            let window = Window::of(period, day);
            prop_assert!(window.holds(day));
            prop_assert_eq!(Window::of(period, window.start), window);
            prop_assert_eq!(Window::of(period, window.end - 1), window);
            prop_assert_eq!(Window::of(period, window.end).start, window.end);
        }
    }
}

#[test]
fn periods_are_those_of_the_calendar() {
    // 2024-02-29 was a Thursday, day 19,782.
    let leap = 19_782;
    assert_eq!(day_of(1_709_164_800_000), leap);
    assert_eq!(day_start_ms(leap), 1_709_164_800_000);
    let check = |period, start: i64, end: i64| {
        let day = i64::from(leap);
        let window = Window::of(period, leap);
        assert_eq!(
            (i64::from(window.start), i64::from(window.end)),
            (day + start, day + end),
            "{period:?}"
        );
    };
    check(Period::Day, 0, 1);
    // From Sunday the 25th to Saturday.
    check(Period::Week, -4, 3);
    check(Period::Month, -28, 1);
}
