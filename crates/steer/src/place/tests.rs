//! Choices by distance and health, and the scope rule over random nested priors.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use model::{Location, Prior};
use proptest::prelude::*;

use super::{Candidate, Health, Point, Priors, Site, choose, hash};

const VIRGINIA: Location = at(38_900, -77_500);
const IRELAND: Location = at(53_300, -6_300);
const TOKYO: Location = at(35_700, 139_700);
const FIJI: Location = at(-17_700, 178_000);
const HAWAII: Location = at(21_300, -157_800);

const fn at(latitude_milli: i32, longitude_milli: i32) -> Location {
    Location {
        latitude_micro: latitude_milli * 1_000,
        longitude_micro: longitude_milli * 1_000,
    }
}

fn check(places: &[(&str, Option<Location>, Health)], from: Option<Location>, expected: &str) {
    let sites: Vec<Site> = places
        .iter()
        .map(|place| Site::new(place.0, place.1))
        .collect();
    let candidates = sites.iter().zip(places).enumerate();
    let candidates = candidates.map(|(index, (site, place))| Candidate {
        index,
        site,
        health: place.2,
    });
    let chosen = choose(candidates, from.map(Point::of), hash(b"name"));
    assert_eq!(chosen.map(|index| places[index].0), Some(expected));
}

#[test]
fn the_nearest_healthy_place_is_chosen() {
    use Health::{Down, Draining, Up};
    let all = |v, i, t| {
        [
            ("v", Some(VIRGINIA), v),
            ("i", Some(IRELAND), i),
            ("t", Some(TOKYO), t),
        ]
    };
    let boston = Some(at(42_400, -71_100));
    let seoul = Some(at(37_500, 127_000));
    check(&all(Up, Up, Up), boston, "v");
    check(&all(Up, Up, Up), seoul, "t");
    check(&all(Down, Up, Up), boston, "i");
    check(&all(Draining, Down, Up), boston, "t");
    check(&all(Draining, Down, Draining), boston, "v");
    check(&all(Down, Down, Draining), boston, "t");
    // Nobody is well: as if all were.
    check(&all(Down, Down, Down), boston, "v");
    // Across the date line.
    check(
        &[("f", Some(FIJI), Up), ("h", Some(HAWAII), Up)],
        Some(at(-14_000, -171_000)),
        "f",
    );
}

#[test]
fn a_place_without_a_location_comes_last_for_located_clients() {
    let places = [("x", None, Health::Up), ("t", Some(TOKYO), Health::Up)];
    check(&places, Some(at(-10_000, -40_000)), "t");
    check(
        &[("x", None, Health::Up), ("t", Some(TOKYO), Health::Down)],
        Some(TOKYO),
        "x",
    );
}

#[test]
fn names_spread_over_places_when_nothing_is_known() {
    let sites: Vec<Site> = ["a", "b", "c"]
        .map(|name| Site::new(name, Some(TOKYO)))
        .into();
    let mut counts = [0_u32; 3];
    for number in 0..3_000_u32 {
        let candidates = sites.iter().enumerate();
        let candidates = candidates.map(|(index, site)| Candidate {
            index,
            site,
            health: Health::Up,
        });
        let spread = hash(format!("api{number}.example").as_bytes());
        counts[choose(candidates, None, spread).unwrap()] += 1;
    }
    assert!(
        counts.iter().all(|count| (800..1_200).contains(count)),
        "{counts:?}"
    );
    assert_eq!(choose([], None, 0), None);
}

fn prior(prefix: &str, location: Location) -> Prior {
    Prior {
        prefix: prefix.parse().unwrap(),
        location,
    }
}

fn check_prior(priors: &[Prior], asked: &str, location: Option<Location>, scope: u8) {
    let asked: IpNet = asked.parse().unwrap();
    let found = Priors::of(priors).find(asked.addr(), asked.prefix_len());
    assert_eq!(
        (found.point, found.scope),
        (location.map(Point::of), scope),
        "{asked}"
    );
}

