//! When a call is late, and how the limit moves.

use super::{Pace, PaceSettings, bucket_of, end_of};

fn pace() -> Pace {
    Pace::new(PaceSettings {
        limit_first: 1_000,
        ..PaceSettings::default()
    })
}

/// Answers at one per 5 ms.
fn run(pace: &mut Pace, took_us: u64, in_flight: u32, ms: std::ops::Range<u64>) {
    for now_ms in ms.step_by(5) {
        pace.answered(took_us, in_flight, now_ms);
    }
}

#[test]
fn buckets_hold_what_is_below_their_end() {
    for us in (4..100_000).chain([1 << 20, (1 << 27) - 1, 1 << 27]) {
        let end_us = end_of(bucket_of(us));
        assert!(us < end_us && end_us <= us * 5 / 4 + 1, "{us} {end_us}");
    }
    assert_eq!(bucket_of(0), bucket_of(4));
    assert_eq!(bucket_of(u64::MAX), super::BUCKETS - 1);
}

#[test]
fn late_is_after_the_95th_percentile_of_recent_answers() {
    let mut pace = pace();
    run(&mut pace, 20_000, 1, 0..200);
    assert_eq!(pace.late_us(), None, "too few answers");
    for now_ms in 200..2_000 {
        let took_us = if now_ms % 10 == 0 { 300_000 } else { 20_000 };
        pace.answered(took_us, 1, now_ms);
    }
    let late_us = pace.late_us().unwrap();
    assert!((300_000..=375_000).contains(&late_us), "{late_us}");
    // Forgotten after two windows.
    run(&mut pace, 20_000, 1, 2_000..32_000);
    let late_us = pace.late_us().unwrap();
    assert!((20_000..=25_000).contains(&late_us), "{late_us}");
}

#[test]
fn what_is_over_soon_is_not_late() {
    let mut pace = pace();
    run(&mut pace, 500, 1, 0..2_000);
    assert_eq!(pace.late_us(), Some(10_000));
    // Calls that were given up early say nothing, late ones count as slow.
    for now_ms in 2_000..3_000 {
        pace.given_up(9_000, now_ms);
        pace.given_up(80_000, now_ms);
    }
    assert!(pace.late_us().unwrap() >= 80_000);
}

#[test]
fn the_limit_falls_with_a_queue_and_rises_without() {
    let mut pace = pace();
    run(&mut pace, 20_000, 10, 0..5_000);
    assert_eq!(pace.limit(), 1_000, "not made use of");
    run(&mut pace, 20_000, 900, 5_000..6_000);
    let grown = pace.limit();
    assert!(grown > 1_500, "{grown}");
    run(&mut pace, 200_000, grown, 6_000..9_000);
    let shrunk = pace.limit();
    assert!(shrunk < grown / 4, "{shrunk}");
    assert!(shrunk >= 64);
    run(&mut pace, 20_000, shrunk, 9_000..10_000);
    assert!(pace.limit() > shrunk);
}

#[test]
fn slower_answers_without_load_leave_the_limit() {
    let mut pace = pace();
    run(&mut pace, 20_000, 10, 0..5_000);
    run(&mut pace, 2_000_000, 10, 5_000..10_000);
    assert_eq!(pace.limit(), 1_000);
}

#[test]
fn a_refusal_counts_once_a_step() {
    let mut pace = pace();
    run(&mut pace, 20_000, 1, 0..1_000);
    for _ in 0..100 {
        pace.refused(500, 1_001);
    }
    assert_eq!(pace.limit(), 450);
    pace.refused(500, 1_300);
    pace.refused(500, 1_301);
    assert_eq!(pace.limit(), 405);
    pace.refused(0, 2_000);
    pace.refused(0, 3_000);
    assert_eq!(pace.limit(), 64);
}
