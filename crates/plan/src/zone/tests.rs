//! Look-ups in compiled views, written as one line per name.

use std::{net::IpAddr, sync::Arc};

use model::{
    ApiId, DomainId, EndpointType, NodeId, Place, PlaceNode, Record, RecordValue, Revision,
    ZoneApi, ZoneDomain, ZoneView,
};
use proptest::prelude::*;

use super::{Addresses, Found, Node, Steered, WireName, ZonePlan, split_label, suffixes};

fn node(id: u64, public: &[&str]) -> PlaceNode {
    PlaceNode {
        id: NodeId(id),
        link: "127.0.0.1:1".parse().unwrap(),
        public: public
            .iter()
            .map(|text| text.parse::<IpAddr>().unwrap())
            .collect(),
    }
}

fn record(name: &str, value: RecordValue) -> Record {
    Record {
        name: name.to_owned(),
        ttl: 30,
        value,
    }
}

fn a(name: &str, address: &str) -> Record {
    record(name, RecordValue::A(address.parse().unwrap()))
}

fn cname(name: &str, target: &str) -> Record {
    record(name, RecordValue::Cname(target.to_owned()))
}

fn ns(name: &str, target: &str) -> Record {
    record(name, RecordValue::Ns(target.to_owned()))
}

fn zone(view: &mut ZoneView, name: &str, records: Vec<Record>) {
    let zone = model::Zone {
        name: name.to_owned(),
        records,
        keys: Vec::new(),
    };
    view.zones.insert(name.to_owned(), Arc::new(zone));
}

fn domain(view: &mut ZoneView, name: &str, target: &str, endpoint: EndpointType) {
    let domain = ZoneDomain {
        target: target.to_owned(),
        endpoint,
        dualstack: true,
    };
    view.domains.insert(DomainId::from(name), domain);
}

fn view() -> ZoneView {
    let mut view = ZoneView {
        revision: Revision(0x1_0000_0007),
        base_domain: "edgeway.test".to_owned(),
        dns: vec![
            node(9, &["192.0.2.9"]),
            node(4, &["192.0.2.4", "2001:db8::4"]),
        ],
        ..ZoneView::default()
    };
    for (region, id) in [("eu-west-1", 2), ("us-east-1", 1)] {
        let place = Place {
            location: None,
            nodes: vec![node(id, &["192.0.2.1"])],
        };
        view.regions.insert(region.to_owned(), place);
    }
    let pop = Place {
        location: None,
        nodes: vec![node(5, &["192.0.2.5"])],
    };
    view.pops.insert("pop-1".to_owned(), pop);
    for (id, endpoint) in [
        ("edge000001", EndpointType::Edge),
        ("regional01", EndpointType::Regional),
        ("private001", EndpointType::Private),
    ] {
        view.apis.insert(
            ApiId::from(id),
            ZoneApi {
                endpoint,
                dualstack: false,
            },
        );
    }
    zone(
        &mut view,
        "edgeway.test",
        vec![a("www.edgeway.test", "192.0.2.80")],
    );
    view
}

fn check(view: &ZoneView, name: &str, expected: &str) {
    let (plan, _) = ZonePlan::compile(view);
    let found = plan.find(WireName::parse(name).unwrap().as_bytes());
    let told = match found {
        Found::Outside => "outside".to_owned(),
        Found::Missing(zone) => format!("missing in {}", zone.apex),
        Found::Delegated {
            zone,
            cut,
            name_servers,
            ..
        } => {
            format!(
                "delegated in {} at {cut} to {:?}",
                zone.apex, name_servers.names
            )
        }
        Found::Node(zone, node) => format!("in {}: {}", zone.apex, tell(node)),
        Found::Host(zone, steered) => format!("host in {}: {steered:?}", zone.apex),
    };
    assert_eq!(told, expected, "{name}");
}

