//! Tests of the choice of region: the rule by example, and its invariants by random histories.

use model::{NodeId, RegionName};
use proptest::prelude::*;

use super::{
    Answer, BudgetSettings, Called, Probe, RegionSettings, Regions, RetryBudget, Standing,
};

/// Region `r{n}` with node `n`, its round trip being given.
struct Bench {
    regions: Regions,
    now_ms: u64,
    rtt_us: Vec<u64>,
}

fn answer(rtt_us: u64) -> Answer {
    Answer {
        rtt_us,
        limit: 100,
        service_p50_us: 2_000,
        ..Answer::default()
    }
}

fn name(node: usize) -> RegionName {
    RegionName::from(format!("r{node}"))
}

impl Bench {
    fn new(rtt_us: &[u64]) -> Self {
        let mut regions = Regions::new(RegionSettings::default());
        let nodes: Vec<_> = (0..rtt_us.len())
            .map(|n| (NodeId(n as u64), name(n)))
            .collect();
        regions.set_nodes(&nodes, 0);
        let mut bench = Self {
            regions,
            now_ms: 0,
            rtt_us: rtt_us.to_vec(),
        };
        bench.pass(250);
        bench
    }

    /// Lets time pass with a probe of every node each 250 ms; a round trip of 0 is a loss.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 250 {
            self.now_ms += 250;
            for (node, rtt_us) in self.rtt_us.clone().into_iter().enumerate() {
                let probe = if rtt_us == 0 {
                    Probe::Lost
                } else {
                    Probe::Answered(answer(rtt_us))
                };
                let _ = self.regions.probed(NodeId(node as u64), probe, self.now_ms);
            }
        }
    }

    fn share(&self, node: u64) -> usize {
        let order = self.regions.order();
        let choose = |number| order.choose(self.now_ms, number, &[]);
        let chosen = (0..1000).filter(|n| choose(*n).is_some_and(|one| one.node.0 == node));
        chosen.count()
    }

    #[track_caller]
    fn check_current(&self, node: usize) {
        assert_eq!(self.regions.current(), Some(&name(node)));
    }
}

#[test]
fn the_nearest_live_region_gets_everything() {
    let bench = Bench::new(&[40_000, 10_000, 80_000]);
    bench.check_current(0); // answered first
    let mut bench = bench;
    bench.pass(2_500);
    bench.check_current(1);
    assert_eq!(bench.share(1), 1000);
}

#[test]
fn a_small_or_short_advantage_moves_nothing() {
    let mut bench = Bench::new(&[40_000, 50_000]);
    bench.pass(12_000);
    bench.rtt_us[1] = 37_500; // better by less than 10 %
    bench.pass(20_000);
    bench.check_current(0);
    bench.rtt_us = vec![40_000, 40_000];
    bench.pass(12_000);
    bench.rtt_us[1] = 10_000;
    bench.pass(1_750);
    bench.check_current(0);
}

#[test]
fn a_dead_region_is_left_at_once_and_returns_slowly() {
    let mut bench = Bench::new(&[10_000, 40_000]);
    bench.rtt_us[0] = 0;
    bench.pass(750);
    bench.check_current(1);
    assert_eq!(bench.share(0), 0);
    bench.rtt_us[0] = 10_000;
    bench.pass(1_750);
    bench.check_current(1);
    bench.pass(500);
    bench.check_current(0);
    let early = bench.share(0);
    assert!((50..250).contains(&early), "{early}");
    bench.pass(5_000);
    let half = bench.share(0);
    assert!((450..700).contains(&half), "{half}");
    bench.pass(6_000);
    assert_eq!(bench.share(0), 1000);
}

#[test]
fn the_third_loss_reports_the_fall_once() {
    let mut bench = Bench::new(&[10_000, 40_000]);
    let lost = |bench: &mut Bench| bench.regions.probed(NodeId(0), Probe::Lost, bench.now_ms);
    assert_eq!(lost(&mut bench), vec![]);
    assert_eq!(lost(&mut bench), vec![]);
    assert_eq!(lost(&mut bench), vec![NodeId(0)]);
    assert_eq!(lost(&mut bench), vec![]);
    // Who was never heard of cannot fall.
    let mut fresh = Regions::new(RegionSettings::default());
    fresh.set_nodes(&[(NodeId(7), name(7))], 0);
    for _ in 0..4 {
        assert_eq!(fresh.probed(NodeId(7), Probe::Lost, 1), vec![]);
    }
}

