//! Rules of `apply`: each test names one rule that must hold under concurrent writers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Machine;
use crate::fixtures::{bootstrap, key, node};
use crate::{
    Api, ApiMapping, ApiPatch, Certificate, Change, ChangeId, Cluster, Content, CreateHttpApi,
    DomainName, DomainPatch, EdgeView, EndpointType, Integration, IntegrationKind,
    IntegrationPatch, IpAddressType, JoinToken, KeyState, NodeId, NodeRole, Op, QuickCreate,
    Region, Rejection, ResourceKind, Revision, Route, RouteKey, RoutePatch, SecurityPolicy, Stage,
    StagePatch, ZoneView, codec,
};

const API: &str = "a1b2c3d4e5";

struct Bench {
    machine: Machine,
    next: u128,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            machine: Machine::default(),
            next: 1,
        };
        bench.must(bootstrap());
        bench
    }

    fn change(&mut self, op: Op) -> Change {
        self.next += 1;
        Change {
            id: ChangeId(self.next),
            at_ms: 1_000 + u64::try_from(self.next).unwrap(),
            by: "test".into(),
            origin: crate::Origin::default(),
            spare_deployment: format!("auto{:03}", self.next).into(),
            op,
        }
    }

    fn apply(&mut self, op: Op) -> Result<crate::Outcome, Rejection> {
        let change = self.change(op);
        self.machine.apply(change)
    }

    fn must(&mut self, op: Op) -> crate::Outcome {
        self.apply(op).expect("the change is accepted")
    }

    fn refused(&mut self, op: Op) -> Rejection {
        let before = self.machine.config().clone();
        let rejection = self.apply(op).expect_err("the change is refused");
        assert_eq!(&before, self.machine.config(), "a refusal leaves no trace");
        rejection
    }

    fn api(&self) -> &Api {
        &self.machine.config().apis[API]
    }

    fn with_quick_api(mut self) -> Self {
        let quick = QuickCreate {
            integration: integration("i1"),
            route: Route {
                id: "r1".into(),
                key: RouteKey::Default,
                target: Some("i1".into()),
                operation_name: None,
                managed: true,
                rules: Default::default(),
            },
            stage: stage("$default", true),
        };
        self.must(Op::CreateHttpApi(Box::new(CreateHttpApi {
            api: api(),
            quick: Some(quick),
        })));
        self
    }
}

fn api() -> Api {
    crate::fixtures::http_api(API)
}

fn integration(id: &str) -> Integration {
    Integration {
        id: id.into(),
        kind: IntegrationKind::HttpProxy {
            uri: "http://backend.test".into(),
            method: None,
            server_name: None,
        },
        description: None,
        timeout_ms: 30_000,
        payload_format_version: "1.0".into(),
        managed: false,
        mapping: Default::default(),
    }
}

fn route(id: &str, key: &str) -> Route {
    Route {
        id: id.into(),
        key: RouteKey::parse(key).unwrap(),
        target: Some("i1".into()),
        operation_name: None,
        managed: false,
        rules: Default::default(),
    }
}

fn stage(name: &str, auto_deploy: bool) -> Stage {
    Stage {
        name: name.into(),
        description: None,
        deployment: None,
        auto_deploy,
        variables: BTreeMap::new(),
        tags: BTreeMap::new(),
        created_ms: 0,
        updated_ms: 0,
        managed: false,
        last_deployment_status: None,
        rest: None,
        v2: None,
    }
}

