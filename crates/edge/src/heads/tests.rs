//! Tests of the soft time-out.

use super::HeadTimes;

#[test]
fn the_soft_timeout_follows_what_answers_take() {
    let heads = HeadTimes::default();
    assert_eq!(heads.soft_timeout_ms(), 300);
    for _ in 0..99 {
        heads.observe(5);
    }
    heads.observe(10_000);
    assert_eq!(heads.soft_timeout_ms(), 12);
    for _ in 0..100_000 {
        heads.observe(2_000);
    }
    assert_eq!(heads.soft_timeout_ms(), 300);
}