#[test]
fn the_last_node_is_not_given_up_until_there_is_another() {
    let mut bench = Bench::new(&[10_000, 40_000]);
    let lost = |bench: &mut Bench, node| {
        let lose = |_| {
            let probed = bench
                .regions
                .probed(NodeId(node), Probe::Lost, bench.now_ms);
            probed.into_iter()
        };
        (0..3).flat_map(lose).collect::<Vec<_>>()
    };
    assert_eq!(lost(&mut bench, 0), vec![NodeId(0)]);
    assert_eq!(lost(&mut bench, 1), vec![]);
    // It is tried all the same.
    let order = bench.regions.order();
    assert!(!order.any_live());
    assert!(order.choose(bench.now_ms, 1, &[]).is_some());
    // The other one is back: now calls have somewhere else to go.
    let answered = Probe::Answered(answer(10_000));
    let fallen = bench.regions.probed(NodeId(0), answered, bench.now_ms);
    assert_eq!(fallen, vec![NodeId(1)]);
    assert_eq!(bench.regions.tick(bench.now_ms), vec![]);
    // The same, but the silent one is back itself.
    assert_eq!(lost(&mut bench, 0), vec![]);
    let answered = Probe::Answered(answer(10_000));
    let fallen = bench.regions.probed(NodeId(0), answered, bench.now_ms);
    assert_eq!(fallen, vec![]);
}

#[test]
fn silence_alone_makes_a_node_lost() {
    let mut bench = Bench::new(&[10_000, 40_000]);
    let lost = |bench: &Bench| {
        let order = bench.regions.order();
        let candidates = order.candidates();
        candidates
            .filter(|one| one.standing == Standing::Lost)
            .count()
    };
    assert_eq!(bench.regions.tick(bench.now_ms + 700), vec![]);
    assert_eq!(lost(&bench), 0);
    // Both at once, as when this machine itself stood still: neither is given up.
    assert_eq!(bench.regions.tick(bench.now_ms + 1_000), vec![]);
    assert_eq!(lost(&bench), 2);
}

#[test]
fn one_lost_probe_on_a_long_path_is_not_silence() {
    let settings = RegionSettings::default();
    for (rtt_ms, patience_ms) in [(0, 750), (80, 830), (200, 1_650), (400, 2_650)] {
        assert_eq!(settings.patience_ms(rtt_ms), patience_ms);
        // Asked after 250 ms, waited for in vain, asked again, answered.
        let wait_ms = (rtt_ms * 3).clamp(250, 1_000);
        assert!(250 + wait_ms + rtt_ms < patience_ms);
    }
}

#[test]
fn failures_in_a_row_eject_but_never_more_than_half() {
    let mut bench = Bench::new(&[10_000, 20_000, 30_000]);
    let fail = |bench: &mut Bench, node: u64| {
        for _ in 0..5 {
            bench
                .regions
                .called(NodeId(node), Called::Failed, bench.now_ms);
        }
    };
    fail(&mut bench, 0);
    bench.check_current(1);
    fail(&mut bench, 1);
    bench.check_current(1);
    bench.pass(4_750);
    bench.check_current(1);
    bench.pass(2_500);
    bench.check_current(0);
    // The second time lasts twice as long.
    fail(&mut bench, 0);
    bench.pass(9_750);
    assert_eq!(bench.share(0), 0);
    bench.pass(2_500);
    bench.check_current(0);
}

#[test]
fn an_answered_call_interrupts_the_row_of_failures() {
    let mut bench = Bench::new(&[10_000, 20_000]);
    for _ in 0..20 {
        for called in [Called::Failed, Called::Failed, Called::Answered] {
            bench.regions.called(NodeId(0), called, bench.now_ms);
        }
    }
    bench.check_current(0);
}

#[test]
fn a_draining_node_gets_nothing_new_unless_it_is_the_last() {
    let mut bench = Bench::new(&[10_000, 40_000]);
    bench
        .regions
        .called(NodeId(0), Called::Draining, bench.now_ms);
    bench.check_current(1);
    let order = bench.regions.order();
    let last = order.choose(bench.now_ms, 1, &[NodeId(1)]).unwrap();
    assert_eq!((last.node, last.standing), (NodeId(0), Standing::Draining));
}

