//! Tests of the responder: a table of questions and answers, garbage, and real sockets.
//!
//! This file has what they share: a cluster with two regions and three POPs, and questions and
//! answers as text.

mod answers;
mod broken;
mod caps;
mod geo;
mod guards;
mod records;
mod signing;
mod sockets;
mod transfers;
mod transports;

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        DNSClass, Name, Record, RecordType,
        rdata::opt::{ClientSubnet, EdnsCode, EdnsOption},
    },
    serialize::binary::{BinDecodable, BinDecoder},
};
use model::{
    ApiId, DomainId, EndpointType, Location, NodeId, Place, PlaceNode, Prior, RecordValue,
    Revision, ZoneApi, ZoneDomain, ZoneView,
};
use plan::zone::ZonePlan;
use steer::place::Priors;

use crate::{Live, Responder, Transport, Verdict, service::Alpn};

pub(crate) const VIRGINIA: Location = at(38_900, -77_500);
pub(crate) const IRELAND: Location = at(53_300, -6_300);
pub(crate) const TOKYO: Location = at(35_700, 139_700);

const fn at(latitude_milli: i32, longitude_milli: i32) -> Location {
    Location {
        latitude_micro: latitude_milli * 1_000,
        longitude_micro: longitude_milli * 1_000,
    }
}

