//! Shares settle, come back, and never leave a client without a place; a prefix keeps its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use proptest::prelude::*;

use super::*;

const REST_MS: u64 = 60_000;

fn key(place: usize) -> PlaceKey {
    (Kind::Pop, format!("pop-{place}"))
}

fn prefix(number: u32) -> Client {
    let address = IpAddr::V4(Ipv4Addr::from_bits((20 << 24) + (number << 8)));
    Client::of(address, 24)
}

/// Clients with the order in which they like places, and places with caps.
#[derive(Clone, Debug)]
struct World {
    sites: Vec<Site>,
    /// Clients that a place bears.
    caps: Vec<u32>,
    /// By client.
    likes: Vec<Vec<usize>>,
    controller: Controller,
    now_ms: u64,
}

impl World {
    fn new(caps: Vec<u32>, likes: Vec<Vec<usize>>) -> Self {
        let names = (0..caps.len()).map(|place| key(place).1);
        Self {
            sites: names.map(|name| Site::new(&name, None)).collect(),
            caps,
            likes,
            controller: Controller::default(),
            now_ms: 0,
        }
    }

    fn shares(&self) -> Vec<u16> {
        let places = self.controller.places();
        let of = |place| places.get(&key(place)).copied().unwrap_or(SHARE_WHOLE);
        let shares = (0..self.caps.len()).map(of);
        scaled(shares.map(|share| (Some(Health::Up), share)))
    }

    /// Where each client is sent; fails if some client is sent nowhere.
    fn sent(&self) -> Vec<usize> {
        let shares = self.shares();
        let sent = self.likes.iter().enumerate().map(|(number, order)| {
            let client = prefix(u32::try_from(number).unwrap());
            let mut order = order.iter().copied();
            let found = order.find(|place| client.stays(&self.sites[*place], shares[*place]));
            found.expect("some place takes every client")
        });
        sent.collect()
    }

    /// Loads in thousandths of the caps, with this many of a thousand clients at work.
    fn loads(&self, active: u32) -> Vec<u32> {
        let mut counts = vec![0_u32; self.caps.len()];
        self.sent().into_iter().for_each(|place| counts[place] += 1);
        let loads = counts.iter().zip(&self.caps);
        loads
            .map(|(count, cap)| count * active / (*cap).max(1))
            .collect()
    }

    fn step(&mut self, active: u32) {
        let loads = self.loads(active).into_iter().enumerate();
        let loads = loads.map(|(place, load)| (key(place), load)).collect();
        self.now_ms += REST_MS;
        self.controller.look(&loads, self.now_ms, REST_MS);
    }
}

/// Two to five places and 600 clients, each with an order of its own; `spare` thousandths of room
/// in all, unevenly.
fn worlds(spare: u32) -> impl Strategy<Value = World> {
    let sizes = prop::collection::vec(2_u32..6, 2..=5);
    let order = |count: usize| Just((0..count).collect::<Vec<_>>()).prop_shuffle();
    let world = sizes.prop_flat_map(move |sizes| {
        let likes = prop::collection::vec(order(sizes.len()), 12);
        (Just(sizes), likes, any::<u64>())
    });
    world.prop_map(move |(sizes, likes, seed)| {
        let whole: u32 = sizes.iter().sum();
        let caps = sizes.iter().map(|size| 600 * size * spare / whole / 1_000);
        // Half of the clients like the same places: these fill up.
        let pick = |number: u64| match mix(seed ^ number) % 24 {
            at @ 0..12 => likes[usize::try_from(at).unwrap()].clone(),
            _ => likes[0].clone(),
        };
        World::new(caps.collect(), (0..600).map(pick).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        // These judge how a whole run of decisions went: the same runs each time.
        rng_seed: proptest::test_runner::RngSeed::Fixed(25),
        ..ProptestConfig::default()
    })]

    #[test]
    fn shares_settle_and_come_back(mut world in worlds(1_400)) {
        for _ in 0..60 {
            world.step(1_000);
        }
        let mut seen: Vec<BTreeSet<u16>> = vec![BTreeSet::new(); world.caps.len()];
        for _ in 0..30 {
            world.step(1_000);
            for (place, share) in world.shares().into_iter().enumerate() {
                seen[place].insert(share);
            }
        }
        for shares in &seen {
            let (least, most) = (shares.first().unwrap(), shares.last().unwrap());
            prop_assert!(most - least <= 150, "{seen:?}");
        }
        let loads = world.loads(1_000);
        prop_assert!(loads.iter().all(|load| *load <= 1_150), "{loads:?} {:?}", world.shares());
        // Everyone goes home: from the least share this takes a while, but it ends.
        for _ in 0..40 {
            world.step(30);
        }
        prop_assert_eq!(world.controller.places(), BTreeMap::new());
    }

    #[test]
    fn too_much_for_all_leaves_a_place_for_everybody(mut world in worlds(400)) {
        let mut sums = vec![0; world.caps.len()];
        for round in 0..60 {
            world.step(1_000);
            // `sent` has found a place for each client.
            let loads = world.loads(1_000).into_iter();
            prop_assert!(world.shares().contains(&SHARE_WHOLE));
            sums.iter_mut().zip(loads.filter(|_| round >= 40)).for_each(|(sum, one)| *sum += one);
        }
        // What is too much, two and a half times, is borne by all and not by one of them.
        prop_assert!(sums.iter().all(|sum| *sum <= 20 * 5_000), "{sums:?}");
    }

    #[test]
    fn a_falling_share_moves_only_further_clients(share in 10_u16..1_000, number in 0_u32..60_000) {
        let site = Site::new("pop-1", None);
        let client = prefix(number);
        prop_assert!(!client.stays(&site, share - 1) || client.stays(&site, share));
        prop_assert!(client.stays(&site, SHARE_WHOLE));
    }
}