fn certificate(id: &str, names: &[&str]) -> Certificate {
    Certificate {
        id: id.into(),
        region: "us-east-1".into(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        chain_der: vec![vec![1]],
        key_der: vec![7, 7, 7],
        not_after_ms: 9,
        own: false,
        acme: None,
        stored: Revision(0),
    }
}

fn domain(name: &str) -> DomainName {
    DomainName {
        name: name.into(),
        target: "d-0123456789".into(),
        certificate: "c1".into(),
        endpoint: EndpointType::Edge,
        ip_address_type: IpAddressType::Ipv4,
        security_policy: SecurityPolicy::Tls12,
        created_ms: 1,
        tags: BTreeMap::new(),
        mappings: BTreeMap::new(),
        routing: Default::default(),
        private: None,
    }
}

mod access;
mod acme;
mod history;
mod joining;
mod v2;

#[test]
fn a_change_sent_twice_applies_once() {
    let mut bench = Bench::new();
    let new = CreateHttpApi {
        api: api(),
        quick: None,
    };
    let change = bench.change(Op::CreateHttpApi(Box::new(new)));
    let first = bench.machine.apply(change.clone());
    let again = bench.machine.apply(change);
    assert_eq!(first, again);
    assert_eq!(bench.machine.config().revision, Revision(2));
}

#[test]
fn nothing_but_bootstrap_is_accepted_before_it_and_only_once() {
    let mut machine = Machine::default();
    let change = Change {
        id: ChangeId(1),
        at_ms: 1,
        by: "t".into(),
        origin: crate::Origin::default(),
        spare_deployment: "x".into(),
        op: Op::DeleteApi(API.into()),
    };
    assert!(matches!(
        machine.apply(change),
        Err(Rejection::NotFound { .. })
    ));
    let mut bench = Bench::new();
    let cluster = Cluster::clone(bench.machine.config().cluster.as_ref().unwrap());
    let rejection = bench.refused(Op::Bootstrap {
        cluster,
        region: Region {
            name: "eu-west-1".into(),
            location: None,
        },
        node: node(1, NodeRole::Region("eu-west-1".into())),
        key: Box::new(key("AKIA2")),
    });
    assert!(matches!(
        rejection,
        Rejection::Conflict {
            kind: ResourceKind::Cluster,
            ..
        }
    ));
}

#[test]
fn a_stage_serves_a_frozen_copy_until_it_is_deployed() {
    let mut bench = Bench::new();
    bench.must(Op::CreateHttpApi(Box::new(CreateHttpApi {
        api: api(),
        quick: None,
    })));
    bench.must(Op::CreateIntegration(API.into(), integration("i1")));
    bench.must(Op::CreateRoute(API.into(), route("r1", "GET /pets")));
    bench.must(Op::CreateStage(API.into(), stage("prod", false)));
    assert_eq!(bench.api().stages["prod"].deployment, None);
    bench.must(Op::CreateDeployment {
        api: API.into(),
        id: "d1".into(),
        description: None,
        stage: Some("prod".into()),
    });
    let served = bench.api().served;
    bench.must(Op::UpdateRoute(
        API.into(),
        "r1".into(),
        RoutePatch {
            key: Some(RouteKey::parse("GET /dogs").unwrap()),
            ..Default::default()
        },
    ));
    assert_eq!(
        bench.api().served,
        served,
        "an undeployed edit is not served"
    );
    let deployments = &bench.api().deployments;
    let Content::Http(frozen) = &deployments["d1"].content else {
        panic!("not of an HTTP API");
    };
    assert_eq!(frozen.routes["r1"].key.to_string(), "GET /pets");
}

#[test]
fn an_automatic_stage_follows_every_edit_and_keeps_few_old_copies() {
    let mut bench = Bench::new().with_quick_api();
    for at in 0..20 {
        let patch = IntegrationPatch {
            timeout_ms: Some(100 + at),
            ..Default::default()
        };
        bench.must(Op::UpdateIntegration(API.into(), "i1".into(), patch));
    }
    let api = bench.api();
    let current = api.stages["$default"].deployment.clone().unwrap();
    let Content::Http(content) = &api.deployments[&current].content else {
        panic!("not of an HTTP API");
    };
    assert_eq!(content.integrations["i1"].timeout_ms, 119);
    assert_eq!(
        api.deployments.len(),
        crate::limits::AUTO_DEPLOYMENTS_KEPT + 1
    );
    assert_eq!(api.served, bench.machine.config().revision);
}

#[test]
fn a_description_alone_makes_no_deployment() {
    let mut bench = Bench::new().with_quick_api();
    let before = bench.api().deployments.len();
    let patch = StagePatch {
        description: Some("x".into()),
        ..Default::default()
    };
    bench.must(Op::UpdateStage(API.into(), "$default".into(), patch));
    let patch = ApiPatch {
        name: Some("other".into()),
        ..Default::default()
    };
    bench.must(Op::UpdateApi(API.into(), Box::new(patch)));
    assert_eq!(bench.api().deployments.len(), before);
}

#[test]
fn references_cannot_be_broken() {
    let mut bench = Bench::new().with_quick_api();
    let in_use = bench.refused(Op::DeleteIntegration(API.into(), "i1".into()));
    assert!(
        in_use.to_string().contains("referenced by Route 'r1'"),
        "{in_use}"
    );
    let deployment = bench.api().stages["$default"].deployment.clone().unwrap();
    bench.refused(Op::DeleteDeployment(API.into(), deployment));
    let mut dangling = route("r2", "GET /x");
    dangling.target = Some("nope".into());
    bench.refused(Op::CreateRoute(API.into(), dangling));

    bench.must(Op::PutCertificate(certificate("c1", &["*.example.com"])));
    bench.must(Op::CreateDomain(Box::new(domain("api.example.com"))));
    let uncovered = bench.refused(Op::CreateDomain(Box::new(domain("a.b.example.com"))));
    assert!(matches!(uncovered, Rejection::Invalid { .. }));
    let mapping = ApiMapping {
        id: "m1".into(),
        api: API.into(),
        stage: "$default".into(),
        key: "v1".into(),
    };
    bench.must(Op::CreateMapping("api.example.com".into(), mapping.clone()));
    let twice = ApiMapping {
        id: "m2".into(),
        ..mapping
    };
    bench.refused(Op::CreateMapping("api.example.com".into(), twice));
    bench.refused(Op::DeleteApi(API.into()));
    bench.refused(Op::DeleteStage(API.into(), "$default".into()));
    bench.refused(Op::DeleteCertificate("c1".into()));
    bench.must(Op::DeleteDomain("api.example.com".into()));
    bench.must(Op::DeleteApi(API.into()));
}

#[test]
fn two_routes_cannot_share_a_key() {
    let mut bench = Bench::new().with_quick_api();
    bench.must(Op::CreateRoute(API.into(), route("r2", "GET /pets")));
    bench.refused(Op::CreateRoute(API.into(), route("r3", "GET /pets")));
    bench.must(Op::CreateRoute(API.into(), route("r3", "ANY /pets")));
}

#[test]
fn a_join_token_admits_one_node_in_time() {
    let mut bench = Bench::new();
    let token = |expires_ms| JoinToken {
        id: "t1".into(),
        secret_sha256: [7; 32],
        role: NodeRole::Pop("pop-1".into()),
        created_ms: 0,
        expires_ms,
        uses_max: 1,
        used_by: Vec::new(),
    };
    let join = |secret| Op::Join {
        token: "t1".into(),
        secret_sha256: secret,
        // What the node claims to be does not matter.
        node: node(99, NodeRole::Region("us-east-1".into())),
    };
    bench.must(Op::CreateJoinToken(token(u64::MAX)));
    bench.refused(join([8; 32]));
    assert_eq!(bench.must(join([7; 32])).node, Some(NodeId(2)));
    assert_eq!(
        bench.machine.config().nodes[&NodeId(2)].role,
        NodeRole::Pop("pop-1".into())
    );
    assert!(
        bench
            .refused(join([7; 32]))
            .to_string()
            .contains("has been used")
    );
    bench.refused(Op::DeletePop("pop-1".into()));
    bench.must(Op::DeleteNode(NodeId(2)));
    bench.must(Op::DeletePop("pop-1".into()));
}

#[test]
fn a_join_token_admits_as_many_as_it_says_and_tells_whom() {
    let mut bench = Bench::new();
    let token = |uses_max| JoinToken {
        id: "t1".into(),
        secret_sha256: [7; 32],
        role: NodeRole::Dns,
        created_ms: 0,
        expires_ms: u64::MAX,
        uses_max,
        used_by: Vec::new(),
    };
    let join = || Op::Join {
        token: "t1".into(),
        secret_sha256: [7; 32],
        node: node(99, NodeRole::Dns),
    };
    bench.refused(Op::CreateJoinToken(token(0)));
    bench.must(Op::CreateJoinToken(token(2)));
    bench.must(join());
    bench.must(join());
    bench.refused(join());
    let used = &bench.machine.config().join_tokens["t1"].used_by;
    assert_eq!(used[..], [NodeId(2), NodeId(3)]);
}

#[test]
fn a_node_that_leaves_is_forgotten_with_the_node() {
    let mut bench = Bench::new();
    bench.refused(Op::DrainNode(NodeId(2)));
    bench.must(Op::DrainNode(NodeId(1)));
    bench.must(Op::DrainNode(NodeId(1)));
    assert!(bench.machine.config().leaving.contains(&NodeId(1)));
    bench.must(Op::DeleteNode(NodeId(1)));
    assert!(bench.machine.config().leaving.is_empty());
}

#[test]
fn the_last_active_key_stays() {
    let mut bench = Bench::new();
    bench.refused(Op::DeleteAccessKey("AKIA1".into()));
    bench.must(Op::CreateAccessKey(key("AKIA2")));
    bench.must(Op::SetAccessKeyState("AKIA1".into(), KeyState::Disabled));
    bench.refused(Op::SetAccessKeyState("AKIA2".into(), KeyState::Disabled));
}

#[test]
fn projections_hold_no_secrets_and_deltas_lead_to_the_same_view() {
    let mut bench = Bench::new().with_quick_api();
    bench.must(Op::PutCertificate(certificate("c1", &["*.example.com"])));
    let old = EdgeView::of(bench.machine.config());
    assert!(old.certificates.is_empty(), "nobody serves this name yet");
    let old_zone = ZoneView::of(bench.machine.config());
    bench.must(Op::CreateDomain(Box::new(domain("api.example.com"))));
    bench.must(Op::CreateAccessKey(key("AKIA2")));
    let new = EdgeView::of(bench.machine.config());
    assert_eq!(new.certificates.len(), 1);
    assert_eq!(old.after(old.delta(&new).unwrap()), new);
    let new_zone = ZoneView::of(bench.machine.config());
    assert_eq!(old_zone.after(old_zone.delta(&new_zone).unwrap()), new_zone);
    let bytes = codec::encode(codec::Kind::EdgeView, &new).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("AKIA"));
}

