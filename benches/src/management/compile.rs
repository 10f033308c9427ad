//! What the nodes do with a configuration of so many APIs, at once and after a change to one.

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use model::{
    Api, ApiId, ApiKind, Authority, Change, ChangeId, Cluster, Config, CreateHttpApi, EdgeView,
    EndpointType, HttpApi, Integration, IntegrationKind, IntegrationPatch, IpAddressType, Machine,
    Node, NodeId, NodeRole, Op, Origin, QuickCreate, Region, Revision, Route, RouteKey, Stage,
    ZoneView, codec,
};
use plan::{edge::EdgePlan, region::RegionPlan, zone::ZonePlan};

use super::{SIZES, table};

/// Repetitions of what takes long, and of what does not.
const FEW: u32 = 3;
const MANY: u32 = 50;

pub(super) fn measure() -> String {
    let columns: Vec<Vec<(&str, Duration)>> = SIZES.map(figures).into();
    let names = columns.first().into_iter().flatten().map(|(name, _)| *name);
    let rows: Vec<Vec<String>> = names
        .enumerate()
        .map(|(at, name)| {
            let figures = columns.iter().filter_map(|column| column.get(at));
            let shown = figures.map(|(_, took)| format!("{:.1}", took.as_secs_f64() * 1e6));
            std::iter::once(name.to_owned()).chain(shown).collect()
        })
        .collect();
    let head = ["microseconds with so many APIs", "1", "100", "10,000"];
    table(
        "a configuration, and a change to one API of it",
        &head,
        &rows,
    )
}

fn figures(apis: usize) -> Vec<(&'static str, Duration)> {
    let mut machine = machine(apis);
    let before = Arc::clone(machine.config());
    let mut number = 0;
    let apply = time(MANY, || {
        number += 1;
        machine.apply(alter(number)).is_ok()
    });
    let after = Arc::clone(machine.config());
    let plan = RegionPlan::compile(&before).0;
    let view = Arc::new(EdgeView::of(&before));
    let next = Arc::new(view.next(&before, &after));
    let edge = EdgePlan::compile(&view).0;
    let zone = ZoneView::of(&before);
    vec![
        ("applying a change", apply),
        (
            "a region's plan, whole",
            time(FEW, || RegionPlan::compile(&before)),
        ),
        (
            "a region's plan, after a change",
            time(MANY, || plan.compile_from(&after)),
        ),
        (
            "a POP's view, whole",
            time(FEW, || EdgeView::of(&before).sum()),
        ),
        (
            "a POP's view and delta, after a change",
            time(MANY, || {
                let next = view.next(&before, &after);
                let delta = view.delta(&next);
                (next.sum(), codec::encode(codec::Kind::Feed, &delta))
            }),
        ),
        (
            "a POP's plan, whole",
            time(FEW, || EdgePlan::compile(&view)),
        ),
        (
            "a POP's plan, after a change",
            time(MANY, || edge.compile_from(&next)),
        ),
        (
            "a DNS node's view, after a change",
            time(MANY, || zone.next(&before, &after).sum()),
        ),
        (
            "a DNS node's plan, whole",
            time(FEW, || ZonePlan::compile(&zone)),
        ),
        (
            "a snapshot of the machine, encoded",
            time(FEW, || codec::encode(codec::Kind::Machine, &machine)),
        ),
    ]
}

/// The mean of `times` runs; the first one more is not counted.
fn time<T>(times: u32, mut run: impl FnMut() -> T) -> Duration {
    black_box(run());
    let mut all = Duration::ZERO;
    for _ in 0..times {
        let began = Instant::now();
        let made = black_box(run());
        all += began.elapsed();
        drop(made);
    }
    all / times
}

fn machine(apis: usize) -> Machine {
    let mut machine = Machine::default();
    machine
        .apply(change(0, bootstrap()))
        .expect("a first change sets the cluster up");
    for number in 0..apis {
        let op = Op::CreateHttpApi(Box::new(create(&id(number))));
        let number = u128::try_from(number).unwrap_or(0);
        machine
            .apply(change(1 + number, op))
            .expect("an api can be made");
    }
    // A part that the plans do not have, so that nothing is measured that does nothing.
    assert_eq!(Config::clone(machine.config()).apis.len(), apis);
    machine
}

fn id(number: usize) -> String {
    format!("api{number:07}")
}

/// Alters the first API so that it is deployed and served anew.
fn alter(number: u128) -> Change {
    let patch = IntegrationPatch {
        description: Some(format!("number {number}")),
        ..IntegrationPatch::default()
    };
    let op = Op::UpdateIntegration(ApiId::from(id(0)), "backend".into(), patch);
    change(1_000_000 + number, op)
}

fn change(id: u128, op: Op) -> Change {
    Change {
        id: ChangeId(id),
        at_ms: 1,
        by: "bench".to_owned(),
        origin: Origin::default(),
        spare_deployment: format!("deploy{id}").into(),
        op,
    }
}

fn bootstrap() -> Op {
    Op::Bootstrap {
        cluster: Cluster {
            name: "bench".to_owned(),
            base_domain: "edgeway.test".to_owned(),
            account_id: "000000000000".to_owned(),
            authority: Authority {
                certificate_der: vec![],
                key_der: vec![],
            },
            created_ms: 0,
            format: codec::Level::OLDEST,
        },
        region: Region {
            name: "us-east-1".into(),
            location: None,
        },
        node: Node {
            id: NodeId(1),
            role: NodeRole::Region("us-east-1".into()),
            link: ([127, 0, 0, 1], 4433).into(),
            public: vec![[192, 0, 2, 1].into()],
            management: None,
            joined_ms: 0,
        },
        key: Box::new(model::AccessKey::unrestricted(
            "AKIA1", "secret", "admin", 0,
        )),
    }
}

fn create(id: &str) -> CreateHttpApi {
    let integration = Integration {
        id: "backend".into(),
        kind: IntegrationKind::HttpProxy {
            uri: "http://backend.test/".to_owned(),
            method: None,
            server_name: None,
        },
        description: None,
        timeout_ms: 30_000,
        payload_format_version: "1.0".to_owned(),
        managed: true,
        mapping: Box::default(),
    };
    let route = Route {
        id: "route".into(),
        key: RouteKey::Default,
        target: Some("backend".into()),
        operation_name: None,
        managed: true,
        rules: Box::default(),
    };
    let stage = Stage {
        name: "$default".into(),
        description: None,
        deployment: None,
        auto_deploy: true,
        variables: BTreeMap::new(),
        tags: BTreeMap::new(),
        created_ms: 0,
        updated_ms: 0,
        managed: true,
        last_deployment_status: None,
        rest: None,
        v2: None,
    };
    CreateHttpApi {
        api: Api {
            id: id.into(),
            name: "bench".to_owned(),
            description: None,
            version: None,
            home: "us-east-1".into(),
            endpoint: EndpointType::Edge,
            created_ms: 0,
            served: Revision(0),
            disable_execute_api_endpoint: false,
            ip_address_type: IpAddressType::Ipv4,
            tags: BTreeMap::new(),
            kind: ApiKind::Http(HttpApi::default()),
            stages: BTreeMap::new(),
            deployments: BTreeMap::new(),
        },
        quick: Some(QuickCreate {
            integration,
            route,
            stage,
        }),
    }
}
