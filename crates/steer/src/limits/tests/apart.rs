//! Nodes that cannot talk to each other, in every way there is: together they admit at most a tenth
//! more than the limit, in any time, and none is without anything for good.

use proptest::prelude::*;

use super::{
    cluster::{Cluster, Oracle, millionths, rate},
    together::{over, tenth},
};
use crate::limits::{Mode, Standing};

const SECONDS: u64 = 60;

/// What nodes admit that were cut off for a minute, all busy.
fn apart(per_second: u64, burst: u32, story: &str, change: impl Fn(&mut Cluster, u64)) {
    let nodes: Vec<usize> = (0..if story.contains("five") { 5 } else { 3 }).collect();
    let mut cluster = Cluster::of(nodes.len(), Mode::Leased, 40);
    cluster.oracle = Some(tenth(per_second, burst));
    let claim = [rate(per_second, burst)];
    let want = per_second * 2;
    cluster.load(&nodes, want, 5_000, &claim);
    let before = cluster.admitted.clone();
    for second in 0..SECONDS {
        change(&mut cluster, second);
        cluster.load(&nodes, want, 1_000, &claim);
    }
    let each: Vec<u64> = (cluster.admitted.iter().zip(&before))
        .map(|(now, before)| now - before)
        .collect();
    let admitted = each.iter().sum();
    let allowed = u64::from(burst) + per_second * SECONDS;
    println!(
        "| {story} | {per_second} | {burst} | {allowed} | {each:?} | {:+.1} % |",
        over(admitted, allowed)
    );
    for (node, admitted) in each.iter().enumerate() {
        assert!(*admitted > 0, "nothing at {node} for a minute");
    }
    // Together again: all of the limit again.
    (cluster.cut_off, cluster.lost) = (Vec::new(), Vec::new());
    cluster.elect(1);
    cluster.run(4_000);
    let healed = cluster.load(&nodes, want, 10_000, &claim);
    assert!(healed >= per_second * 8, "{healed} after healing");
}

#[test]
fn partitions_hold_a_rate() {
    println!("| what happens for 60 s | rate | burst | allowed | admitted by node | over |");
    for (per_second, burst) in [(10, 10), (100, 200)] {
        let apart = |story: &str, change: &dyn Fn(&mut Cluster, u64)| {
            apart(per_second, burst, story, change);
        };
        apart("one of three is cut off", &|cluster, _| {
            cluster.cut_off = vec![2];
        });
        apart("two of five are cut off", &|cluster, _| {
            cluster.cut_off = vec![3, 4];
        });
        apart("each of three is alone", &|cluster, _| {
            cluster.cut_off = vec![0, 1, 2];
        });
        apart(
            "the home is cut off, another is elected at once",
            &|cluster, second| {
                cluster.cut_off = vec![0];
                if second == 0 {
                    cluster.elect(1);
                }
            },
        );
        apart(
            "the home is cut off, another comes after 3 s",
            &|cluster, second| {
                cluster.cut_off = vec![0];
                if second == 3 {
                    cluster.elect(1);
                }
            },
        );
        apart("one is cut off every other 3 s", &|cluster, second| {
            cluster.cut_off = if second % 6 < 3 { vec![2] } else { Vec::new() };
        });
        apart("a new home every 5 s", &|cluster, second| {
            if second % 5 == 0 {
                cluster.elect(usize::try_from(second / 5 % 3).unwrap());
            }
        });
        apart("one hears the home, and is not heard", &|cluster, _| {
            cluster.lost = vec![(2, 0), (2, 1)];
        });
        apart(
            "one is heard by the home, and hears nothing",
            &|cluster, _| {
                cluster.lost = vec![(0, 2), (1, 2)];
            },
        );
    }
}

/// What may happen.
#[derive(Clone, Debug)]
enum Event {
    /// These messages are lost from now on.
    Lose(Vec<(usize, usize)>),
    CutOff(Vec<usize>),
    Heal,
    /// A home that only some hear of.
    Elect(usize, Vec<usize>),
    /// A node that hears of no home.
    Forget(usize),
    Restart(usize),
    /// Clients are at these nodes.
    Busy(Vec<usize>),
    Delay(u64, u64),
}

fn events(nodes: usize) -> impl Strategy<Value = Vec<(u64, Event)>> {
    let some = prop::collection::vec(0..nodes, 0..=nodes);
    let pairs = prop::collection::vec((0..nodes, 0..nodes), 0..nodes * 2);
    let event = prop_oneof![
        2 => pairs.prop_map(Event::Lose),
        2 => some.clone().prop_map(Event::CutOff),
        2 => Just(Event::Heal),
        3 => (0..nodes, some.clone()).prop_map(|(home, hear)| Event::Elect(home, hear)),
        2 => (0..nodes).prop_map(move |home| Event::Elect(home, (0..nodes).collect())),
        1 => (0..nodes).prop_map(Event::Forget),
        1 => (0..nodes).prop_map(Event::Restart),
        3 => some.prop_map(Event::Busy),
        1 => (0..300_u64, 0..1_500_u64).prop_map(|(delay, jitter)| Event::Delay(delay, jitter)),
    ];
    prop::collection::vec((1..3_000_u64, event), 1..25)
}

fn happen(cluster: &mut Cluster, busy: &mut Vec<usize>, event: Event) {
    match event {
        Event::Lose(lost) => cluster.lost = lost,
        Event::CutOff(cut_off) => cluster.cut_off = cut_off,
        Event::Heal => (cluster.lost, cluster.cut_off) = (Vec::new(), Vec::new()),
        Event::Elect(home, mut hear) => {
            hear.push(home);
            cluster.elect_among(home, &hear);
        }
        Event::Forget(node) => cluster.stand(node, Standing::Alone),
        Event::Restart(node) => cluster.restart(node),
        Event::Busy(nodes) => *busy = nodes,
        Event::Delay(delay_ms, jitter_ms) => {
            (cluster.delay_ms, cluster.jitter_ms) = (delay_ms, jitter_ms);
        }
    }
}

fn stories() -> impl Strategy<Value = (usize, Vec<u64>, Vec<(u64, Event)>)> {
    (2..=5_usize).prop_flat_map(|nodes| {
        let clocks = prop::collection::vec(970..=1_030_u64, nodes);
        (Just(nodes), clocks, events(nodes))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is lost, late or out of order, whoever is the home in whose eyes, however often
    /// nodes restart, and with clocks that differ: a tenth over at most, in any time.
    #[test]
    fn never_more_than_a_tenth_over(
        (nodes, clocks, events) in stories(),
        per_second in prop_oneof![100_000..5_000_000_u64, 5_000_000..200_000_000_u64],
        burst in prop_oneof![1..12_u32, 10..300_u32],
    ) {
        let mut cluster = Cluster::cold(nodes, Mode::Leased, 20);
        let speeds = clocks.iter().enumerate();
        cluster.clocks = speeds.map(|(node, speed)| (node as u64 * 7_777_777, *speed)).collect();
        let fastest = clocks.iter().copied().max().unwrap_or(1_000) as f64 / 1_000.0;
        let rate = per_second as f64 / 1_000_000.0;
        cluster.oracle = Some(Oracle::new(rate * 1.1 * fastest, f64::from(burst) * 1.1));
        let claim = [millionths(per_second, burst)];
        let each = (per_second / 400_000).max(20);
        let mut busy: Vec<usize> = (0..nodes).collect();
        cluster.elect(0);
        for (wait, event) in events {
            cluster.load(&busy, each, wait, &claim);
            happen(&mut cluster, &mut busy, event);
        }
        cluster.load(&busy, each, 3_000, &claim);
    }
}