#[test]
fn a_machine_survives_its_codec() {
    let bench = Bench::new().with_quick_api();
    let bytes = codec::encode(codec::Kind::Machine, &bench.machine).unwrap();
    let back: Machine = codec::decode(codec::Kind::Machine, &bytes).unwrap();
    assert_eq!(back, bench.machine);
    let longer = [bytes.as_slice(), &[0]].concat();
    let error = codec::decode::<Machine>(codec::Kind::Machine, &longer).unwrap_err();
    assert_eq!(error, codec::CodecError::Length);
}

#[test]
fn route_keys_are_read_and_printed() {
    for text in [
        "$default",
        "GET /",
        "ANY /pets/{id}",
        "POST /a/b/",
        "GET /x/{proxy+}",
    ] {
        assert_eq!(RouteKey::parse(text).unwrap().to_string(), text);
    }
    for text in [
        "",
        "GET",
        "get /a",
        "GET a",
        "GET /{a+}/b",
        "GET /{a}/{a}",
        "GET /{}",
        "GET /a{b",
    ] {
        assert!(RouteKey::parse(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn decoding_anything_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = codec::decode::<Machine>(codec::Kind::Machine, &bytes);
        let _ = codec::decode::<Change>(codec::Kind::Change, &bytes);
        let head = [codec::Kind::Feed as u8, codec::Level::OLDEST.number()];
        let framed = [&head, bytes.as_slice()].concat();
        let _ = crate::FeedFrame::decode(&framed);
    }

    #[test]
    fn parsing_a_route_key_never_panics(text in "\\PC{0,40}") {
        if let Ok(key) = RouteKey::parse(&text) {
            prop_assert_eq!(RouteKey::parse(&key.to_string()), Ok(key));
        }
    }
}

#[test]
fn a_signed_zone_is_never_left_without_an_active_key() {
    use crate::{Zone, ZoneKey, ZoneKeyRole, ZoneKeyState};
    let zone = || "edgeway.test".to_owned();
    let key = |tag, role, state| ZoneKey {
        tag,
        role,
        state,
        public: vec![0; 64],
        key_der: vec![1],
        created_ms: 0,
    };
    let (active, published) = (ZoneKeyState::Active, ZoneKeyState::Published);
    let mut bench = Bench::new();
    bench.must(Op::AddZoneKey(
        zone(),
        key(1, ZoneKeyRole::Combined, active),
    ));
    bench.refused(Op::AddZoneKey(
        zone(),
        key(1, ZoneKeyRole::Combined, active),
    ));
    bench.refused(Op::DeleteZoneKey(zone(), 1));
    bench.refused(Op::SetZoneKeyState(zone(), 1, ZoneKeyState::Retired));
    bench.must(Op::AddZoneKey(
        zone(),
        key(2, ZoneKeyRole::Combined, published),
    ));
    bench.refused(Op::DeleteZoneKey(zone(), 1));
    bench.must(Op::SetZoneKeyState(zone(), 2, active));
    let states = |bench: &Bench| -> Vec<ZoneKeyState> {
        let keys = &bench.machine.config().zones["edgeway.test"].keys;
        keys.iter().map(|key| key.state).collect()
    };
    assert_eq!(states(&bench), [ZoneKeyState::Retired, active]);
    // Putting records leaves keys alone.
    bench.must(Op::PutZone(Zone {
        name: zone(),
        records: vec![],
        keys: vec![],
    }));
    bench.must(Op::DeleteZoneKey(zone(), 1));
    assert_eq!(states(&bench), [active]);
    bench.must(Op::ClearZoneKeys(zone()));
    assert_eq!(states(&bench), []);
}

#[test]
fn a_domains_security_policy_reaches_the_pops_with_the_change() {
    let mut bench = Bench::new().with_quick_api();
    bench.must(Op::PutCertificate(certificate("c1", &["*.example.com"])));
    bench.must(Op::CreateDomain(Box::new(domain("api.example.com"))));
    let old = EdgeView::of(bench.machine.config());
    let patch = DomainPatch {
        security_policy: Some(SecurityPolicy::Only13),
        ..DomainPatch::default()
    };
    bench.must(Op::UpdateDomain("api.example.com".into(), patch));
    let new = EdgeView::of(bench.machine.config());
    let policy = |view: &EdgeView| view.domains["api.example.com"].security_policy;
    assert_eq!(policy(&old), SecurityPolicy::Tls12);
    assert_eq!(policy(&new), SecurityPolicy::Only13);
    assert_eq!(old.after(old.delta(&new).unwrap()), new);
}

#[test]
fn the_format_only_rises() {
    let mut bench = Bench::new();
    let level = codec::Level::numbered;
    bench.refused(Op::RaiseFormat(level(1)));
    bench.must(Op::RaiseFormat(level(2)));
    assert_eq!(bench.machine.config().format(), level(2));
    bench.refused(Op::RaiseFormat(level(1)));
    // Whoever holds a view of another format gets a whole one.
    let raised = EdgeView::of(bench.machine.config());
    let before = EdgeView {
        format: level(1),
        ..raised.clone()
    };
    assert_eq!(
        (before.delta(&raised), raised.delta(&raised).is_some()),
        (None, true)
    );
}
