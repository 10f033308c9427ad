//! Tests of the POP's plan.

use std::sync::Arc;

use model::{
    ApiId, CertificateId, DomainId, EdgeApi, EdgeCertificate, EdgeDomain, EdgeView, NodeId, Place,
    PlaceNode, Revision, SecurityPolicy,
};
use proptest::prelude::*;

use super::{EdgePlan, HostKind};

fn view() -> EdgeView {
    let mut view = EdgeView {
        revision: Revision(7),
        cluster: "c1".into(),
        base_domain: "edgeway.test".into(),
        ..EdgeView::default()
    };
    for (region, node) in [("us-east-1", 1), ("eu-west-1", 2)] {
        let link = ([127, 0, 0, 1], 9000).into();
        let node = PlaceNode {
            id: NodeId(node),
            link,
            public: vec![],
        };
        view.regions.insert(
            region.into(),
            Place {
                location: None,
                nodes: vec![node],
            },
        );
    }
    let api = |disabled, generation| EdgeApi {
        default_endpoint_disabled: disabled,
        generation,
    };
    view.apis.insert("aaaaaaaaaa".into(), api(false, 3));
    view.apis.insert("bbbbbbbbbb".into(), api(true, 4));
    let domain = |apis: &[&str], mappings| EdgeDomain {
        target: "d-0000000000".into(),
        apis: apis.iter().map(|id| ApiId::from(*id)).collect(),
        mappings,
        security_policy: SecurityPolicy::Tls12,
    };
    view.domains.insert(
        "api.example.com".into(),
        domain(&["aaaaaaaaaa", "bbbbbbbbbb"], 1),
    );
    view.domains
        .insert("*.example.com".into(), domain(&["bbbbbbbbbb"], 2));
    view
}

#[test]
fn a_plan_made_from_another_is_the_one_made_at_once() {
    let old = view();
    let first = plan(old.clone());
    let mut next = old.clone();
    next.apis.get_mut("aaaaaaaaaa").unwrap().generation += 1;
    let (step, diagnostics) = first.compile_from(&Arc::new(next.clone()));
    // The API's own endpoint, and the one domain that leads to it.
    assert_eq!((step.made(), diagnostics.len()), (2, 0));
    assert_same(&step, &next);
    next.apis.remove("bbbbbbbbbb");
    next.domains.remove("*.example.com");
    let (step, diagnostics) = step.compile_from(&Arc::new(next.clone()));
    assert_eq!((step.made(), diagnostics.len()), (1, 1), "{diagnostics:?}");
    assert_same(&step, &next);
    next.domains.remove("api.example.com");
    let (step, diagnostics) = step.compile_from(&Arc::new(next.clone()));
    assert_eq!((step.made(), diagnostics.len()), (0, 0));
    assert_same(&step, &next);
}

#[test]
fn what_a_change_makes_does_not_grow_with_the_number_of_apis() {
    let mut large = view();
    for index in 0..10_000 {
        let api = large.apis["aaaaaaaaaa"].clone();
        large.apis.insert(format!("api{index:07}").into(), api);
    }
    let first = plan(large.clone());
    large.apis.get_mut("api0005000").unwrap().generation += 1;
    assert_eq!(first.compile_from(&Arc::new(large)).0.made(), 1);
}

fn assert_same(step: &EdgePlan, view: &EdgeView) {
    let whole = plan(view.clone());
    for host in [
        "aaaaaaaaaa.execute-api.us-east-1.edgeway.test",
        "bbbbbbbbbb.execute-api.us-east-1.edgeway.test",
        "api.example.com",
        "other.example.com",
    ] {
        assert_eq!(step.find(host), whole.find(host), "{host}");
    }
}

fn plan(view: EdgeView) -> EdgePlan {
    EdgePlan::compile(&Arc::new(view)).0
}

/// Checks which APIs `host` leads to; an empty list stands for "unknown".
#[track_caller]
fn check(host: &str, expected: &[&str]) {
    let plan = plan(view());
    let found = plan.find(host).map_or(vec![], |host| host.apis.clone());
    let found: Vec<&str> = found.iter().map(ApiId::as_str).collect();
    assert_eq!(found, expected, "{host}");
}

#[test]
fn default_endpoints_answer_in_any_region_of_the_cluster() {
    check(
        "aaaaaaaaaa.execute-api.us-east-1.edgeway.test",
        &["aaaaaaaaaa"],
    );
    check(
        "aaaaaaaaaa.execute-api.eu-west-1.edgeway.test:8443",
        &["aaaaaaaaaa"],
    );
    check(
        "AAAAAAAAAA.Execute-API.us-east-1.EDGEWAY.test.",
        &["aaaaaaaaaa"],
    );
    check("aaaaaaaaaa.execute-api.ap-south-1.edgeway.test", &[]);
    check("cccccccccc.execute-api.us-east-1.edgeway.test", &[]);
    check("x.aaaaaaaaaa.execute-api.us-east-1.edgeway.test", &[]);
    check("aaaaaaaaaa.execute-api.us-east-1.notedgeway.test", &[]);
    check("aaaaaaaaaa.execute-api.us-east-1xedgeway.test", &[]);
    check("aaaaaaaaaa.other.us-east-1.edgeway.test", &[]);
}