#[test]
fn a_hot_region_spills_half_to_the_next() {
    let mut bench = Bench::new(&[10_000, 400_000]);
    let hot = Answer {
        in_flight: 95,
        ..answer(10_000)
    };
    let _ = bench
        .regions
        .probed(NodeId(0), Probe::Answered(hot), bench.now_ms);
    let share = bench.share(0);
    assert!((400..600).contains(&share), "{share}");
}

#[test]
fn a_region_without_traffic_does_not_look_faster_than_it_is() {
    let mut bench = Bench::new(&[10_000, 20_000]);
    for _ in 0..40 {
        bench.now_ms += 250;
        let busy = Answer {
            service_p50_us: 50_000,
            ..answer(10_000)
        };
        let idle = Answer {
            service_p50_us: 0,
            ..answer(20_000)
        };
        let _ = bench
            .regions
            .probed(NodeId(0), Probe::Answered(busy), bench.now_ms);
        let _ = bench
            .regions
            .probed(NodeId(1), Probe::Answered(idle), bench.now_ms);
    }
    // Node 1 reported once, at the start; what it said then is kept.
    let mut fresh = Regions::new(RegionSettings::default());
    fresh.set_nodes(&[(NodeId(0), name(0)), (NodeId(1), name(1))], 0);
    for now_ms in (0..10_000).step_by(250) {
        let busy = Answer {
            service_p50_us: 50_000,
            ..answer(10_000)
        };
        let idle = Answer {
            service_p50_us: 0,
            ..answer(20_000)
        };
        let _ = fresh.probed(NodeId(0), Probe::Answered(busy), now_ms);
        let _ = fresh.probed(NodeId(1), Probe::Answered(idle), now_ms);
    }
    assert_eq!(fresh.current(), Some(&name(0)));
}

#[test]
fn nodes_of_one_region_share_its_requests() {
    let mut regions = Regions::new(RegionSettings::default());
    regions.set_nodes(
        &[
            (NodeId(1), name(0)),
            (NodeId(2), name(0)),
            (NodeId(3), name(1)),
        ],
        0,
    );
    for node in 1..=3 {
        let _ = regions.probed(NodeId(node), Probe::Answered(answer(1_000)), 1);
    }
    let order = regions.order();
    let first = (0..1000)
        .filter(|n| order.choose(1, *n, &[]).unwrap().node == NodeId(1))
        .count();
    assert!((400..600).contains(&first), "{first}");
    assert_eq!(
        order.choose(1, 7, &[NodeId(1), NodeId(2)]).unwrap().node,
        NodeId(3)
    );
}

#[test]
fn a_budget_allows_a_fifth_and_a_floor() {
    let mut budget = RetryBudget::new(BudgetSettings::default());
    let withdrawn = |budget: &mut RetryBudget, now_ms| {
        std::iter::repeat_with(|| budget.withdraw(now_ms))
            .take_while(|ok| *ok)
            .count()
    };
    assert_eq!(withdrawn(&mut budget, 0), 100);
    assert_eq!(withdrawn(&mut budget, 9_999), 0);
    assert_eq!(withdrawn(&mut budget, 10_000), 100);
    for _ in 0..1000 {
        budget.request(20_500);
    }
    assert_eq!(withdrawn(&mut budget, 21_000), 300);
    assert_eq!(withdrawn(&mut budget, 31_000), 100);
}

#[derive(Clone, Debug)]
enum Event {
    Probe(u64, Probe),
    Call(u64, Called),
    Pass(u64),
    Nodes(u64),
}

fn events() -> impl Strategy<Value = Event> {
    let node = 0..6_u64;
    let answered = (
        0..200_000_u64,
        0..200_u32,
        0..150_u32,
        0..90_000_u32,
        any::<bool>(),
    )
        .prop_map(|(rtt_us, in_flight, limit, service_p50_us, draining)| {
            let draining = draining && in_flight % 7 == 0;
            Probe::Answered(Answer {
                rtt_us,
                in_flight,
                limit,
                service_p50_us,
                revision: 1,
                draining,
            })
        });
    let probe = prop_oneof![8 => answered, 3 => Just(Probe::Lost)];
    let called = prop_oneof![
        Just(Called::Failed),
        Just(Called::Failed),
        Just(Called::Answered),
        Just(Called::Draining)
    ];
    prop_oneof![
        10 => (node.clone(), probe).prop_map(|(node, probe)| Event::Probe(node, probe)),
        5 => (node, called).prop_map(|(node, called)| Event::Call(node, called)),
        3 => (1..900_u64).prop_map(Event::Pass),
        1 => (1..6_u64).prop_map(Event::Nodes),
    ]
}

