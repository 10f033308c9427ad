//! What nodes admit together, against what the limit allows; the first table of
//! `docs/operations/limits.md` is printed here.

use super::cluster::{Cluster, Oracle, quota, rate};
use crate::limits::Mode;

const ALL: [usize; 3] = [0, 1, 2];

/// In per cent of what is allowed.
pub(super) fn over(admitted: u64, allowed: u64) -> f64 {
    (admitted as f64 / allowed as f64 - 1.0) * 100.0
}

/// A tenth more than the limit, in any time.
pub(super) fn tenth(per_second: u64, burst: u32) -> Oracle {
    Oracle::new(per_second as f64 * 1.1, f64::from(burst) * 1.1)
}

/// Three region nodes, all with clients that want far more than there is, from cold.
#[test]
fn leases_hold_a_rate() {
    println!("| rate | burst | seconds | delay ms | allowed | admitted | over | calls/s |");
    for (per_second, burst) in [(1, 1), (1, 5), (10, 20), (100, 200), (1_000, 500)] {
        for delay_ms in [1, 75] {
            for seconds in [1, 10, 60] {
                // Enough is seen of high rates in less time.
                if per_second * seconds > 10_000 {
                    continue;
                }
                let mut cluster = Cluster::of(3, Mode::Leased, delay_ms);
                cluster.oracle = Some(tenth(per_second, burst));
                let claim = [rate(per_second, burst)];
                let before = cluster.exchanges;
                let want = (per_second * 2).max(20);
                let admitted = cluster.load(&ALL, want, seconds * 1_000, &claim);
                let allowed = u64::from(burst) + per_second * seconds;
                let calls = (cluster.exchanges - before) / seconds;
                println!(
                    "| {per_second} | {burst} | {seconds} | {delay_ms} | {allowed} | {admitted} | \
                     {:+.1} % | {calls} |",
                    over(admitted, allowed)
                );
                let reached = if seconds >= 10 { 80 } else { 40 };
                assert!(admitted >= allowed * reached / 100, "under");
            }
        }
    }
}

/// One node alone has clients: it gets all there is.
#[test]
fn one_busy_node_gets_the_whole_rate() {
    for busy in ALL {
        let mut cluster = Cluster::of(3, Mode::Leased, 20);
        cluster.oracle = Some(tenth(100, 100));
        let admitted = cluster.load(&[busy], 400, 10_000, &[rate(100, 100)]);
        assert!((1_045..=1_210).contains(&admitted), "{busy}: {admitted}");
    }
}

/// A burst is there at whatever node, from cold, even a small one.
#[test]
fn a_burst_is_had_at_any_node() {
    for busy in ALL {
        for burst in [1, 2, 5, 10, 100] {
            let mut cluster = Cluster::of(3, Mode::Leased, 20);
            cluster.oracle = Some(tenth(1, burst));
            let claim = [rate(1, burst)];
            for _ in 0..burst {
                cluster.request(busy, &claim);
            }
            cluster.run(200);
            let admitted: u64 = cluster.admitted.iter().sum();
            assert_eq!(admitted, burst.into(), "at {busy}");
        }
    }
}

/// A key that is used now and then is never refused, at whatever node.
#[test]
fn seldom_used_keys_get_all_they_ask_for() {
    for busy in ALL {
        let mut cluster = Cluster::of(3, Mode::Leased, 20);
        let admitted = cluster.load(&[busy], 2, 60_000, &[rate(3, 3)]);
        assert!(admitted >= 119, "at {busy}: {admitted} of 120");
    }
}

/// A load that moves from node to node, with pauses.
#[test]
fn a_moving_load_stays_within_the_rate() {
    let mut cluster = Cluster::of(3, Mode::Leased, 40);
    cluster.oracle = Some(tenth(50, 50));
    let claim = [rate(50, 50)];
    let mut all = 0;
    for turn in 0..60_usize {
        let at: &[usize] = match turn % 6 {
            0 | 1 => &[0],
            2 => &[1],
            3 => &[1, 2],
            4 => &[],
            _ => &[2],
        };
        all += cluster.load(at, 300, 1_000, &claim);
    }
    assert!(all >= 60 * 50 * 8 / 10, "{all}");
}

/// The home dies, and another takes over two seconds later.
#[test]
fn a_new_home_takes_over() {
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    cluster.oracle = Some(tenth(100, 200));
    let claim = [rate(100, 200)];
    cluster.load(&ALL, 200, 10_000, &claim);
    cluster.cut_off = vec![0];
    let gap = cluster.load(&[1, 2], 200, 2_000, &claim);
    cluster.elect(1);
    let after = cluster.load(&[1, 2], 200, 8_000, &claim);
    println!("new home: {gap} in 2 s without, {after} in 8 s with one");
    assert!(after >= 560, "{after} of 800");
}

