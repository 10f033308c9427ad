//! From a query's bytes to the answer's bytes: what the DNS role does for each packet, without
//! its socket.
//!
//! A thousand APIs, twenty POPs, ten thousand priors; the query carries a client subnet.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use dns::{Live, Responder, Transport};
use ipnet::{IpNet, Ipv4Net};
use model::{
    ApiId, EndpointType, Location, NodeId, Place, PlaceNode, Prior, Revision, Zone, ZoneApi,
    ZoneView,
};
use plan::zone::ZonePlan;
use steer::place::Priors;

const BASE: &str = "edgeway.test";

fn answer(criterion: &mut Criterion) {
    let view = view();
    let (plan, diagnostics) = ZonePlan::compile(&view);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let priors = Priors::of(view.priors.values().map(Arc::as_ref));
    let responder = Responder::new(Arc::new(plan), Arc::new(priors), &Live::default(), 60);
    let query = query("api0000500.execute-api.region-0.edgeway.test");
    let asker = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut out = Vec::with_capacity(512);
    let mut answer = |query: &[u8]| responder.answer(query, asker, Transport::Udp, &mut out);
    let verdict = answer(&query);
    assert_eq!(
        (verdict.code, verdict.malformed),
        (Some(0), None),
        "it must be answered"
    );
    criterion.bench_function("dns/steered address, client subnet", |bencher| {
        bencher.iter(|| answer(black_box(&query)));
    });
    let unknown = self::query("nothing.here.edgeway.test");
    assert_eq!(answer(&unknown).code, Some(3), "NXDOMAIN");
    criterion.bench_function("dns/no such name", |bencher| {
        bencher.iter(|| answer(black_box(&unknown)));
    });
}

fn view() -> ZoneView {
    let api = |n: i32| {
        let api = ZoneApi {
            endpoint: EndpointType::Edge,
            dualstack: false,
        };
        (ApiId::from(format!("api{n:07}")), api)
    };
    let prior = |n: u16| {
        let [high, low] = n.to_be_bytes();
        let net = Ipv4Net::new_assert(Ipv4Addr::new(10, high, low, 0), 24);
        let prefix = IpNet::V4(net);
        (
            prefix,
            Arc::new(Prior {
                prefix,
                location: at(n),
            }),
        )
    };
    let zone = Zone {
        name: BASE.to_owned(),
        records: vec![],
        keys: vec![],
    };
    ZoneView {
        challenges: BTreeMap::new(),
        certificates: BTreeMap::new(),
        revision: Revision(1),
        format: model::codec::Level::OLDEST,
        cluster: "bench".to_owned(),
        base_domain: BASE.to_owned(),
        regions: (0..3).map(|n| place("region", n)).collect(),
        pops: (0..20).map(|n| place("pop", n)).collect(),
        dns: vec![node(250)],
        apis: (0..1_000).map(api).collect(),
        domains: model::Table::default(),
        zones: BTreeMap::from([(BASE.to_owned(), Arc::new(zone))]),
        priors: (0..10_000).map(prior).collect(),
    }
}

fn at(n: u16) -> Location {
    let n = i32::from(n);
    Location {
        latitude_micro: n * 7_919 % 90_000 * 1_000,
        longitude_micro: n * 15_485 % 180_000 * 1_000,
    }
}

fn place(kind: &str, n: u8) -> (String, Place) {
    let location = Some(at(u16::from(n) * 37));
    (
        format!("{kind}-{n}"),
        Place {
            location,
            nodes: vec![node(n)],
        },
    )
}

fn node(n: u8) -> PlaceNode {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, n));
    PlaceNode {
        id: NodeId(u64::from(n) + 1),
        link: SocketAddr::new(address, 4433),
        public: vec![address],
    }
}

/// RFC 1035, section 4.1: a query of type A, with an OPT record (RFC 6891) that carries a client
/// subnet (RFC 7871) of 10.20.30.0/24.
fn query(name: &str) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        let length = u8::try_from(label.len()).expect("labels of the names above are short");
        bytes.push(length);
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 11]);
    bytes.extend([0, 8, 0, 7, 0, 1, 24, 0, 10, 20, 30]);
    bytes
}

criterion_group!(benches, answer);
criterion_main!(benches);