fn nodes(count: u64) -> Vec<(NodeId, RegionName)> {
    // Two nodes in each region.
    (0..count)
        .map(|n| (NodeId(n), RegionName::from(format!("r{}", n / 2))))
        .collect()
}

proptest! {
    #[test]
    fn random_histories_keep_the_invariants(
        history in prop::collection::vec(events(), 1..200),
        exclude in prop::collection::vec((0..6_u64).prop_map(NodeId), 0..4),
    ) {
        let mut regions = Regions::new(RegionSettings::default());
        regions.set_nodes(&nodes(5), 0);
        let mut now_ms = 0;
        let mut moved_ms: Option<u64> = None;
        for (number, event) in history.into_iter().enumerate() {
            let before = regions.current().cloned();
            match event {
                Event::Probe(node, probe) => {
                    let _ = regions.probed(NodeId(node), probe, now_ms);
                }
                Event::Call(node, called) => regions.called(NodeId(node), called, now_ms),
                Event::Pass(ms) => { now_ms += ms; let _ = regions.tick(now_ms); }
                Event::Nodes(count) => regions.set_nodes(&nodes(count), now_ms),
            }
            let order = regions.order();
            let left: Vec<_> =
                order.candidates().filter(|one| !exclude.contains(&one.node)).collect();
            let chosen = order.choose(now_ms, number as u64, &exclude);
            // Never none while any is left, and never one that was left out.
            prop_assert_eq!(chosen.is_some(), !left.is_empty());
            // Never a bad one while a live one is left.
            let live = |one: &&super::Candidate| one.standing == Standing::Live;
            if let Some(chosen) = chosen {
                prop_assert!(!exclude.contains(&chosen.node));
                prop_assert_eq!(live(&chosen), left.iter().any(live));
            }
            // At most half are ejected.
            let all = order.candidates().count();
            let ejected = order.candidates().filter(|one| one.standing == Standing::Ejected);
            let (ejected, before_count) = (ejected.count(), all.max(5));
            prop_assert!(ejected * 2 <= before_count);
            // No flapping: while the region in use stays live, it is left at most every 2 s.
            let stays_live = order
                .candidates()
                .any(|one| Some(&one.region) == before.as_ref() && one.standing == Standing::Live);
            if before.is_some() && regions.current() != before.as_ref() && stays_live {
                if let Some(moved_ms) = moved_ms {
                    prop_assert!(now_ms - moved_ms >= 2_000);
                }
                moved_ms = Some(now_ms);
            }
        }
    }
}

#[test]
fn a_node_that_fails_every_third_call_is_ejected_beside_good_ones() {
    use super::tally::is_outlier;
    assert!(is_outlier((300, 100), (1_000, 5)));
    assert!(!is_outlier((300, 5), (1_000, 5)));
    assert!(!is_outlier((30, 30), (1_000, 5)), "too few calls");
    assert!(!is_outlier((300, 100), (1_000, 333)), "all are as bad");
    assert!(is_outlier((300, 300), (1_000, 333)));
    let mut regions = Regions::new(RegionSettings::default());
    let names = ["a", "b", "c"].map(RegionName::from);
    let ids = [NodeId(1), NodeId(2), NodeId(3)];
    let nodes: Vec<_> = ids.into_iter().zip(names).collect();
    regions.set_nodes(&nodes, 0);
    for id in ids {
        let answer = Answer {
            rtt_us: 1_000,
            ..Answer::default()
        };
        assert!(regions.probed(id, Probe::Answered(answer), 10).is_empty());
    }
    regions.tallied(
        &[(ids[0], 300, 100), (ids[1], 300, 0), (ids[2], 300, 0)],
        20,
    );
    regions.tallied(&[(ids[1], 0, 0), (ids[2], 900, 900)], 21);
    assert!(regions.tick(30).is_empty());
    let order = regions.order();
    let standing = |id| {
        order
            .candidates()
            .find(|one| one.node == id)
            .unwrap()
            .standing
    };
    assert_eq!(standing(ids[0]), Standing::Ejected);
    assert_eq!(standing(ids[1]), Standing::Live);
    assert_eq!(standing(ids[2]), Standing::Live, "never more than half");
}
