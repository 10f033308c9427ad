//! Choosing: the region for a forwarded request, and the place for a DNS answer.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use ipnet::{IpNet, Ipv4Net};
use model::{Location, NodeId, Prior, RegionName};
use steer::place::{Candidate, Health, Priors, Site, choose, hash};
use steer::region::{Answer, Probe, RegionSettings, Regions};

/// Five regions of three nodes, all live: the choice that a POP makes for each request.
fn region(criterion: &mut Criterion) {
    let mut regions = Regions::new(RegionSettings::default());
    let nodes: Vec<(NodeId, RegionName)> = (1..=15)
        .map(|n| (NodeId(n), RegionName::from(format!("region-{}", n % 5))))
        .collect();
    regions.set_nodes(&nodes, 0);
    for (id, _) in &nodes {
        let rtt_us = 10_000 * (id.0 % 5 + 1);
        let answer = Answer {
            rtt_us,
            limit: 1_000,
            service_p50_us: 2_000,
            ..Answer::default()
        };
        let fallen = regions.probed(*id, Probe::Answered(answer), 250);
        assert!(fallen.is_empty(), "an answer cannot make a node fall");
    }
    let order = regions.order();
    let mut number = 0;
    criterion.bench_function("steer/region of 5 with 3 nodes each", |bencher| {
        bencher.iter(|| {
            number += 1;
            order
                .choose(black_box(100_000), number, &[])
                .map(|chosen| chosen.node)
        });
    });
    criterion.bench_function("steer/one probe's answer taken in", |bencher| {
        let answer = Answer {
            rtt_us: 10_000,
            limit: 1_000,
            ..Answer::default()
        };
        bencher.iter(|| regions.probed(NodeId(1), Probe::Answered(black_box(answer)), 500));
    });
}

/// Twenty places and ten thousand priors: the choice behind each DNS answer.
fn place(criterion: &mut Criterion) {
    let at = |n: i32| Location {
        latitude_micro: n * 7_919 % 90_000 * 1_000,
        longitude_micro: n * 15_485 % 180_000 * 1_000,
    };
    let priors: Vec<Prior> = (0..10_000_u16)
        .map(|n| {
            let [high, low] = n.to_be_bytes();
            let net = Ipv4Net::new_assert(Ipv4Addr::new(10, high, low, 0), 24);
            Prior {
                prefix: IpNet::V4(net),
                location: at(i32::from(n)),
            }
        })
        .collect();
    let priors = Priors::of(&priors);
    let sites: Vec<Site> = (0..20)
        .map(|n| Site::new(&format!("pop-{n}"), Some(at(n * 37))))
        .collect();
    let name = hash(b"a1b2c3d4e5.execute-api.us-east-1.edgeway.test");
    let answer = |address: IpAddr| {
        let found = priors.find(address, 24);
        let candidates = sites.iter().enumerate();
        let candidates = candidates.map(|(index, site)| Candidate {
            index,
            site,
            health: Health::Up,
        });
        (choose(candidates, found.point, name), found.scope)
    };
    let client = IpAddr::V4(Ipv4Addr::new(10, 20, 30, 40));
    assert!(
        answer(client).0.is_some(),
        "there are places to choose from"
    );
    criterion.bench_function("steer/place of 20, by one of 10000 priors", |bencher| {
        bencher.iter(|| answer(black_box(client)));
    });
}

criterion_group!(benches, region, place);
criterion_main!(benches);
