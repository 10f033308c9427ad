//! Histograms, building of maps and look-ups, each by its promise.

use std::net::IpAddr;

use ipnet::IpNet;
use model::{Location, Prior};
use proptest::prelude::*;

use super::*;
use crate::caps::SHARE_WHOLE;
use crate::place::{Health, Point, Priors, Site};

const NAMES: [&str; 3] = ["ams", "iad", "nrt"];
const PLACES: [Location; 3] = [at(52, 5), at(39, -77), at(36, 140)];

const fn at(latitude: i32, longitude: i32) -> Location {
    Location {
        latitude_micro: latitude * 1_000_000,
        longitude_micro: longitude * 1_000_000,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn sites() -> Vec<PopSite> {
    let pops = NAMES.iter().zip(PLACES);
    pops.map(|(name, place)| PopSite {
        name: (*name).to_owned(),
        point: Some(Point::of(place)),
    })
    .collect()
}

fn european() -> Vec<Prior> {
    vec![Prior {
        prefix: net("10.0.0.0/8"),
        location: at(50, 8),
    }]
}

/// A table that has `count` samples of `rtt_ms` from `client` at each POP named.
fn feed(table: &mut Table, client: &str, times: &[(&str, u32, u32)]) {
    for (pop, rtt_ms, count) in times {
        let mut samples = Samples::default();
        for _ in 0..*count {
            assert!(samples.record(ip(client), rtt_ms * 1_000));
        }
        assert_eq!(table.merge(pop, &samples.take().unwrap()), 0);
    }
}

fn step(map: &mut LatencyMap, table: &Table, priors: &[Prior]) {
    let pops = sites();
    let priors = Priors::of(priors);
    let builder = Builder {
        pops: &pops,
        priors: &priors,
        previous: map,
    };
    *map = builder.build(table, map.epoch + 1);
    assert!(map.is_sound());
}

fn home<'m>(map: &'m LatencyMap, prefix: &str) -> &'m str {
    let row = map.row(net(prefix)).unwrap();
    map.pop(row.home).unwrap()
}

fn chart(map: &LatencyMap, priors: &[Prior], health: [Option<Health>; 3]) -> Chart {
    let sites: Vec<Site> = (NAMES.iter().zip(PLACES))
        .map(|(name, place)| Site::new(name, Some(place)))
        .collect();
    let sites: Vec<ChartSite<'_>> = (NAMES.iter().zip(&sites).zip(health))
        .map(|((name, site), health)| ChartSite {
            name,
            site,
            health,
            share: SHARE_WHOLE,
        })
        .collect();
    Chart::of(map, priors, &sites)
}

const UP: [Option<Health>; 3] = [Some(Health::Up); 3];

#[test]
fn a_median_lies_in_its_bucket_and_merging_adds() {
    let mut one = Histogram::default();
    assert_eq!(one.median_us(), None);
    for rtt in [20_000, 21_000, 400_000] {
        one.record(rtt);
    }
    let median = one.median_us().unwrap();
    assert!((17_000..24_000).contains(&median), "{median}");
    let mut two = one;
    two.merge(&one);
    assert_eq!((two.count(), two.median_us().is_some()), (6, true));
    two.halve();
    assert_eq!(two, one);
}

#[test]
fn a_prefix_moves_after_three_epochs_of_clear_gain_and_not_before() {
    let priors = european();
    let (mut map, mut table) = (LatencyMap::default(), Table::default());
    feed(&mut table, "10.1.2.3", &[("ams", 80, 40)]);
    step(&mut map, &table, &priors);
    assert_eq!(home(&map, "10.1.2.0/24"), "ams");
    feed(&mut table, "10.1.2.3", &[("iad", 20, 40)]);
    for epochs in 1..STREAK_MIN {
        step(&mut map, &table, &priors);
        let row = map.row(net("10.1.2.0/24")).unwrap();
        assert_eq!(
            (map.pop(row.home), row.challenger),
            (Some("ams"), Some((1, epochs)))
        );
    }
    step(&mut map, &table, &priors);
    assert_eq!(home(&map, "10.1.2.0/24"), "iad");
    // Nothing new: nothing moves.
    for _ in 0..5 {
        step(&mut map, &table, &priors);
        assert_eq!(home(&map, "10.1.2.0/24"), "iad");
    }
}

#[test]
fn few_samples_or_a_small_gain_move_nobody() {
    let priors = european();
    for better in [("iad", 20, SAMPLES_MIN - 1), ("iad", 76, 40)] {
        let (mut map, mut table) = (LatencyMap::default(), Table::default());
        feed(&mut table, "10.1.2.3", &[("ams", 80, 40)]);
        step(&mut map, &table, &priors);
        feed(&mut table, "10.1.2.3", &[better]);
        for _ in 0..6 {
            step(&mut map, &table, &priors);
            assert_eq!(home(&map, "10.1.2.0/24"), "ams", "{better:?}");
        }
    }
}

