//! Tests of what is ordered when.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use model::{AcmeOrder, Certificate, ChallengeKind, Revision};

use super::{
    ORDERS_PER_HOUR_MAX,
    due::{Issued, pause_ms, renewal},
    room,
};

const DAY_MS: u64 = 24 * 3_600_000;

fn issued(not_before_ms: u64, not_after_ms: u64) -> Issued {
    let order = AcmeOrder {
        challenge: ChallengeKind::Http01,
        attempt: 0,
        next_ms: 0,
        running: false,
        error: None,
    };
    Issued {
        certificate: Certificate {
            id: "c".into(),
            region: "us-east-1".into(),
            names: vec!["a.test".to_owned()],
            chain_der: vec![vec![1]],
            key_der: vec![1],
            not_after_ms,
            own: false,
            acme: Some(order),
            stored: Revision(0),
        },
        not_before_ms,
        now_ms: not_before_ms,
    }
}

#[test]
fn renewal_is_due_after_two_thirds_of_a_life() {
    let quarter = issued(0, 90 * DAY_MS);
    assert_eq!(renewal(&quarter, 0), 60 * DAY_MS);
    for chance in [1, DAY_MS, u64::MAX] {
        let at = renewal(&quarter, chance);
        assert!((60 * DAY_MS..=63 * DAY_MS).contains(&at), "{at}");
    }
    // A life of seconds is not renewed in a loop.
    assert_eq!(renewal(&issued(1000, 1010), 0), 6000);
}

#[test]
fn pauses_double_up_to_a_limit() {
    let minutes: Vec<u64> = (1..=12).map(|n| pause_ms(n, 0) / 60_000).collect();
    assert_eq!(minutes, [2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360, 360]);
    assert!(pause_ms(u32::MAX, u64::MAX) <= 6 * 3_600_000 * 6 / 5);
}

#[test]
fn orders_are_limited_per_hour() {
    let (mut begun, start) = (VecDeque::new(), Instant::now());
    for _ in 0..ORDERS_PER_HOUR_MAX {
        assert!(room(&mut begun, start));
    }
    assert!(!room(&mut begun, start + Duration::from_secs(3599)));
    assert!(room(&mut begun, start + Duration::from_secs(3600)));
}
