//! Places with shares: who stays, who goes where, how widely an answer holds, and what is counted.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use model::NodeId;
use steer::{
    caps::{Kind, Shares},
    latency::{Estimate, LatencyMap, Row},
    place::Health,
};

use super::{Live, ask, responder, told, view};
use crate::{Dns, DnsSettings, Responder, Verdict};

const NAME: &str = "edge000001.execute-api.us-east-1.edgeway.test";
const IAD: &str = "203.0.113.11";
const DUB: &str = "203.0.113.13";
const NRT: &str = "203.0.113.14";

fn shares(places: &[(Kind, &str, u16)]) -> Shares {
    let places = places.iter();
    let places = places.map(|(kind, name, share)| ((*kind, (*name).to_owned()), *share));
    Shares {
        version: 1,
        places: places.collect(),
    }
}

fn pops(places: &[(&str, u16)]) -> Shares {
    let places: Vec<_> = places
        .iter()
        .map(|(name, share)| (Kind::Pop, *name, *share))
        .collect();
    shares(&places)
}

/// Says that `198.20.0.0/16` is quickest to Ireland, then Virginia, then Tokyo.
fn map() -> LatencyMap {
    let estimate = |pop, rtt_us| Estimate {
        pop,
        rtt_us,
        samples: 100,
    };
    LatencyMap {
        epoch: 1,
        pops: ["dub", "iad", "nrt"].map(str::to_owned).to_vec(),
        rows: vec![Row {
            prefix: "198.20.0.0/16".parse::<IpNet>().unwrap(),
            home: 0,
            own: true,
            estimates: vec![
                estimate(0, 10_000),
                estimate(1, 90_000),
                estimate(2, 200_000),
            ],
            explore: Some(2),
            challenger: None,
        }],
    }
}

fn steered(shares: &Shares, live: &Live) -> Responder {
    responder(&view(), live)
        .with_shares(shares)
        .with_map(&map())
}

/// What 256 neighbouring prefixes of `net` are told: the address, the scope, what it was.
fn told_to(responder: &Responder, net: &str, more: &str) -> Vec<(String, u8, Verdict)> {
    let each = (0..256).map(|third| {
        let question = format!("{NAME} A +ecs={net}.{third}.0/24 {more}");
        let (answer, verdict) = ask(responder, &question);
        let said = told(&answer);
        let address = said
            .lines()
            .find_map(|line| line.strip_prefix("an "))
            .unwrap();
        let address = address.rsplit(' ').next().unwrap().to_owned();
        let scope = said.rsplit('/').next().unwrap().parse().unwrap();
        (address, scope, verdict)
    });
    each.collect()
}

fn count(told: &[(String, u8, Verdict)], address: &str) -> usize {
    told.iter().filter(|(one, ..)| one == address).count()
}

#[test]
fn measured_clients_go_to_the_next_quickest_and_scopes_are_theirs_alone() {
    let whole = told_to(&steered(&Shares::default(), &Live::default()), "198.20", "");
    assert!(
        whole
            .iter()
            .all(|(_, scope, verdict)| *scope < 24 && verdict.spilled.is_none())
    );

    let half = steered(&pops(&[("dub", 500)]), &Live::default());
    let told = told_to(&half, "198.20", "");
    let (stay, go) = (count(&told, DUB), count(&told, IAD));
    assert!((100..=156).contains(&stay), "{stay}");
    // Others explore Tokyo: which has room, and of which too little is known.
    let explore = told.iter().filter(|(.., verdict)| verdict.explores).count();
    assert_eq!(stay + go + explore, 256);
    for (address, scope, verdict) in &told {
        assert_eq!(verdict.spilled.is_some(), address == IAD);
        assert!(verdict.explores || *scope == 24, "{scope}");
    }
    // Asking again changes nothing, and a lower share moves further ones only.
    let again = told_to(&half, "198.20", "");
    assert!(told.iter().zip(&again).all(|(a, b)| a.0 == b.0));
    let less = told_to(
        &steered(&pops(&[("dub", 200)]), &Live::default()),
        "198.20",
        "",
    );
    assert!(count(&less, DUB) < stay);
    let back = told
        .iter()
        .zip(&less)
        .filter(|(a, b)| a.0 == IAD && b.0 == DUB);
    assert_eq!(back.count(), 0);
}

#[test]
fn a_full_place_passes_on_in_its_turn() {
    let both = steered(&pops(&[("dub", 500), ("iad", 500)]), &Live::default());
    let told = told_to(&both, "198.20", "");
    let (first, second, third) = (count(&told, DUB), count(&told, IAD), count(&told, NRT));
    assert!((100..=156).contains(&first), "{first}");
    assert!((40..=90).contains(&second), "{second}");
    assert!((40..=90).contains(&third), "{third}");
}

#[test]
fn no_query_explores_a_place_over_its_cap() {
    let responder = steered(&pops(&[("nrt", 900)]), &Live::default());
    let told = told_to(&responder, "198.20", "");
    assert!(
        told.iter()
            .all(|(address, _, verdict)| address == DUB && !verdict.explores)
    );
}