#[test]
fn a_prefix_with_reasons_of_its_own_stays_when_the_wider_one_moves() {
    let priors = european();
    let (mut map, mut table) = (LatencyMap::default(), Table::default());
    for client in ["10.1.2.3", "10.1.3.3", "10.1.4.3"] {
        feed(&mut table, client, &[("ams", 80, 40)]);
    }
    step(&mut map, &table, &priors);
    feed(&mut table, "10.1.2.3", &[("iad", 300, 40)]);
    feed(&mut table, "10.1.3.3", &[("iad", 20, 400)]);
    for _ in 0..4 {
        step(&mut map, &table, &priors);
    }
    assert_eq!(home(&map, "10.1.0.0/16"), "iad");
    assert_eq!(home(&map, "10.1.2.0/24"), "ams");
    // Without any samples of the other POP it goes with the rest.
    assert_eq!(home(&map, "10.1.4.0/24"), "iad");
}

#[test]
fn scopes_are_as_short_as_the_answers_allow() {
    let priors = european();
    let (mut map, mut table) = (LatencyMap::default(), Table::default());
    feed(&mut table, "10.1.2.3", &[("ams", 80, 40), ("iad", 20, 40)]);
    feed(&mut table, "10.200.0.1", &[("ams", 10, 40)]);
    step(&mut map, &table, &priors);
    let chart = chart(&map, &priors, UP);
    // The whole of 10/8 but for what is around 10.1.2/24 goes to Amsterdam, measured or not.
    let far = chart.find(ip("10.200.0.1"), 24, 1);
    assert_eq!((far.basis, far.scope), (Basis::Site(0), 9));
    let here = chart.find(ip("10.1.2.9"), 24, 1);
    assert_eq!(here.basis, Basis::Site(1));
    assert_eq!(chart.find(ip("11.0.0.1"), 24, 1).basis, Basis::Unknown);
}

#[test]
fn a_dead_or_draining_pop_leaves_at_once() {
    let priors = european();
    let (mut map, mut table) = (LatencyMap::default(), Table::default());
    feed(&mut table, "10.1.2.3", &[("ams", 10, 40)]);
    step(&mut map, &table, &priors);
    for gone in [Some(Health::Down), Some(Health::Draining), None] {
        let chart = chart(&map, &priors, [gone, UP[1], UP[2]]);
        assert_eq!(chart.find(ip("10.1.2.9"), 24, 1).basis, Basis::Site(1));
    }
    let dead = [Some(Health::Down); 3];
    let guess = chart(&map, &priors, dead).find(ip("10.1.2.9"), 24, 1);
    assert_eq!(
        guess.basis,
        Basis::Site(0),
        "the best guess is still an answer"
    );
}

#[test]
fn two_of_a_hundred_answers_explore() {
    let priors = european();
    let (mut map, mut table) = (LatencyMap::default(), Table::default());
    feed(&mut table, "10.1.2.3", &[("ams", 80, 40)]);
    step(&mut map, &table, &priors);
    let chart = chart(&map, &priors, UP);
    let found = |number| chart.find(ip("10.1.2.9"), 24, number);
    let explored = (0..10_000).map(found).filter(|guess| guess.explores);
    let explored: Vec<Guess> = explored.collect();
    assert!((100..300).contains(&explored.len()), "{}", explored.len());
    assert!(explored.iter().all(|guess| guess.scope == 24));
    assert!(explored.iter().all(|guess| guess.basis == Basis::Site(1)));
}

#[test]
fn old_samples_fade_and_prefixes_without_any_go() {
    let mut table = Table::default();
    feed(&mut table, "10.1.2.3", &[("ams", 80, 3)]);
    for epoch in 1..=1 + HALVE_EPOCHS {
        table.age(epoch);
    }
    assert_eq!(table.len(), 1);
    table.age(1 + 2 * HALVE_EPOCHS);
    assert!(table.is_empty());
}

#[test]
fn reports_with_foreign_prefixes_are_refused_row_by_row() {
    let mut table = Table::default();
    let mut histogram = Histogram::default();
    histogram.record(1);
    let rows = ["10.0.0.0/8", "10.0.0.1/24", "10.0.0.0/24"];
    let rows = rows.map(|prefix| (net(prefix), histogram)).to_vec();
    assert_eq!(table.merge("ams", &Batch { rows }), 2);
    assert_eq!(table.len(), 1);
}

proptest! {
    /// Whoever shares the scope's bits gets the same answer.
    #[test]
    fn a_scope_holds_for_its_whole_subtree(
        clients in prop::collection::vec((any::<u16>(), 0_usize..3), 0..30),
        asked in any::<u32>(),
        other in any::<u32>(),
    ) {
        let (mut map, mut table) = (LatencyMap::default(), Table::default());
        for (client, pop) in clients {
            let client = IpAddr::from((0x0a00_0000 | (u32::from(client) << 8)).to_be_bytes());
            let mut samples = Samples::default();
            (0..30).for_each(|_| assert!(samples.record(client, 9_000)));
            table.merge(NAMES[pop], &samples.take().unwrap());
        }
        step(&mut map, &table, &european());
        map.rows.iter_mut().for_each(|row| row.explore = None);
        let chart = chart(&map, &european(), UP);
        let asked = 0x0a00_0000 | (asked >> 8);
        let guess = chart.find(IpAddr::from(asked.to_be_bytes()), 24, 0);
        let keep = u32::MAX.checked_shl(32 - u32::from(guess.scope)).unwrap_or(0);
        let near = (asked & keep) | (other & !keep);
        let same = chart.find(IpAddr::from(near.to_be_bytes()), 32, 0);
        prop_assert_eq!(guess.basis, same.basis);
        prop_assert_eq!(guess.scope, same.scope);
    }
}
