//! From host, method and path to the route: what every request pays in a region.
//!
//! An API as large as Amazon's default quota allows (300 routes), asked for a literal route, for
//! one with variables, and for nothing it knows.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use model::{
    Api, ApiId, ApiKind, Authority, Cluster, Config, Content, Deployment, DeploymentId,
    EndpointType, HttpApi, HttpContent, Integration, IntegrationId, IntegrationKind, IpAddressType,
    Region, RegionName, Revision, Route, RouteId, RouteKey, Stage, StageName,
};
use plan::region::{Entrance, RegionPlan};

const HOST: &str = "a1b2c3d4e5.execute-api.us-east-1.edgeway.test";

fn find(criterion: &mut Criterion) {
    let (plan, diagnostics) = RegionPlan::compile(&config());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let route = |path: &str| {
        let found = plan.find(Entrance::Regional, HOST, path).ok()?;
        found.stage.route("GET", found.path)
    };
    let cases = [
        ("literal", "/things-99/list", true),
        ("variables", "/things-99/42/parts/7", true),
        ("unknown", "/things-99/42/none", false),
    ];
    for (name, path, known) in cases {
        assert_eq!(route(path).is_some(), known, "{path}");
        criterion.bench_function(&format!("route/{name}, 300 routes"), |bencher| {
            bencher.iter(|| route(black_box(path)).is_some());
        });
    }
}

fn config() -> Config {
    let region = RegionName::from("us-east-1");
    let api = api(&region);
    Config {
        revision: Revision(1),
        cluster: Some(Arc::new(Cluster {
            name: "bench".to_owned(),
            base_domain: "edgeway.test".to_owned(),
            account_id: "000000000000".to_owned(),
            authority: Authority {
                certificate_der: vec![],
                key_der: vec![],
            },
            created_ms: 0,
            format: model::codec::Level::OLDEST,
        })),
        regions: BTreeMap::from([(
            region.clone(),
            Arc::new(Region {
                name: region,
                location: None,
            }),
        )]),
        apis: [(api.id.clone(), Arc::new(api))].into(),
        ..Config::default()
    }
}

fn api(home: &RegionName) -> Api {
    let content = content();
    let deployment = DeploymentId::from("deploy");
    let stage = Stage {
        name: StageName::from("$default"),
        description: None,
        deployment: Some(deployment.clone()),
        auto_deploy: true,
        variables: BTreeMap::new(),
        tags: BTreeMap::new(),
        created_ms: 0,
        updated_ms: 0,
        managed: false,
        last_deployment_status: None,
        rest: None,
        v2: None,
    };
    let frozen = Deployment {
        id: deployment.clone(),
        description: None,
        created_ms: 0,
        auto: true,
        content: Content::Http(content.clone()),
    };
    Api {
        id: ApiId::from("a1b2c3d4e5"),
        name: "bench".to_owned(),
        description: None,
        version: None,
        home: home.clone(),
        endpoint: EndpointType::Edge,
        created_ms: 0,
        served: Revision(1),
        disable_execute_api_endpoint: false,
        ip_address_type: IpAddressType::Ipv4,
        tags: BTreeMap::new(),
        kind: ApiKind::Http(HttpApi {
            content,
            ..HttpApi::default()
        }),
        stages: BTreeMap::from([(stage.name.clone(), stage)]),
        deployments: BTreeMap::from([(deployment, Arc::new(frozen))]),
    }
}

/// 100 resources with three routes each.
fn content() -> HttpContent {
    let integration = IntegrationId::from("backend");
    let shapes = ["list", "{id}", "{id}/parts/{part}"];
    let keys = (0..100).flat_map(|n| shapes.map(|shape| format!("GET /things-{n}/{shape}")));
    let routes = keys.enumerate().map(|(n, key)| {
        let id = RouteId::from(format!("route{n:03}"));
        let key = RouteKey::parse(&key).expect("the keys above are well formed");
        let target = Some(integration.clone());
        let route = Route {
            id: id.clone(),
            key,
            target,
            operation_name: None,
            managed: false,
            rules: Box::default(),
        };
        (id, Arc::new(route))
    });
    let routes = routes.collect();
    let backend = Integration {
        id: integration.clone(),
        kind: IntegrationKind::HttpProxy {
            uri: "http://backend.test/".to_owned(),
            method: None,
            server_name: None,
        },
        description: None,
        timeout_ms: 30_000,
        payload_format_version: "1.0".to_owned(),
        managed: false,
        mapping: Box::default(),
    };
    let integrations = BTreeMap::from([(integration, Arc::new(backend))]);
    HttpContent {
        routes,
        integrations,
        cors: None,
        ..HttpContent::default()
    }
}

criterion_group!(benches, find);
criterion_main!(benches);