fn tell(node: &Node) -> String {
    let mut parts = Vec::new();
    if let Some(servers) = &node.name_servers {
        parts.push(format!("ns {:?}", servers.names));
    }
    if let Some(alias) = &node.alias {
        parts.push(format!("alias {}", alias.target));
    }
    match &node.addresses {
        Addresses::None => {}
        Addresses::Fixed(fixed) => parts.push(format!("{:?} {:?}", fixed.v4, fixed.v6)),
        Addresses::Steered(Steered { to, .. }) => parts.push(format!("{to:?}")),
    }
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

fn check_diagnostics(view: &ZoneView, expected: &[&str]) {
    let (_, diagnostics) = ZonePlan::compile(view);
    let told: Vec<String> = diagnostics
        .iter()
        .map(|found| format!("{}: {}", found.at, found.message))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn the_cluster_answers_its_own_names() {
    let view = view();
    let at = "edgeway.test";
    check_diagnostics(&view, &[]);
    check(
        &view,
        at,
        "in edgeway.test: ns [ns1.edgeway.test, ns2.edgeway.test]",
    );
    check(
        &view,
        "ns1.edgeway.test",
        "in edgeway.test: [192.0.2.4] [2001:db8::4]",
    );
    check(
        &view,
        "NS2.edgeway.TEST.",
        "in edgeway.test: [192.0.2.9] []",
    );
    check(&view, "ns3.edgeway.test", "missing in edgeway.test");
    check(
        &view,
        "www.edgeway.test",
        "in edgeway.test: [192.0.2.80] []",
    );
    check(&view, "a.www.edgeway.test", "missing in edgeway.test");
    check(&view, "us-east-1.edgeway.test", "in edgeway.test: nothing");
    check(
        &view,
        "execute-api.us-east-1.edgeway.test",
        "in edgeway.test: nothing",
    );
    check(
        &view,
        "execute-api.mars-1.edgeway.test",
        "missing in edgeway.test",
    );
    for outside in ["test", "example.com", "xedgeway.test"] {
        check(&view, outside, "outside");
    }
}

#[test]
fn apis_are_found_below_every_region() {
    let mut view = view();
    domain(
        &mut view,
        "api.example.com",
        "d-edge000001",
        EndpointType::Edge,
    );
    let host = |label: &str| format!("{label}.execute-api.us-east-1.edgeway.test");
    let pops = "host in edgeway.test: Steered { to: Pops, dualstack: false }";
    check(&view, &host("edge000001"), pops);
    check(&view, "edge000001.execute-api.eu-west-1.edgeway.test", pops);
    check(
        &view,
        &host("regional01"),
        "host in edgeway.test: Steered { to: Region(1), dualstack: false }",
    );
    check(
        &view,
        &host("d-edge000001"),
        "host in edgeway.test: Steered { to: Pops, dualstack: true }",
    );
    for missing in ["private001", "unknown001", "a.edge000001"] {
        check(&view, &host(missing), "missing in edgeway.test");
    }
    // Without POPs, regions serve edge APIs.
    view.pops.clear();
    check(
        &view,
        &host("edge000001"),
        "host in edgeway.test: Steered { to: Regions, dualstack: false }",
    );
}

#[test]
fn custom_domains_are_flattened_into_our_zones() {
    let mut view = view();
    zone(
        &mut view,
        "example.com",
        vec![a("b.example.com", "192.0.2.66")],
    );
    domain(&mut view, "example.com", "d-1", EndpointType::Edge);
    domain(&mut view, "*.example.com", "d-2", EndpointType::Regional);
    domain(&mut view, "x.y.example.com", "d-3", EndpointType::Private);
    domain(&mut view, "api.example.org", "d-4", EndpointType::Edge);
    let servers = "ns [ns1.edgeway.test, ns2.edgeway.test]";
    check(
        &view,
        "example.com",
        &format!("in example.com: {servers}, Pops"),
    );
    check(&view, "shop.example.com", "in example.com: Regions");
    check(&view, "*.example.com", "in example.com: Regions");
    // One label only, and not where there is something else.
    check(&view, "a.shop.example.com", "missing in example.com");
    check(&view, "b.example.com", "in example.com: [192.0.2.66] []");
    check(&view, "a.b.example.com", "missing in example.com");
    check(&view, "x.y.example.com", "missing in example.com");
    check(&view, "api.example.org", "outside");
    check_diagnostics(&view, &[]);
}

#[test]
fn fixed_wildcards_and_empty_names_follow_rfc_4592() {
    let mut view = view();
    let records = vec![
        a("*.example.com", "192.0.2.1"),
        a("host.sub.example.com", "192.0.2.2"),
    ];
    zone(&mut view, "example.com", records);
    check(&view, "any.example.com", "in example.com: [192.0.2.1] []");
    check(
        &view,
        "some.any.example.com",
        "in example.com: [192.0.2.1] []",
    );
    check(&view, "sub.example.com", "in example.com: nothing");
    check(&view, "other.sub.example.com", "missing in example.com");
}

#[test]
fn parts_are_delegated_to_others() {
    let mut view = view();
    let records = vec![
        ns("sub.example.com", "ns.sub.example.com"),
        a("ns.sub.example.com", "192.0.2.53"),
        ns("deep.sub.example.com", "ns.sub.example.com"),
        ns("example.com", "ns.example.net"),
        ns("example.com", "ns1.edgeway.test"),
    ];
    zone(&mut view, "example.com", records);
    zone(&mut view, "own.sub.example.com", vec![]);
    let cut = "delegated in example.com at sub.example.com to [ns.sub.example.com]";
    for below in ["sub", "www.sub", "ns.sub", "deep.sub", "x.deep.sub"] {
        check(&view, &format!("{below}.example.com"), cut);
    }
    let servers = "ns [ns.example.net, ns1.edgeway.test]";
    check(&view, "example.com", &format!("in example.com: {servers}"));
    // A zone of ours below the cut is ours.
    check(
        &view,
        "www.own.sub.example.com",
        "missing in own.sub.example.com",
    );
}

#[test]
fn what_cannot_be_served_is_left_out() {
    let mut view = view();
    let records = vec![
        a("ns1.edgeway.test", "192.0.2.1"),
        a("x.execute-api.us-east-1.edgeway.test", "192.0.2.1"),
        cname("edgeway.test", "example.com"),
        cname("www.edgeway.test", "example.com"),
        a("www.edgeway.test", "192.0.2.80"),
        a("bad name.edgeway.test", "192.0.2.1"),
        cname("bad.edgeway.test", "a..b"),
        cname("api.edgeway.test", "example.com"),
    ];
    zone(&mut view, "edgeway.test", records);
    zone(&mut view, "a..b", vec![]);
    domain(&mut view, "api.edgeway.test", "d-1", EndpointType::Edge);
    domain(&mut view, "ns2.edgeway.test", "d-2", EndpointType::Edge);
    view.dns.push(node(10, &[]));
    let own = "is answered by the cluster itself";
    let beside = "a CNAME record cannot stand next to other records";
    let character = "a label has a character other than letters, digits, '-' and '_'";
    let at = "zones/edgeway.test/records";
    let hosts = "execute-api.us-east-1.edgeway.test";
    check_diagnostics(
        &view,
        &[
            "zones/a..b: a label is empty",
            "dns/ns3: the name server has no public address",
            &format!("{at}/ns1.edgeway.test: ns1.edgeway.test {own}"),
            &format!("{at}/x.{hosts}: {hosts} {own}"),
            &format!("{at}/bad name.edgeway.test: {character}"),
            &format!("{at}/edgeway.test: {beside}"),
            &format!("{at}/www.edgeway.test: {beside}"),
            &format!("{at}/bad.edgeway.test: a label is empty"),
            "domains/api.edgeway.test: its addresses replace the zone's records of this name",
            &format!("domains/ns2.edgeway.test: ns2.edgeway.test {own}"),
        ],
    );
    check(
        &view,
        "www.edgeway.test",
        "in edgeway.test: [192.0.2.80] []",
    );
    check(&view, "api.edgeway.test", "in edgeway.test: Pops");
    view.base_domain = String::new();
    check_diagnostics(&view, &["baseDomain/: a label is empty"]);
}

#[test]
fn a_zone_begins_with_its_authority() {
    let (plan, _) = ZonePlan::compile(&view());
    let zone = &plan.zones()[0];
    assert_eq!(zone.soa.serial, 7);
    assert_eq!(zone.soa.mname.to_string(), "ns1.edgeway.test");
    assert_eq!(zone.soa.rname.to_string(), "hostmaster.edgeway.test");
}

#[test]
fn names_have_limits() {
    let long = "a".repeat(63);
    assert!(WireName::parse(&long).is_ok());
    assert!(WireName::parse(&format!("{long}a")).is_err());
    let most = [long.as_str(); 3].join(".");
    let longest = format!("{most}.{}", "a".repeat(61));
    assert_eq!(WireName::parse(&longest).unwrap().as_bytes().len(), 255);
    assert!(WireName::parse(&format!("{longest}a")).is_err());
    for wrong in ["", ".", "a..b", ".a", "a b", "a*.b", "ä.b"] {
        assert!(WireName::parse(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_looked_up(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (plan, _) = ZonePlan::compile(&view());
        let _ = plan.find(&bytes);
        let _ = split_label(&bytes);
        prop_assert!(suffixes(&bytes).all(|suffix| bytes.ends_with(suffix)));
    }
}

#[test]
fn a_zone_lists_its_names_and_the_zones_right_below_it() {
    let mut view = view();
    view.zones.clear();
    zone(
        &mut view,
        "example.com",
        vec![a("www.example.com", "192.0.2.1")],
    );
    let below = vec![a("www.sub.example.com", "192.0.2.2")];
    zone(&mut view, "sub.example.com", below);
    zone(&mut view, "a.b.sub.example.com", Vec::new());
    view.domains = model::Table::default();
    let (plan, _) = ZonePlan::compile(&view);
    let names = |apex: &str| {
        let mut zones = plan.zones().iter();
        let zone = zones.find(|zone| zone.apex.to_string() == apex);
        let mut names: Vec<String> = plan
            .names_of(zone.unwrap())
            .iter()
            .map(ToString::to_string)
            .collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(
        names("example.com"),
        "example.com sub.example.com www.example.com"
    );
    assert_eq!(
        names("sub.example.com"),
        "a.b.sub.example.com b.sub.example.com sub.example.com www.sub.example.com"
    );
    // What is between two zones is there, but empty (RFC 8020).
    let between = WireName::parse("b.sub.example.com").unwrap();
    assert!(matches!(plan.find(between.as_bytes()), Found::Node(_, node) if !node.apex));
}
