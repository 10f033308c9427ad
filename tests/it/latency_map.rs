//! The latency map in a small simulated Internet: better than coordinates, calm, and cheap for
//! resolvers. `docs/latency-map.md` has the figures of a large one.

use tests::latency::{Method, Options, Outcome, Seen, World, capped, run};

#[test]
fn the_map_beats_coordinates_and_keeps_still() {
    let world = World::new(Options {
        seed: 7,
        prefixes: 160,
        epochs: 80,
        connections: 2_000,
    });
    let coordinates = run(&world, Method::Coordinates, Seen::Subnet);
    let map = run(&world, Method::Map, Seen::Subnet);
    // Over the connections of the last twenty epochs.
    let late = |one: &Outcome| one.over_time_ms.iter().rev().take(20).sum::<f64>();
    let (with, without) = (late(&map), late(&coordinates));
    assert!(with < without / 2.0, "{with} {without}");
    assert!(map.near_percent() > coordinates.near_percent(), "{map:?}");
    assert!(map.flaps() < 20.0, "{}", map.flaps());
    assert!(map.explored_percent() < 2.5, "{}", map.explored_percent());
    assert!(map.query_growth() < 8.0, "{}", map.query_growth());
}

#[test]
fn a_capped_pop_settles_and_its_clients_go_to_what_is_next_best() {
    let world = World::new(Options {
        seed: 7,
        prefixes: 400,
        epochs: 20,
        connections: 4_000,
    });
    let found = capped(&world, 50);
    assert!((850..=1_000).contains(&found.load), "{found:?}");
    assert!(found.share < 700 && found.settled_after < 20, "{found:?}");
    let [before, after] = found.regret_ms;
    // Half of one POP's clients: those who moved bear all of the difference.
    assert!(
        before < after && after < before + found.moved_ms,
        "{found:?}"
    );
}
