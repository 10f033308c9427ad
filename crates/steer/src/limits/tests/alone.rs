//! The parts by themselves: buckets, periods, names, counters.

use model::rest::{Millionths, Throttle};
use proptest::prelude::*;

use crate::limits::{Bucket, Count, Key, Meter, TOKEN, Terms, Usage};

pub(super) fn meter(key: &str) -> Meter {
    Meter {
        plan: "plan01".into(),
        key: key.into(),
    }
}

/// What has happened to a bucket.
#[derive(Clone, Copy, Debug)]
enum Event {
    Take,
    Alter(u64, u32),
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let event = prop_oneof![
        6 => Just(Event::Take),
        1 => (0..5_000_000_u64, 0..20_u32).prop_map(|(rate, burst)| Event::Alter(rate, burst)),
    ];
    prop::collection::vec((0..2_000_u64, event), 1..200)
}

proptest! {
    /// The oracle fills tokens as fractions of big numbers, one step at a time.
    #[test]
    fn a_bucket_admits_what_the_definition_says(
        rate in 0..5_000_000_u64,
        burst in 0..20_u32,
        events in events(),
    ) {
        let mut bucket = Bucket::full(rate, burst, 0);
        let (mut rate, mut burst) = (u128::from(rate), i128::from(burst));
        let unit = i128::from(TOKEN);
        let (mut now, mut level) = (0, burst * unit);
        for (wait, event) in events {
            now += wait;
            let gain = i128::try_from(rate * u128::from(wait)).unwrap();
            level = (level + gain).min(burst * unit);
            match event {
                Event::Take => {
                    let there = level >= unit;
                    level -= if there { unit } else { 0 };
                    prop_assert_eq!(bucket.take(now), there);
                }
                Event::Alter(to_rate, to_burst) => {
                    bucket.alter(to_rate, to_burst, now);
                    let grown = level + (i128::from(to_burst) - burst) * unit;
                    level = grown.min(i128::from(to_burst) * unit);
                    (rate, burst) = (to_rate.into(), to_burst.into());
                }
            }
            bucket.refill(now, 0);
            prop_assert_eq!(i128::from(bucket.level()), level);
            if let Some(wait) = bucket.wait_ms().filter(|wait| *wait < 1 << 40) {
                let mut later = bucket;
                prop_assert!(later.take(now + wait));
                let mut sooner = bucket;
                prop_assert!(wait == 0 || !sooner.take(now + wait - 1));
            }
        }
    }

    /// In any stretch of time a bucket admits at most its burst and what has come in.
    #[test]
    fn a_bucket_never_admits_more(
        rate in 1..100_000_000_u64,
        burst in 1..50_u32,
        step in 1..50_u64,
    ) {
        let mut bucket = Bucket::full(rate, burst, 0);
        let admitted = (0..2_000).filter(|turn| bucket.take(turn * step)).count();
        let most = u128::from(burst) + u128::from(rate) * u128::from(1_999 * step) / 1_000_000_000;
        prop_assert!(admitted as u128 <= most, "{} of {}", admitted, most);
    }

    /// Counts end the same in whatever order and however often they are told.
    #[test]
    fn counters_agree_however_they_are_told(
        counts in prop::collection::vec((0..3_u8, 0..3_u32, 0..4_u64, 0..50_u64), 0..40),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
    ) {
        let counts: Vec<Count> = counts.iter().map(|(key, day, node, count)| Count {
            meter: meter(&key.to_string()), day: *day, node: *node, count: *count,
        }).collect();
        let (mut one, mut other) = (Usage::default(), Usage::default());
        for count in &counts {
            one.merge(count, 2);
        }
        for index in order.iter().filter(|_| !counts.is_empty()) {
            other.merge(&counts[index.index(counts.len())], 2);
        }
        for count in counts.iter().rev() {
            other.merge(count, 2);
        }
        for key in 0..3 {
            for day in 0..3 {
                let meter = meter(&key.to_string());
                prop_assert_eq!(one.on(&meter, day), other.on(&meter, day));
            }
        }
        // Pages of any size hold all.
        let mut paged = Usage::default();
        let mut after = None;
        loop {
            let page = one.page(after.as_ref(), 3);
            let Some(last) = page.last() else { break };
            after = Some((last.meter.clone(), last.day));
            page.iter().for_each(|count| paged.merge(count, 2));
        }
        prop_assert_eq!(paged.counters(), one.counters());
    }
}

#[test]
fn names_depend_on_all_parts() {
    assert_ne!(Key::of(&["a", "bc"]), Key::of(&["ab", "c"]));
    assert_eq!(Key::of(&["a"]).with("bc"), Key::of(&["a", "bc"]));
    assert_ne!(
        Key::of(&["a"]).with_number(1),
        Key::of(&["a"]).with_number(2)
    );
    // All versions agree on it.
    assert_eq!(
        format!("{:?}", Key::of(&["plan", "abc"])),
        "Key(219898012420741846706328753806342310026)"
    );
}

#[test]
fn terms_follow_what_is_configured() {
    let rate = |rate: f64, burst| {
        Terms::of_throttle(&Throttle {
            burst,
            rate: Millionths::of(rate),
        })
    };
    let terms = |per_second, burst| Some(Terms::Rate { per_second, burst });
    assert_eq!(rate(0.5, Some(3)), terms(500_000, 3));
    assert_eq!(rate(2.5, None), terms(2_500_000, 3));
    assert_eq!(rate(0.0, Some(5)), terms(0, 0));
    let no_rate = Throttle {
        burst: Some(1),
        rate: None,
    };
    assert_eq!(Terms::of_throttle(&no_rate), None);
}