#[test]
fn custom_domains_match_exactly_before_their_wildcard() {
    check("api.example.com", &["aaaaaaaaaa", "bbbbbbbbbb"]);
    check("API.example.com:443", &["aaaaaaaaaa", "bbbbbbbbbb"]);
    check("other.example.com", &["bbbbbbbbbb"]);
    check("a.other.example.com", &[]);
    check("example.com", &[]);
    check(".example.com", &[]);
    check("*.example.com", &["bbbbbbbbbb"]);
}

#[test]
fn strange_hosts_lead_nowhere() {
    for host in [
        "",
        ".",
        ":",
        ":80",
        "[::1]:80",
        "127.0.0.1",
        "d-0000000000.execute-api",
        "\u{e9}",
    ] {
        check(host, &[]);
    }
    check(&"a.".repeat(500), &[]);
}

#[test]
fn a_disabled_default_endpoint_is_known_as_such() {
    let plan = plan(view());
    let host = plan
        .find("bbbbbbbbbb.execute-api.us-east-1.edgeway.test")
        .unwrap();
    assert!(host.disabled);
    assert_eq!(host.kind, HostKind::Default);
    assert!(!plan.find("other.example.com").unwrap().disabled);
}

#[test]
fn the_generation_changes_with_deployments_and_mappings() {
    let of = |view: EdgeView| plan(view).find("api.example.com").unwrap().generation;
    let first = of(view());
    let mut deployed = view();
    deployed.apis.get_mut("bbbbbbbbbb").unwrap().generation += 1;
    let mut mapped = view();
    mapped.domains.get_mut("api.example.com").unwrap().mappings += 1;
    assert_ne!(first, of(deployed));
    assert_ne!(first, of(mapped));
    assert_eq!(first, of(view()));
}

#[test]
fn what_is_broken_is_left_out_and_named() {
    let mut view = view();
    let domain = view.domains.get("api.example.com").unwrap().clone();
    view.domains
        .insert(DomainId::from("Upper.example.com"), domain.clone());
    let dangling = EdgeDomain {
        apis: vec![ApiId::from("cccccccccc")],
        ..domain
    };
    view.domains
        .insert(DomainId::from("dangling.example.com"), dangling);
    let good = EdgeCertificate {
        names: vec!["*.edgeway.test".into()],
        chain_der: vec![vec![1]],
        key_der: vec![2],
    };
    view.certificates
        .insert(CertificateId::from("good"), Arc::new(good.clone()));
    let bad = EdgeCertificate {
        chain_der: vec![],
        ..good
    };
    view.certificates
        .insert(CertificateId::from("bad"), Arc::new(bad));
    let (plan, diagnostics) = EdgePlan::compile(&Arc::new(view));
    let at: Vec<&str> = diagnostics.iter().map(|found| found.at.as_str()).collect();
    assert_eq!(
        at,
        [
            "domains/Upper.example.com",
            "domains/dangling.example.com",
            "certificates/bad"
        ]
    );
    assert_eq!(plan.certificates().count(), 1);
    assert!(plan.find("dangling.example.com").is_some());
}

#[test]
fn an_empty_plan_knows_nothing() {
    let plan = EdgePlan::default();
    assert_eq!(plan.revision(), Revision(0));
    assert!(plan.find("a.execute-api.us-east-1.").is_none());
    assert!(plan.find("a.execute-api.us-east-1").is_none());
}

proptest! {
    #[test]
    fn finding_never_panics_and_ignores_case(host in "\\PC{0,80}") {
        let plan = plan(view());
        let found = plan.find(&host).map(|host| host.apis.clone());
        let lower = host.to_ascii_lowercase();
        prop_assert_eq!(found, plan.find(&lower).map(|host| host.apis.clone()));
    }
}

#[test]
fn every_domain_has_its_policy() {
    let mut view = view();
    let wild = view.domains.get_mut("*.example.com").expect("a domain");
    wild.security_policy = SecurityPolicy::Only13;
    let plan = plan(view);
    let policies: Vec<_> = plan.security_policies().collect();
    let wanted = [
        ("*.example.com", SecurityPolicy::Only13),
        ("api.example.com", SecurityPolicy::Tls12),
    ];
    assert_eq!(policies, wanted);
}
