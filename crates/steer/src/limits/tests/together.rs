//! What nodes admit together, against what the limit allows; the table of
//! `docs/operations/limits.md` is printed here.

use super::cluster::{Cluster, quota, rate};
use crate::limits::Mode;

const ALL: [usize; 3] = [0, 1, 2];

/// In per cent of what is allowed.
fn over(admitted: u64, allowed: u64) -> f64 {
    (admitted as f64 / allowed as f64 - 1.0) * 100.0
}

/// Three region nodes, all with clients that want far more than there is, from cold.
#[test]
fn leases_hold_a_rate() {
    println!("| rate | burst | seconds | delay ms | allowed | admitted | over | calls/s |");
    for (per_second, burst) in [(1, 5), (10, 20), (100, 200), (1_000, 500), (5_000, 2_500)] {
        for delay_ms in [1, 75] {
            for seconds in [1, 10, 60] {
                // Enough is seen of high rates in less time.
                if per_second * seconds > 50_000 {
                    continue;
                }
                let mut cluster = Cluster::of(3, Mode::Leased, delay_ms);
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
                // Ten per cent, or the few requests that any limit lets through on credit.
                assert!(admitted <= allowed + (allowed / 10).max(6), "over");
                let reached = if seconds >= 10 { 85 } else { 40 };
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
        let admitted = cluster.load(&[busy], 400, 10_000, &[rate(100, 100)]);
        assert!((1_045..=1_100).contains(&admitted), "{busy}: {admitted}");
    }
}

/// A load that moves from node to node, with pauses, in any stretch of ten seconds.
#[test]
fn a_moving_load_stays_within_the_rate() {
    let mut cluster = Cluster::of(3, Mode::Leased, 40);
    let claim = [rate(50, 50)];
    let mut by_second = Vec::new();
    for turn in 0..60_usize {
        let at: &[usize] = match turn % 6 {
            0 | 1 => &[0],
            2 => &[1],
            3 => &[1, 2],
            4 => &[],
            _ => &[2],
        };
        by_second.push(cluster.load(at, 300, 1_000, &claim));
    }
    for window in by_second.windows(10) {
        let admitted: u64 = window.iter().sum();
        assert!(admitted <= 605, "{admitted} of 550 in ten seconds");
    }
    let all: u64 = by_second.iter().sum();
    assert!(all >= 60 * 50 * 8 / 10, "{all}");
}

/// One node of three is cut off: it has its third, the others have all.
#[test]
fn a_partition_is_never_unlimited() {
    println!("| rate | burst | seconds | allowed | majority | cut off | over |");
    for (per_second, burst) in [(10, 20), (100, 200), (1_000, 500)] {
        let mut cluster = Cluster::of(3, Mode::Leased, 5);
        let claim = [rate(per_second, burst)];
        cluster.load(&ALL, per_second * 2, 10_000, &claim);
        cluster.cut_off = vec![2];
        let (mut majority, mut lonely) = (0, 0);
        let seconds = 30;
        for _ in 0..seconds * 10 {
            majority += cluster.load(&[0, 1], per_second * 2, 100, &claim);
            lonely += cluster.load(&[2], per_second * 2, 100, &claim);
        }
        // Each was loaded half the time, so each was seen over all of it.
        let allowed = u64::from(burst) + per_second * seconds * 2;
        println!(
            "| {per_second} | {burst} | {} | {allowed} | {majority} | {lonely} | {:+.1} % |",
            seconds * 2,
            over(majority + lonely, allowed)
        );
        assert!(majority <= allowed);
        assert!(lonely <= allowed / 3 + 6, "{lonely} of {allowed}");
        assert!(lonely >= allowed / 6, "{lonely} of {allowed}");
        // Together again: within the limit again.
        cluster.cut_off.clear();
        cluster.load(&ALL, per_second * 2, 3_000, &claim);
        let healed = cluster.load(&ALL, per_second * 2, 10_000, &claim);
        assert!(healed <= u64::from(burst) + per_second * 11, "{healed}");
    }
}

/// The home dies, and another takes over two seconds later.
#[test]
fn a_new_home_goes_on_where_the_last_one_stopped() {
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    let claim = [rate(100, 200)];
    cluster.load(&ALL, 200, 10_000, &claim);
    cluster.cut_off = vec![0];
    let mut after = cluster.load(&[1, 2], 200, 2_000, &claim);
    cluster.elect(1);
    after += cluster.load(&[1, 2], 200, 8_000, &claim);
    assert!(after <= 1_100, "{after} of 1000");
    assert!(after >= 800, "{after} of 1000");
}

#[test]
fn a_quota_is_held_by_all_nodes_together() {
    println!("| quota | delay ms | admitted | over |");
    for limit in [10, 100, 5_000] {
        for delay_ms in [1, 75] {
            let mut cluster = Cluster::of(3, Mode::Leased, delay_ms);
            let admitted = cluster.load(&ALL, 200, 30_000, &[quota(limit)]);
            let limit = u64::from(limit);
            println!(
                "| {limit} | {delay_ms} | {admitted} | {:+.1} % |",
                over(admitted, limit)
            );
            assert!(
                admitted <= limit + (limit / 10).max(6),
                "{admitted} of {limit}"
            );
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
    cluster.restart(0, Mode::Leased);
    cluster.elect(1);
    admitted += cluster.load(&[1, 2], 100, 20_000, &claim);
    assert!((900..=1_100).contains(&admitted), "{admitted} of 1000");
}

/// A node that is cut off spends a bounded part of a quota.
#[test]
fn a_quota_in_a_partition() {
    let mut cluster = Cluster::of(3, Mode::Leased, 5);
    let claim = [quota(3_000)];
    cluster.cut_off = vec![2];
    let admitted = cluster.load(&ALL, 100, 60_000, &claim);
    assert!((2_900..=3_300).contains(&admitted), "{admitted} of 3000");
}

#[test]
fn exact_is_exact() {
    for claim in [rate(50, 20), quota(520)] {
        let mut cluster = Cluster::of(3, Mode::Exact, 5);
        let admitted = cluster.load(&ALL, 100, 10_000, &[claim]);
        assert!((515..=520).contains(&admitted), "{admitted} of 520");
        // A node that cannot ask admits nothing.
        cluster.cut_off = vec![1];
        assert_eq!(cluster.load(&[1], 100, 2_000, &[rate(50, 20)]), 0);
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