#[test]
fn scopes_separate_nested_priors() {
    let nested = [prior("10.0.0.0/8", VIRGINIA), prior("10.1.2.0/24", TOKYO)];
    check_prior(&nested, "10.1.2.0/24", Some(TOKYO), 24);
    check_prior(&nested, "10.1.3.0/24", Some(VIRGINIA), 24);
    check_prior(&nested, "10.128.0.0/24", Some(VIRGINIA), 9);
    check_prior(&nested, "11.0.0.0/24", None, 8);
    check_prior(&nested, "128.0.0.0/24", None, 1);
    // The asker shows fewer bits than the nested prior has.
    check_prior(&nested, "10.1.0.0/16", Some(VIRGINIA), 16);
    check_prior(&nested, "10.0.0.0/7", None, 7);
    check_prior(&nested, "0.0.0.0/0", None, 0);
    // Nothing is known of the family: one answer for everybody.
    check_prior(&nested, "2001:db8::/48", None, 0);
    check_prior(&[], "10.0.0.0/24", None, 0);
    check_prior(&[prior("0.0.0.0/0", TOKYO)], "10.0.0.0/24", Some(TOKYO), 0);
}

#[test]
fn neighbours_of_one_location_share_a_scope() {
    let halves = [prior("10.0.0.0/9", TOKYO), prior("10.128.0.0/9", TOKYO)];
    check_prior(&halves, "10.1.2.0/24", Some(TOKYO), 8);
    check_prior(&halves, "10.0.0.0/8", Some(TOKYO), 8);
    let v6 = [
        prior("2001:db8::/32", IRELAND),
        prior("2001:db8:1::/48", TOKYO),
    ];
    check_prior(&v6, "2001:db8:1::/56", Some(TOKYO), 48);
    check_prior(&v6, "2001:db8:8000::/56", Some(IRELAND), 33);
}

/// The definition, by looking at every prior.
fn plainly(priors: &[Prior], address: IpAddr, source: u8) -> Option<Location> {
    let asked = IpNet::new(address, source).unwrap().trunc();
    let around = priors.iter().filter(|prior| prior.prefix.contains(&asked));
    around
        .max_by_key(|prior| prior.prefix.prefix_len())
        .map(|prior| prior.location)
}

prop_compose! {
    /// Few distinct bits, so that priors nest and touch.
    fn any_priors()(
        v6 in any::<bool>(),
        parts in prop::collection::btree_map((0_u32..64, 0_u8..=9), 0_usize..4, 0..12),
    ) -> (bool, Vec<Prior>) {
        let places = [VIRGINIA, IRELAND, TOKYO, FIJI];
        let priors = parts.into_iter().map(|((bits, length), place)| {
            let prefix = IpNet::new(address(v6, bits << 26), length).unwrap().trunc();
            (prefix, Prior { prefix, location: places[place] })
        });
        let unique: std::collections::BTreeMap<_, _> = priors.collect();
        (v6, unique.into_values().collect())
    }
}

fn address(v6: bool, top: u32) -> IpAddr {
    if v6 {
        Ipv6Addr::from_bits(u128::from(top) << 96).into()
    } else {
        Ipv4Addr::from_bits(top).into()
    }
}

proptest! {
    #[test]
    fn an_answer_holds_in_its_whole_scope(
        (v6, priors) in any_priors(),
        one in any::<u32>(),
        other in any::<u32>(),
        source in 0_u8..=32,
    ) {
        let table = Priors::of(&priors);
        let found = table.find(address(v6, one), source);
        prop_assert!(found.scope <= source);
        let keep = u32::MAX.checked_shl(32 - u32::from(found.scope)).unwrap_or(0);
        let near = (one & keep) | (other & !keep);
        prop_assert_eq!(table.find(address(v6, near), source).point, found.point);
        if found.scope < source {
            // Nothing hidden matters: longer questions get the same.
            prop_assert_eq!(table.find(address(v6, near), 32).point, found.point);
        }
    }

    #[test]
    fn the_longest_prior_around_the_question_is_found(
        (v6, priors) in any_priors(),
        one in any::<u32>(),
        source in 0_u8..=32,
    ) {
        let found = Priors::of(&priors).find(address(v6, one), source);
        if found.scope == source {
            let expected = plainly(&priors, address(v6, one), source);
            // A prior that is split into parts of one location may be narrower than the question.
            let parts = Priors::of(&priors).find(address(v6, one), 32).point;
            prop_assert!(
                found.point == expected.map(Point::of) || found.point == parts,
                "{:?} instead of {:?}", found.point, expected
            );
        } else {
            let expected = plainly(&priors, address(v6, one), 32);
            prop_assert_eq!(found.point, expected.map(Point::of));
        }
    }
}
