//! The choice of way over simulated distances.

use model::{NodeId, RegionName};

use super::super::{Answer, Probe, RegionSettings, Regions};

const NEAR: NodeId = NodeId(1);
const FAR: NodeId = NodeId(2);
const POP: NodeId = NodeId(11);
const OTHER: NodeId = NodeId(12);
const STEP_MS: u64 = 250;

/// Round trips in milliseconds; none where nothing passes.
#[derive(Clone, Copy)]
struct World {
    /// To the two nodes.
    direct: [Option<u64>; 2],
    /// To each POP, and from it to the two nodes.
    pops: [(NodeId, Option<u64>, [Option<u64>; 2]); 2],
}

const WORLD: World = World {
    direct: [Some(200), Some(300)],
    pops: [
        (POP, Some(40), [Some(60), Some(200)]),
        (OTHER, None, [Some(1), Some(1)]),
    ],
};

struct Sim {
    regions: Regions,
    now_ms: u64,
}

impl Sim {
    fn new() -> Self {
        let mut regions = Regions::new(RegionSettings::default());
        let nodes = [(NEAR, "near"), (FAR, "far")];
        regions.set_nodes(&nodes.map(|(id, name)| (id, RegionName::from(name))), 0);
        regions.set_relays(&[POP, OTHER], 0);
        Self { regions, now_ms: 0 }
    }

    fn run(&mut self, world: World, for_ms: u64) {
        let end_ms = self.now_ms + for_ms;
        while self.now_ms < end_ms {
            self.now_ms += STEP_MS;
            let now_ms = self.now_ms;
            for (id, rtt) in [NEAR, FAR].into_iter().zip(world.direct) {
                let probe = rtt.map_or(Probe::Lost, |rtt| {
                    Probe::Answered(Answer {
                        rtt_us: rtt * 1_000,
                        ..Answer::default()
                    })
                });
                let _ = self.regions.probed(id, probe, now_ms);
            }
            for (pop, rtt, ways) in world.pops {
                let Some(rtt) = rtt else { continue };
                self.regions.relay_heard(pop, rtt * 1_000, now_ms);
                let ways = [NEAR, FAR].into_iter().zip(ways);
                let told: Vec<_> = ways
                    .filter_map(|(id, rtt)| Some((id, rtt? * 1_000)))
                    .collect();
                self.regions.relay_told(pop, &told, now_ms);
            }
        }
    }

    fn via(&self, node: NodeId) -> Option<NodeId> {
        self.regions.order().via(node)
    }

    fn first(&self) -> NodeId {
        let order = self.regions.order();
        order.choose(self.now_ms, 7, &[]).unwrap().node
    }
}

#[test]
fn two_legs_are_taken_when_they_are_clearly_shorter_for_a_while() {
    let mut sim = Sim::new();
    sim.run(WORLD, 2_000);
    assert_eq!(sim.via(NEAR), None, "not at once");
    sim.run(WORLD, 3_000);
    assert_eq!(sim.via(NEAR), Some(POP));
    assert_eq!(sim.via(FAR), Some(POP));
    assert_eq!(sim.regions.direct(), [(NEAR, 200_000), (FAR, 300_000)]);
}

#[test]
fn a_small_gain_is_not_worth_it() {
    let mut sim = Sim::new();
    let mut world = WORLD;
    world.direct = [Some(115), Some(210)];
    sim.run(world, 20_000);
    assert_eq!((sim.via(NEAR), sim.via(FAR)), (None, None));
    // 9 ms are a large part of a short way, and yet few.
    world.direct = [Some(29), Some(210)];
    world.pops[0] = (POP, Some(10), [Some(10), None]);
    sim.run(world, 20_000);
    assert_eq!(sim.via(NEAR), None);
}

#[test]
fn distances_that_waver_at_the_margin_do_not_move_it() {
    let mut sim = Sim::new();
    sim.run(WORLD, 6_000);
    let mut moves = 0;
    for round in 0..20 {
        let mut world = WORLD;
        // 118 is just beyond the margin above 100, 114 just within.
        world.direct[0] = Some(if round % 2 == 0 { 114 } else { 119 });
        let before = sim.via(NEAR);
        sim.run(world, 12_000);
        moves += usize::from(sim.via(NEAR) != before);
    }
    assert_eq!(moves, 0);
}

#[test]
fn a_lost_node_is_reached_through_a_pop_that_still_sees_it() {
    let mut sim = Sim::new();
    let mut world = WORLD;
    world.direct = [Some(90), Some(95)];
    sim.run(world, 5_000);
    assert_eq!(sim.via(NEAR), None);
    world.direct = [None, None];
    sim.run(world, 1_500);
    assert_eq!(sim.via(NEAR), None, "the other may not have noticed yet");
    sim.run(world, 5_000);
    assert_eq!((sim.via(NEAR), sim.first()), (Some(POP), NEAR));
    assert!(sim.regions.direct().is_empty(), "never told further");
    // It comes back.
    world.direct = [Some(90), Some(95)];
    sim.run(world, 1_000);
    assert_eq!(sim.via(NEAR), None);
}

#[test]
fn a_way_in_use_survives_the_loss_of_the_straight_one() {
    let mut sim = Sim::new();
    sim.run(WORLD, 6_000);
    let mut world = WORLD;
    world.direct = [None, None];
    for _ in 0..40 {
        sim.run(world, STEP_MS);
        assert_eq!((sim.via(NEAR), sim.first()), (Some(POP), NEAR));
    }
    // The other POP no longer sees it either.
    world.pops[0].2 = [None, None];
    sim.run(world, STEP_MS);
    assert_eq!(sim.via(NEAR), None);
}

#[test]
fn a_pop_that_fails_or_falls_silent_is_left_alone() {
    let mut sim = Sim::new();
    sim.run(WORLD, 6_000);
    sim.regions.relay_failed(POP, sim.now_ms);
    assert_eq!(sim.via(NEAR), None);
    sim.run(WORLD, 4_000);
    assert_eq!(sim.via(NEAR), None);
    sim.run(WORLD, 6_000);
    assert_eq!(sim.via(NEAR), Some(POP));
    let mut world = WORLD;
    world.pops[0].1 = None;
    sim.run(world, 2_000);
    assert_eq!(sim.via(NEAR), None);
    assert_eq!(sim.first(), NEAR);
}

#[test]
fn the_better_of_two_pops_is_taken() {
    let mut sim = Sim::new();
    let mut world = WORLD;
    world.pops[1] = (OTHER, Some(20), [Some(30), None]);
    sim.run(world, 6_000);
    assert_eq!((sim.via(NEAR), sim.via(FAR)), (Some(OTHER), Some(POP)));
}