#[test]
fn a_share_is_the_part_of_the_clients_that_stay() {
    for (share, name) in [(100, "pop-1"), (500, "pop-2"), (900, "far")] {
        let site = Site::new(name, None);
        let stay = (0..20_000).filter(|number| prefix(*number).stays(&site, share));
        let stay = stay.count() / 20;
        assert!(
            stay.abs_diff(share.into()) <= 15,
            "{name}: {stay} of {share}"
        );
    }
    // Two places draw for themselves.
    let sites = ["a", "b"].map(|name| Site::new(name, None));
    let both = (0..20_000).map(prefix);
    let both = both.filter(|client| sites.iter().all(|site| client.stays(site, 500)));
    assert!((4_700..5_300).contains(&both.count()));
}

#[test]
fn clients_of_one_prefix_stay_together() {
    let of = |text: &str, source| Client::of(text.parse().unwrap(), source);
    assert_eq!(of("192.0.2.1", 32), of("192.0.2.200", 24));
    assert_ne!(of("192.0.2.1", 32), of("192.0.3.1", 32));
    assert_eq!(of("2001:db8:1:2::1", 128), of("2001:db8:1:3::1", 56));
    assert_ne!(of("2001:db8:1::", 48), of("2001:db8:2::", 48));
    // What hides more is a client of its own, and says so.
    assert_eq!(
        (of("192.0.2.1", 16).scope(), of("192.0.2.1", 32).scope()),
        (16, 24)
    );
    assert_eq!(
        (of("::", 0).scope(), of("2001:db8::", 128).scope()),
        (0, 48)
    );
}

#[test]
fn only_the_best_of_those_that_serve_counts() {
    let check = |places: &[(Option<Health>, u16)], expected: &[u16]| {
        assert_eq!(scaled(places.iter().copied()), expected);
    };
    let up = Some(Health::Up);
    check(&[(up, 500), (up, 1_000)], &[500, 1_000]);
    // Nobody is left who takes all.
    check(&[(up, 500), (Some(Health::Down), 1_000)], &[1_000, 1_000]);
    check(&[(up, 200), (up, 400), (None, 900)], &[500, 1_000, 1_000]);
    check(&[(Some(Health::Draining), 300)], &[1_000]);
    check(&[], &[]);
}

#[test]
fn shares_fall_at_once_rest_and_rise_slowly() {
    let mut controller = Controller::default();
    let mut now_ms = 0;
    let mut look = |load: Option<u32>, after_ms: u64| {
        now_ms += after_ms;
        let loads = [(key(1), load), (key(2), Some(0))];
        let loads = loads
            .into_iter()
            .filter_map(|(place, load)| Some((place, load?)));
        controller.look(&loads.collect(), now_ms, REST_MS);
        let share = controller.places().get(&key(1)).copied();
        share.unwrap_or(SHARE_WHOLE)
    };
    assert_eq!(look(Some(1_000), 1_000), 1_000, "as full as it may be");
    assert_eq!(look(Some(1_250), 1_000), 740, "at once");
    assert_eq!(look(Some(1_250), 1_000), 740, "a change rests");
    assert_eq!(look(Some(9_000), REST_MS), 370, "no more than by half");
    assert_eq!(look(Some(900), REST_MS), 370, "neither full nor empty");
    assert_eq!(look(Some(800), REST_MS), 427, "as far as fits");
    assert_eq!(look(Some(100), REST_MS), 533, "no more than by a quarter");
    // Silence changes nothing for long.
    for _ in 0..10 {
        assert_eq!(look(None, REST_MS), 533);
    }
    assert_eq!(look(None, REST_MS), 566);
    for _ in 0..20 {
        look(Some(5_000), REST_MS);
    }
    assert_eq!(look(Some(5_000), REST_MS), SHARE_MIN);
    for _ in 0..30 {
        look(Some(0), REST_MS);
    }
    assert_eq!(look(Some(0), REST_MS), SHARE_WHOLE);
}

#[test]
fn a_burst_is_evened_out_and_a_level_is_followed() {
    let mut smoother = Smoother::default();
    let mut report = |load: Option<u32>, now_ms: u64| {
        let loads = load.map(|load| (key(1), load)).into_iter().collect();
        smoother
            .smooth(loads, now_ms, REST_MS)
            .get(&key(1))
            .copied()
    };
    assert_eq!(report(Some(800), 1_000), Some(800));
    assert_eq!(
        report(Some(2_200), 2_000),
        Some(1_000),
        "a seventh of the way"
    );
    for second in 3..60 {
        report(Some(2_200), second * 1_000);
    }
    assert!(report(Some(2_200), 60_000).is_some_and(|load| load > 2_190));
    assert_eq!(report(None, 61_000), None);
    assert_eq!(report(Some(100), 62_000), Some(100));
}

#[test]
fn another_region_goes_on_where_one_left_off() {
    let mut first = Controller::default();
    let loads = BTreeMap::from([(key(1), 2_000), (key(2), 0)]);
    first.look(&loads, 1, REST_MS);
    let shares = Shares {
        version: 3,
        places: first.places(),
    };
    assert_eq!(
        (shares.of(Kind::Pop, "pop-1"), shares.is_sound()),
        (500, true)
    );
    assert_eq!(shares.of(Kind::Region, "pop-1"), SHARE_WHOLE);
    assert_eq!(Controller::from_shares(&shares).places(), shares.places);
    let broken = Shares {
        places: BTreeMap::from([(key(1), 1_001)]),
        ..shares
    };
    assert!(!broken.is_sound());
}