#[test]
fn clients_by_coordinates_spill_too_and_so_do_regions() {
    let half = pops(&[("iad", 500)]);
    for responder in [
        responder(&view(), &Live::default()).with_shares(&half),
        steered(&half, &Live::default()),
    ] {
        let told = told_to(&responder, "198.18", "");
        // One of them is configured to be in Tokyo.
        let (stay, go) = (count(&told, IAD), count(&told, DUB));
        let other = told
            .iter()
            .filter(|(one, ..)| one == "203.0.113.12")
            .count();
        assert!((90..=166).contains(&(stay + other)), "{stay} {other}");
        assert_eq!(stay + other + go + count(&told, NRT), 256);
        assert!(count(&told, NRT) <= 2);
    }
    // Without POPs in DNS, an API at the edge is answered with regions.
    let mut bare = view();
    bare.pops.clear();
    let shares = shares(&[
        (Kind::Region, "us-east-1", 300),
        (Kind::Pop, "eu-west-1", 10),
    ]);
    let told = told_to(
        &responder(&bare, &Live::default()).with_shares(&shares),
        "198.18",
        "",
    );
    let stay = count(&told, "203.0.113.4");
    assert!((50..=105).contains(&stay), "{stay}");
    assert_eq!(stay + count(&told, "203.0.113.3"), 256);
}

#[test]
fn capping_everybody_caps_nobody_and_health_counts_first() {
    let all = pops(&[("dub", 300), ("iad", 300), ("nrt", 300)]);
    let told = told_to(&steered(&all, &Live::default()), "198.20", "");
    assert!(
        told.iter()
            .all(|(address, _, verdict)| address == DUB && verdict.spilled.is_none())
    );

    // The only one that is left takes them all, whatever it said.
    let down: Live = [
        (11, Health::Down),
        (12, Health::Down),
        (14, Health::Draining),
    ]
    .map(|(node, health)| (NodeId(node), health))
    .into_iter()
    .collect();
    let told = told_to(&steered(&pops(&[("dub", 50)]), &down), "198.20", "");
    assert_eq!(count(&told, DUB), 256);
}

#[test]
fn a_client_without_a_subnet_is_its_resolver() {
    let responder = steered(&pops(&[("dub", 500)]), &Live::default());
    let mut addresses: BTreeMap<String, usize> = BTreeMap::new();
    for third in 0..200 {
        let (answer, _) = ask(&responder, &format!("{NAME} A from=198.20.{third}.1"));
        let said = told(&answer);
        assert!(!said.contains("ecs"), "{said}");
        *addresses
            .entry(said.rsplit(' ').next().unwrap().to_owned())
            .or_default() += 1;
    }
    assert!((70..=130).contains(&addresses[DUB]), "{addresses:?}");
    // One that hides more than it shows is one client.
    let (answer, _) = ask(&responder, &format!("{NAME} A +ecs=198.20.0.0/18"));
    assert!(
        told(&answer).contains("198.20.0.0/18/18"),
        "{}",
        told(&answer)
    );
}

#[test]
fn hints_are_the_addresses_that_are_answered() {
    let responder = steered(&pops(&[("dub", 500)]), &Live::default());
    for third in [1, 2, 3, 4, 5, 6, 7, 8] {
        let subnet = format!("+ecs=198.20.{third}.0/24");
        let (plain, verdict) = ask(&responder, &format!("{NAME} A {subnet}"));
        let (service, same) = ask(&responder, &format!("{NAME} HTTPS {subnet}"));
        assert_eq!(verdict.spilled, same.spilled);
        let plain = told(&plain);
        let address = plain.lines().find(|line| line.starts_with("an ")).unwrap();
        let address = address.rsplit(' ').next().unwrap();
        assert!(
            told(&service).contains(address),
            "{} {plain}",
            told(&service)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_that_come_are_answered_by_and_counted() {
    let registry = prometheus::Registry::new();
    let (_views, view) = tokio::sync::watch::channel(Arc::new(view()));
    let (_live, live) = tokio::sync::watch::channel(Arc::new(Live::default()));
    let (publish, follow) = tokio::sync::watch::channel(Arc::new(Shares::default()));
    let drain = tokio_util::sync::CancellationToken::new();
    let dns = Dns::new(DnsSettings::default(), view, live, &registry, drain.clone()).unwrap();
    let dns = dns.with_shares(follow);
    let answers = dns.answers();
    let serving = dns
        .bind(&["127.0.0.1:0".parse().unwrap()], 1)
        .unwrap()
        .serve()
        .unwrap();
    let installed = |revision: &model::Revision| revision.0 > 0;
    drop(serving.installed().wait_for(installed).await.unwrap());
    let metric = |name: &str| {
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
    };
    let share = "edgeway_dns_place_share_per_mille{kind=\"pop\",place=\"iad\"}";
    assert_eq!(metric(share), None);
    publish.send_replace(Arc::new(pops(&[("iad", 10)])));
    let spilled = "edgeway_dns_spilled_total{kind=\"pop\",place=\"iad\"}";
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while metric(spilled).is_none() && tokio::time::Instant::now() < deadline {
        for third in 20..30 {
            let question = format!("{NAME} A +ecs=198.18.{third}.0/24");
            let query = super::query(&question);
            let asker = "192.0.2.9".parse().unwrap();
            assert!(
                answers
                    .answer(&query, asker, crate::Transport::Https)
                    .is_some()
            );
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(metric(spilled).is_some_and(|count| count > 0));
    assert_eq!(metric(share), Some(10));
    publish.send_replace(Arc::default());
    while metric(share).is_some() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(metric(share), None);
    drain.cancel();
    serving.ended().await;
}

#[test]
fn priors_are_no_wider_than_they_are_without_shares() {
    // The other half of this /16 is somewhere else: a place that takes all says so as before.
    let (answer, _) = ask(
        &steered(&pops(&[("nrt", 500)]), &Live::default()),
        &format!("{NAME} A +ecs=198.18.9.0/24"),
    );
    let (before, _) = ask(
        &steered(&Shares::default(), &Live::default()),
        &format!("{NAME} A +ecs=198.18.9.0/24"),
    );
    assert_eq!(told(&answer), told(&before));
}