fn node(id: u64, public: &[&str]) -> PlaceNode {
    PlaceNode {
        id: NodeId(id),
        link: "127.0.0.1:1".parse().unwrap(),
        public: public.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn record(name: &str, value: RecordValue) -> model::Record {
    model::Record {
        name: name.to_owned(),
        ttl: 30,
        value,
    }
}

fn records() -> Vec<model::Record> {
    let cname = |name: &str, to: &str| record(name, RecordValue::Cname(to.to_owned()));
    let mut records = vec![
        record(
            "www.example.com",
            RecordValue::A(Ipv4Addr::new(192, 0, 2, 80)),
        ),
        record(
            "www.example.com",
            RecordValue::A(Ipv4Addr::new(192, 0, 2, 81)),
        ),
        cname("alias.example.com", "www.example.com"),
        cname("api.example.com", "d-1.execute-api.us-east-1.edgeway.test"),
        cname("away.example.com", "www.example.net"),
        cname("broken.example.com", "none.example.com"),
        cname("loop1.example.com", "loop2.example.com"),
        cname("loop2.example.com", "loop1.example.com"),
        record(
            "part.example.com",
            RecordValue::Ns("ns.part.example.com".to_owned()),
        ),
        record(
            "ns.part.example.com",
            RecordValue::A(Ipv4Addr::new(192, 0, 2, 53)),
        ),
    ];
    records.extend(others());
    for number in 0..40_u8 {
        let address = Ipv4Addr::new(198, 51, 100, number);
        records.push(record("many.example.com", RecordValue::A(address)));
    }
    records
}

/// A record of each type that is answered as it is.
fn others() -> Vec<model::Record> {
    let service = |priority, target: &str, params: &[(u16, &[u8])]| model::Service {
        priority,
        target: target.to_owned(),
        params: params
            .iter()
            .map(|(key, value)| (*key, value.to_vec()))
            .collect(),
    };
    vec![
        record(
            "example.com",
            RecordValue::Mx {
                preference: 10,
                exchange: "mail.example.com".to_owned(),
            },
        ),
        record(
            "example.com",
            RecordValue::Txt(vec![b"v=spf1".to_vec(), b"-all".to_vec()]),
        ),
        record(
            "_x._tcp.example.com",
            RecordValue::Srv {
                priority: 1,
                weight: 2,
                port: 443,
                target: "www.example.com".to_owned(),
            },
        ),
        record(
            "example.com",
            RecordValue::Caa {
                flags: 0,
                tag: "issue".to_owned(),
                value: b"ca.example.net".to_vec(),
            },
        ),
        record(
            "signed.example.com",
            RecordValue::Ns("ns.part.example.com".to_owned()),
        ),
        record(
            "signed.example.com",
            RecordValue::Ds {
                tag: 7,
                algorithm: 13,
                digest_type: 2,
                digest: vec![0xAB; 32],
            },
        ),
        record(
            "www.example.com",
            RecordValue::Https(service(1, ".", &[(1, b"\x02h2"), (3, &[1, 187])])),
        ),
        record(
            "svc.example.com",
            RecordValue::Svcb(service(0, "www.example.com", &[])),
        ),
        record("*.wild.example.com", RecordValue::Txt(vec![b"w".to_vec()])),
    ]
}

/// A cluster: POPs in Virginia (nodes 11, 12), Ireland (13, both families), Tokyo (14).
pub(crate) fn view() -> ZoneView {
    let mut view = ZoneView {
        revision: Revision(7),
        base_domain: "edgeway.test".to_owned(),
        dns: vec![
            node(1, &["192.0.2.1", "2001:db8::1"]),
            node(2, &["192.0.2.2"]),
        ],
        ..ZoneView::default()
    };
    let place = |location, nodes| Place {
        location: Some(location),
        nodes,
    };
    view.regions = [
        ("eu-west-1", place(IRELAND, vec![node(3, &["203.0.113.3"])])),
        (
            "us-east-1",
            place(VIRGINIA, vec![node(4, &["203.0.113.4"])]),
        ),
    ]
    .map(|(name, place)| (name.to_owned(), place))
    .into();
    view.pops = [
        (
            "iad",
            place(
                VIRGINIA,
                vec![node(11, &["203.0.113.11"]), node(12, &["203.0.113.12"])],
            ),
        ),
        (
            "dub",
            place(IRELAND, vec![node(13, &["203.0.113.13", "2001:db8::13"])]),
        ),
        ("nrt", place(TOKYO, vec![node(14, &["203.0.113.14"])])),
    ]
    .map(|(name, place)| (name.to_owned(), place))
    .into();
    add_endpoints(&mut view);
    let zone = model::Zone {
        name: "example.com".to_owned(),
        records: records(),
        keys: Vec::new(),
    };
    view.zones.insert(zone.name.clone(), Arc::new(zone));
    for (prefix, location) in [
        ("198.18.0.0/16", VIRGINIA),
        ("198.18.7.0/24", TOKYO),
        ("198.19.0.0/16", IRELAND),
        ("2001:db8:a::/48", IRELAND),
    ] {
        let prior = Prior {
            prefix: prefix.parse().unwrap(),
            location,
        };
        view.priors.insert(prior.prefix, Arc::new(prior));
    }
    view
}

fn add_endpoints(view: &mut ZoneView) {
    for (id, endpoint, dualstack) in [
        ("edge000001", EndpointType::Edge, false),
        ("dual000001", EndpointType::Edge, true),
        ("regional01", EndpointType::Regional, false),
        ("private001", EndpointType::Private, false),
    ] {
        view.apis.insert(
            ApiId::from(id),
            ZoneApi {
                endpoint,
                dualstack,
            },
        );
    }
    for (name, target) in [("example.com", "d-1"), ("*.shop.example.com", "d-2")] {
        let (endpoint, target) = (EndpointType::Edge, target.to_owned());
        let domain = ZoneDomain {
            target,
            endpoint,
            dualstack: false,
        };
        view.domains.insert(DomainId::from(name), domain);
    }
}

pub(crate) fn responder(view: &ZoneView, live: &Live) -> Responder {
    let (plan, diagnostics) = ZonePlan::compile(view);
    assert_eq!(diagnostics, []);
    let priors = Priors::of(plan.priors.iter().map(Arc::as_ref));
    let alpn = Alpn::of(&["h3".to_owned(), "h2".to_owned()]);
    Responder::new(Arc::new(plan), Arc::new(priors), live, 60).with_alpn(Arc::new(alpn))
}

/// A question such as `www.example.com A +rd +ecs=198.18.7.0/24`.
pub(crate) fn query(text: &str) -> Vec<u8> {
    let mut words = text.split_whitespace();
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    // Unlike `parse`, this keeps the case.
    let name = Name::from_ascii(words.next().unwrap()).unwrap();
    let kind = match words.next().unwrap() {
        "IXFR" => RecordType::IXFR,
        kind => kind.parse().unwrap(),
    };
    let mut question = Query::query(name, kind);
    let mut edns: Option<Edns> = None;
    for word in words.filter(|word| !matches!(*word, "+tcp") && !word.starts_with("from=")) {
        match word.split_once('=').unwrap_or((word, "")) {
            ("+rd", _) => message.metadata.recursion_desired = true,
            ("+cd", _) => message.metadata.checking_disabled = true,
            ("+ch", _) => drop(question.set_query_class(DNSClass::CH)),
            ("+notify", _) => message.metadata.op_code = OpCode::Notify,
            ("+do", _) => drop(edns.get_or_insert_default().set_dnssec_ok(true)),
            ("+edns", size) => {
                edns.get_or_insert_default()
                    .set_max_payload(size.parse().unwrap());
            }
            ("+version", version) => {
                edns.get_or_insert_default()
                    .set_version(version.parse().unwrap());
            }
            ("+ecs", prefix) => {
                let (address, length) = prefix.split_once('/').unwrap();
                let length = length.parse().unwrap();
                let subnet = ClientSubnet::new(address.parse().unwrap(), length, 0);
                let options = edns.get_or_insert_default().options_mut();
                options.insert(EdnsOption::Subnet(subnet));
            }
            _ => panic!("unknown word {word}"),
        }
    }
    message.add_query(question);
    if let Some(edns) = edns {
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

/// An answer as text: code and flags, records by section, OPT.
pub(crate) fn told(bytes: &[u8]) -> String {
    let mut decoder = BinDecoder::new(bytes);
    let message = Message::read(&mut decoder).expect("answers can be read");
    assert!(decoder.is_empty(), "nothing is behind an answer");
    assert_eq!(
        (message.id, message.message_type),
        (0x1234, MessageType::Response)
    );
    assert!(!message.recursion_available && !message.authentic_data);
    let mut out = format!("{:?}", message.response_code).to_uppercase();
    for (set, flag) in [
        (message.authoritative, "aa"),
        (message.truncation, "tc"),
        (message.recursion_desired, "rd"),
        (message.checking_disabled, "cd"),
    ] {
        if set {
            write!(out, " {flag}").unwrap();
        }
    }
    for (section, records) in [
        ("an", &message.answers),
        ("au", &message.authorities),
        ("ad", &message.additionals),
    ] {
        for record in records {
            write!(out, "\n{section} {}", line(record)).unwrap();
        }
    }
    if let Some(edns) = &message.edns {
        assert_eq!(edns.version(), 0);
        write!(out, "\nopt {}", edns.max_payload()).unwrap();
        if edns.flags().dnssec_ok {
            out.push_str(" do");
        }
        if let Some(EdnsOption::Subnet(subnet)) = edns.option(EdnsCode::Subnet) {
            let (source, scope) = (subnet.source_prefix(), subnet.scope_prefix());
            write!(out, " ecs {}/{source}/{scope}", subnet.addr()).unwrap();
        }
    }
    out
}

fn line(record: &Record) -> String {
    let (name, ttl, kind) = (&record.name, record.ttl, record.record_type());
    format!("{name} {ttl} {kind} {}", record.data)
        .trim_end()
        .to_owned()
}

/// Asks a responder; a question may end in `+tcp` and `from=ADDRESS`.
pub(crate) fn ask(responder: &Responder, question: &str) -> (Vec<u8>, Verdict) {
    let transport = if question.contains("+tcp") {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    let from = question
        .split_whitespace()
        .find_map(|word| word.strip_prefix("from="));
    let asker: IpAddr = from.unwrap_or("192.0.2.200").parse().unwrap();
    let mut answer = Vec::new();
    let verdict = responder.answer(&query(question), asker, transport, &mut answer);
    (answer, verdict)
}
