//! Packets that any host may send to a DNS node, to a cluster with two POPs and a zone.
#![no_main]

use std::{
    net::Ipv4Addr,
    sync::{Arc, LazyLock},
};

use dns::{Live, Responder};
use model::{
    ApiId, EndpointType, NodeId, Place, PlaceNode, Record, RecordValue, Zone, ZoneApi, ZoneView,
};
use plan::zone::ZonePlan;
use steer::place::Priors;

static RESPONDER: LazyLock<Responder> = LazyLock::new(|| {
    let (plan, _) = ZonePlan::compile(&view());
    let priors = Priors::of(plan.priors.iter().map(Arc::as_ref));
    Responder::new(Arc::new(plan), Arc::new(priors), &Live::default(), 60)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dns::fuzz::packet(&RESPONDER, bytes));

fn view() -> ZoneView {
    let place = |id: u8| Place {
        location: None,
        nodes: vec![PlaceNode {
            id: NodeId(id.into()),
            link: (Ipv4Addr::LOCALHOST, 1).into(),
            public: vec![Ipv4Addr::new(203, 0, 113, id).into()],
        }],
    };
    let record = |name: &str, value| Record {
        name: name.to_owned(),
        ttl: 30,
        value,
    };
    let zone = Zone {
        name: "example.com".to_owned(),
        records: vec![
            record(
                "www.example.com",
                RecordValue::A(Ipv4Addr::new(192, 0, 2, 80)),
            ),
            record(
                "alias.example.com",
                RecordValue::Cname("www.example.com".to_owned()),
            ),
            record("*.wild.example.com", RecordValue::Txt(vec![b"w".to_vec()])),
        ],
        keys: Vec::new(),
    };
    let api = ZoneApi {
        endpoint: EndpointType::Edge,
        dualstack: false,
    };
    ZoneView {
        base_domain: "edgeway.test".to_owned(),
        regions: [("us-east-1".to_owned(), place(3))].into(),
        pops: [("iad".to_owned(), place(11)), ("dub".to_owned(), place(12))].into(),
        apis: [(ApiId::from("edge000001"), api)].into(),
        zones: [(zone.name.clone(), Arc::new(zone))].into(),
        ..ZoneView::default()
    }
}