/// The home changes while all are well: the next one knows what is left.
#[test]
fn a_home_that_lives_leaves_what_it_knows() {
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    let (slow, other) = ([rate(1, 100)], [quota(1_000_000)]);
    cluster.oracle = Some(tenth(1, 100));
    let before = cluster.load(&[0], 20, 1_000, &slow);
    assert_eq!(before, 20);
    for home in [1, 2, 2, 0, 1] {
        cluster.elect(home);
        cluster.run(4_000);
    }
    let after = cluster.load(&ALL, 200, 2_000, &slow);
    assert!(
        (75..=110).contains(&after),
        "{after} of 80 and 20 that have come"
    );
    cluster.oracle = None;
    assert!(cluster.load(&ALL, 10, 1_000, &other) >= 29);
}

#[test]
fn a_quota_is_held_by_all_nodes_together() {
    println!("| quota | delay ms | admitted | over |");
    for limit in [1, 10, 100, 5_000] {
        for delay_ms in [1, 75] {
            let mut cluster = Cluster::of(3, Mode::Leased, delay_ms);
            let admitted = cluster.load(&ALL, 200, 30_000, &[quota(limit)]);
            let limit = u64::from(limit);
            println!(
                "| {limit} | {delay_ms} | {admitted} | {:+.1} % |",
                over(admitted, limit)
            );
            assert!(admitted <= limit + limit / 10, "{admitted} of {limit}");
            assert!(admitted >= limit * 9 / 10, "{admitted} of {limit}");
        }
    }
}

/// A quota survives the loss of its home and a restart of a node.
#[test]
fn a_quota_survives_its_home() {
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    let claim = [quota(1_000)];
    let mut admitted = cluster.load(&ALL, 50, 4_000, &claim);
    cluster.run(1_500);
    cluster.restart(0);
    cluster.elect(1);
    admitted += cluster.load(&[1, 2], 100, 20_000, &claim);
    assert!((900..=1_100).contains(&admitted), "{admitted} of 1000");
}

/// What a node has counted that lost touch with the home is heard by the next home.
#[test]
fn a_quota_in_a_partition() {
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    let claim = [quota(3_000)];
    cluster.cut_off = vec![2];
    let admitted = cluster.load(&ALL, 100, 60_000, &claim);
    println!(
        "quota 3000, one node cut off: {admitted}, {:?}",
        cluster.admitted
    );
    assert!((2_900..=3_300).contains(&admitted), "{admitted} of 3000");
    assert!(cluster.admitted[2] > 50);
    // All are alone.
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    cluster.cut_off = ALL.to_vec();
    let admitted = cluster.load(&ALL, 100, 60_000, &claim);
    // Until the home knows that nobody follows it, it goes on.
    assert!((250..=600).contains(&admitted), "{admitted} of 3000");
}

#[test]
fn exact_is_exact() {
    for claim in [rate(50, 20), quota(520)] {
        let mut cluster = Cluster::of(3, Mode::Exact, 5);
        cluster.oracle = Some(Oracle::new(50.0, 520.0));
        let admitted = cluster.load(&ALL, 100, 10_000, &[claim]);
        assert!((515..=520).contains(&admitted), "{admitted} of 520");
        // A node that cannot ask admits nothing.
        cluster.cut_off = vec![1];
        assert_eq!(cluster.load(&[1], 100, 5_000, &[rate(50, 20)]), 0);
        cluster.cut_off = vec![0];
        cluster.run(3_000);
        assert_eq!(cluster.load(&[0], 100, 5_000, &[rate(50, 20)]), 0);
    }
}

#[test]
fn local_is_each_node_for_itself() {
    let mut cluster = Cluster::of(3, Mode::Local, 5);
    let admitted = cluster.load(&ALL, 100, 10_000, &[rate(50, 20)]);
    assert!((1_545..=1_560).contains(&admitted), "{admitted} of 3 * 520");
}

/// A request that one limit refuses costs nothing of the others.
#[test]
fn all_or_nothing() {
    for at in ALL {
        let mut cluster = Cluster::of(3, Mode::Leased, 1);
        let both = [rate(100, 100), quota(0)];
        assert_eq!(cluster.load(&[at], 100, 1_000, &both), 0);
        let admitted = cluster.load(&[at], 10_000, 20, &[rate(100, 100)]);
        assert!(admitted >= 85, "{at}: {admitted}");
    }
}
