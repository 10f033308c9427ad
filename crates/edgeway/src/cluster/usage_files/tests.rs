//! Counts on disk: what survives, what goes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use model::{
    Config,
    rest::{day_of, day_start_ms},
};
use region::{Limits, Region, RegionSettings};
use steer::limits::{Count, Meter};

use super::UsageFiles;

fn limits(now: &Arc<AtomicU64>) -> Arc<Limits> {
    let mut settings = RegionSettings::new("us-east-1", 7);
    let now = Arc::clone(now);
    settings.clock = Arc::new(move || region::Moment::at(now.load(Ordering::Relaxed)));
    let config = tokio::sync::watch::Sender::new(Arc::new(Config::default()));
    let drain = serve::Drain::new(std::time::Duration::ZERO);
    let registry = prometheus::Registry::new();
    let region = Region::new(settings, config.subscribe(), &registry, drain).unwrap();
    Arc::clone(region.limits())
}

fn meter(key: &str) -> Meter {
    Meter {
        plan: "p1".into(),
        key: key.into(),
    }
}

#[tokio::test]
async fn counts_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let files = UsageFiles::new(folder.path().to_owned());
    assert!(!files.begin(), "a new node");
    assert!(files.begin(), "it has lived before");
    let now = Arc::new(AtomicU64::new(day_start_ms(20_000)));
    let first = limits(&now);
    let count = |limits: &Limits, times: u64| {
        for _ in 0..times {
            limits.with(|node, now_ms| node.usage_mut().add(&meter("k"), day_of(now_ms), 7));
        }
    };
    count(&first, 3);
    let foreign = Count {
        meter: meter("k"),
        day: 19_999,
        node: 8,
        count: 40,
    };
    first.with(|node, _| node.merge(&[foreign]));
    files.store(&first);
    now.fetch_add(day_start_ms(1), Ordering::Relaxed);
    count(&first, 2);
    files.store(&first);
    let second = limits(&now);
    let stored = files.load();
    second.with(|node, _| node.merge(&stored));
    let on = |day| second.with(|node, _| node.usage().on(&meter("k"), day));
    assert_eq!((on(19_999), on(20_000), on(20_001)), (40, 3, 2));
    // Only what has changed is written again, and what is long past goes.
    std::fs::write(folder.path().join("usage/00020000.usage"), b"torn").unwrap();
    now.store(day_start_ms(20_102), Ordering::Relaxed);
    count(&second, 1);
    files.store(&second);
    let mut left: Vec<u32> = files.load().iter().map(|count| count.day).collect();
    left.sort_unstable();
    assert_eq!(left, [20_102]);
}
