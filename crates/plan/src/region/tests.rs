//! Plans: where requests lead, what broken parts become, and what a new plan reuses.

mod links;
mod matcher;
mod unserved;

use std::{collections::BTreeMap, sync::Arc};

use lang::uri_template::Value;
use model::{
    Api, ApiKind, ApiMapping, Authority, Cluster, Config, Content, Cors, Deployment, DeploymentId,
    DomainName, EndpointType, HttpContent, Integration, IntegrationKind, IpAddressType, Region,
    Revision, Route, RouteKey, SecurityPolicy, Stage,
};

use super::{Action, Entrance, Miss, RegionPlan};

// === building configurations ===

fn route(index: usize, key: &str, target: Option<&str>) -> Route {
    Route {
        id: format!("r{index}").as_str().into(),
        key: RouteKey::parse(key).unwrap(),
        target: target.map(Into::into),
        operation_name: None,
        managed: false,
        rules: Default::default(),
    }
}

fn integration(id: &str, uri: &str) -> Integration {
    Integration {
        id: id.into(),
        kind: IntegrationKind::HttpProxy {
            uri: uri.to_owned(),
            method: None,
            server_name: None,
        },
        description: None,
        timeout_ms: 30_000,
        payload_format_version: "1.0".to_owned(),
        managed: false,
        mapping: Default::default(),
    }
}

/// Content with one integration for all routes.
pub(super) fn content(keys: &[&str], uri: &str) -> HttpContent {
    let routes = keys
        .iter()
        .enumerate()
        .map(|(index, key)| route(index, key, Some("i")));
    HttpContent {
        routes: routes
            .map(|route| (route.id.clone(), Arc::new(route)))
            .collect(),
        integrations: [("i".into(), Arc::new(integration("i", uri)))].into(),
        ..HttpContent::default()
    }
}

pub(super) fn stage(name: &str, deployment: Option<&str>, variables: &[(&str, &str)]) -> Stage {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Stage {
        name: name.into(),
        description: None,
        deployment: deployment.map(Into::into),
        auto_deploy: false,
        variables: variables.collect(),
        tags: BTreeMap::new(),
        created_ms: 0,
        updated_ms: 0,
        managed: false,
        last_deployment_status: None,
        rest: None,
        v2: None,
    }
}

pub(super) fn api(id: &str, content: HttpContent, stages: Vec<Stage>) -> Api {
    let deployment = Deployment::of(DeploymentId::from("d"), Content::Http(content), 0);
    Api {
        id: id.into(),
        name: "test".to_owned(),
        description: None,
        version: None,
        home: "us-east-1".into(),
        endpoint: EndpointType::Edge,
        created_ms: 0,
        served: Revision(1),
        disable_execute_api_endpoint: false,
        ip_address_type: IpAddressType::Ipv4,
        tags: BTreeMap::new(),
        kind: ApiKind::Http(model::HttpApi::default()),
        stages: stages
            .into_iter()
            .map(|stage| (stage.name.clone(), stage))
            .collect(),
        deployments: [(deployment.id.clone(), Arc::new(deployment))].into(),
    }
}

pub(super) fn domain(name: &str, mappings: &[(&str, &str, &str)]) -> DomainName {
    let mappings = mappings.iter().map(|(key, api, stage)| ApiMapping {
        id: format!("m-{key}").as_str().into(),
        api: (*api).into(),
        stage: (*stage).into(),
        key: (*key).to_owned(),
    });
    DomainName {
        name: name.into(),
        target: "d-0123456789".to_owned(),
        certificate: "c".into(),
        endpoint: EndpointType::Regional,
        ip_address_type: IpAddressType::Ipv4,
        security_policy: SecurityPolicy::Tls12,
        created_ms: 0,
        tags: BTreeMap::new(),
        mappings: mappings
            .map(|mapping| (mapping.id.clone(), mapping))
            .collect(),
        routing: Default::default(),
        private: None,
    }
}

pub(super) fn config(apis: Vec<Api>, domains: Vec<DomainName>) -> Config {
    let authority = Authority {
        certificate_der: Vec::new(),
        key_der: Vec::new(),
    };
    let cluster = Cluster {
        name: "test".to_owned(),
        base_domain: "Edgeway.test".to_owned(),
        account_id: "000000000000".to_owned(),
        authority,
        created_ms: 0,
        format: model::codec::Level::OLDEST,
    };
    let regions = ["us-east-1", "eu-west-1"].map(|name| {
        (
            name.into(),
            Arc::new(Region {
                name: name.into(),
                location: None,
            }),
        )
    });
    Config {
        revision: Revision(7),
        cluster: Some(Arc::new(cluster)),
        regions: regions.into(),
        apis: apis
            .into_iter()
            .map(|api| (api.id.clone(), Arc::new(api)))
            .collect(),
        domains: domains
            .into_iter()
            .map(|d| (d.name.clone(), Arc::new(d)))
            .collect(),
        ..Config::default()
    }
}

fn plan(config: &Config) -> RegionPlan {
    let (plan, diagnostics) = RegionPlan::compile(config);
    assert_eq!(diagnostics, []);
    plan
}

/// `stage path -> route key`, or the miss.
fn lead(plan: &RegionPlan, entrance: Entrance, host: &str, method: &str, path: &str) -> String {
    match plan.find(entrance, host, path) {
        Err(miss) => format!("{miss:?}"),
        Ok(found) => {
            let route = found
                .stage
                .route(method, found.path)
                .map_or("-", |route| route.key());
            format!("{} /{} -> {route}", found.stage.name(), found.path)
        }
    }
}

const HOST: &str = "a1.execute-api.us-east-1.edgeway.test";

// === routes ===

/// Which route key answers, with `keys` configured.
#[track_caller]
fn check_route(keys: &[&str], method: &str, path: &str, expected: &str) {
    let content = content(keys, "http://b.test");
    let plan = plan(&config(
        vec![api("a1", content, vec![stage("$default", Some("d"), &[])])],
        vec![],
    ));
    let found = plan.find(Entrance::Regional, HOST, path).unwrap();
    let route = found
        .stage
        .route(method, found.path)
        .map_or("-", |route| route.key());
    assert_eq!(route, expected, "{method} {path}");
}

#[test]
fn documented_example() {
    let keys = [
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "$default",
    ];
    check_route(&keys, "GET", "/pets/dog/1", "GET /pets/dog/1");
    check_route(&keys, "GET", "/pets/dog/2", "GET /pets/dog/{id}");
    check_route(&keys, "GET", "/pets/cat/1", "GET /pets/{proxy+}");
    check_route(&keys, "POST", "/test/5", "ANY /{proxy+}");
    check_route(&keys, "POST", "/pets/dog/1", "ANY /{proxy+}");
    check_route(&keys, "GET", "/", "$default");
}

#[test]
fn literals_beat_variables_and_methods_beat_any() {
    let keys = [
        "ANY /a/{x}",
        "GET /a/b",
        "ANY /a/b",
        "GET /{x}/c",
        "POST /a/{x}/d",
    ];
    check_route(&keys, "GET", "/a/b", "GET /a/b");
    check_route(&keys, "PUT", "/a/b", "ANY /a/b");
    check_route(&keys, "GET", "/a/c", "ANY /a/{x}");
    check_route(&keys, "GET", "/z/c", "GET /{x}/c");
    check_route(&keys, "POST", "/z/c", "-");
    check_route(&keys, "POST", "/a/b/d", "POST /a/{x}/d");
}

#[test]
fn search_goes_back() {
    let keys = [
        "GET /a/b/c",
        "GET /a/{x}/d",
        "GET /{y}/b/e",
        "GET /a/{p+}",
        "ANY /{q+}",
    ];
    check_route(&keys, "GET", "/a/b/c", "GET /a/b/c");
    check_route(&keys, "GET", "/a/b/d", "GET /a/{x}/d");
    check_route(&keys, "GET", "/a/b/e", "GET /{y}/b/e");
    check_route(&keys, "GET", "/a/b/f", "GET /a/{p+}");
    check_route(&keys, "PUT", "/a/b/d", "ANY /{q+}");
}

#[test]
fn trailing_slash_is_significant() {
    let keys = ["GET /pets", "GET /pets/{id}", "GET /x/"];
    check_route(&keys, "GET", "/pets", "GET /pets");
    check_route(&keys, "GET", "/pets/", "-");
    check_route(&keys, "GET", "/x/", "GET /x/");
    check_route(&keys, "GET", "/x", "-");
    check_route(&["GET /pets/{p+}"], "GET", "/pets/", "-");
    check_route(&["GET /pets/{p+}"], "GET", "/pets", "-");
    check_route(&["GET /pets/{p+}"], "GET", "/pets//", "GET /pets/{p+}");
    check_route(&["GET /"], "GET", "/", "GET /");
    check_route(&["ANY /{p+}"], "GET", "/", "-");
}

#[test]
fn literals_compare_decoded() {
    let keys = ["GET /pets", "GET /a%20b", "ANY /{p+}"];
    check_route(&keys, "GET", "/%70ets", "GET /pets");
    check_route(&keys, "GET", "/a%20b", "GET /a%20b");
    check_route(&keys, "GET", "/pe%2Fts", "ANY /{p+}");
}

#[test]
fn parameters_keep_their_encoding() {
    let content = content(&["GET /a/{x}/{rest+}"], "http://b.test/{rest}/{x}");
    let plan = plan(&config(
        vec![api("a1", content, vec![stage("$default", Some("d"), &[])])],
        vec![],
    ));
    let found = plan
        .find(Entrance::Pop, HOST, "/a/b%20c/d%2Fe//f/")
        .unwrap();
    let route = found.stage.route("GET", found.path).unwrap();
    assert_eq!(
        route.parameter("x", found.path),
        Some(Value::Segment("b%20c"))
    );
    assert_eq!(
        route.parameter("rest", found.path),
        Some(Value::Greedy("d%2Fe//f/"))
    );
    assert_eq!(route.parameter("other", found.path), None);
}

// === hosts, stages, domains ===

#[test]
fn stages_of_the_default_endpoint() {
    let stages = || {
        vec![
            stage("$default", Some("d"), &[]),
            stage("prod", Some("d"), &[]),
        ]
    };
    let keys = ["GET /a", "GET /", "GET /prod"];
    let plan = plan(&config(
        vec![
            api("a1", content(&keys, "http://b.test"), stages()),
            api(
                "a2",
                content(&keys, "http://b.test"),
                vec![stage("prod", Some("d"), &[])],
            ),
            api(
                "a3",
                content(&keys, "http://b.test"),
                vec![stage("$default", None, &[])],
            ),
        ],
        vec![],
    ));
    let check = |host: &str, path: &str, expected: &str| {
        assert_eq!(
            lead(&plan, Entrance::Regional, host, "GET", path),
            expected,
            "{host}{path}"
        );
    };
    check(HOST, "/a", "$default /a -> GET /a");
    check(HOST, "/prod/a", "prod /a -> GET /a");
    check(HOST, "/prod", "prod / -> GET /");
    check(HOST, "/prod/", "prod / -> GET /");
    check(HOST, "/prod/prod", "prod /prod -> GET /prod");
    check(HOST, "/production/a", "$default /production/a -> -");
    check(HOST, "/$default/a", "$default /$default/a -> -");
    check(
        "A1.Execute-API.eu-west-1.EDGEWAY.test.:8443",
        "/a",
        "$default /a -> GET /a",
    );
    check("a2.execute-api.us-east-1.edgeway.test", "/a", "UnknownPath");
    check(
        "a2.execute-api.us-east-1.edgeway.test",
        "/prod/a",
        "prod /a -> GET /a",
    );
    check(
        "a3.execute-api.us-east-1.edgeway.test",
        "/a",
        "$default /a -> -",
    );
    check("a9.execute-api.us-east-1.edgeway.test", "/a", "UnknownHost");
    check(
        "a1.execute-api.ap-south-1.edgeway.test",
        "/a",
        "UnknownHost",
    );
    check(
        "d-0123456789.execute-api.us-east-1.edgeway.test",
        "/a",
        "UnknownHost",
    );
    check("edgeway.test", "/a", "UnknownHost");
    check("", "/a", "UnknownHost");
    check("[::1]:80", "/a", "UnknownHost");
}

#[test]
fn domains_and_mappings() {
    let keys = [
        "GET /x",
        "GET /",
        "GET /ordersandmore",
        "GET /andmore",
        "GET /orders/x",
    ];
    let stages = || {
        vec![
            stage("s1", Some("d"), &[]),
            stage("s2", Some("d"), &[]),
            stage("s3", Some("d"), &[]),
        ]
    };
    let api = api("a1", content(&keys, "http://b.test"), stages());
    let plan = plan(&config(
        vec![api],
        vec![
            domain("one.test", &[("orders", "a1", "s1"), ("", "a1", "s2")]),
            domain(
                "multi.test",
                &[
                    ("orders", "a1", "s1"),
                    ("orders/v1", "a1", "s3"),
                    ("", "a1", "s2"),
                ],
            ),
            domain("only.test", &[("orders", "a1", "s1")]),
            domain("*.wild.test", &[("", "a1", "s1")]),
            domain("exact.wild.test", &[("", "a1", "s2")]),
            domain("lost.test", &[("", "a9", "s1"), ("stage", "a1", "s9")]),
        ],
    ));
    let check = |host: &str, path: &str, expected: &str| {
        assert_eq!(
            lead(&plan, Entrance::Regional, host, "GET", path),
            expected,
            "{host}{path}"
        );
    };
    check("one.test", "/orders/x", "s1 /x -> GET /x");
    check("one.test", "/orders", "s1 / -> GET /");
    check("one.test", "/x", "s2 /x -> GET /x");
    check(
        "one.test",
        "/ordersandmore",
        "s2 /ordersandmore -> GET /ordersandmore",
    );
    check(
        "multi.test",
        "/ordersandmore",
        "s1 /andmore -> GET /andmore",
    );
    check("multi.test", "/orders/v1/x", "s3 /x -> GET /x");
    check("multi.test", "/orders/x", "s1 /x -> GET /x");
    check("multi.test", "/x", "s2 /x -> GET /x");
    check("only.test", "/x", "UnknownPath");
    check("a.wild.test", "/x", "s1 /x -> GET /x");
    check("exact.wild.test:443", "/x", "s2 /x -> GET /x");
    check("a.b.wild.test", "/x", "UnknownHost");
    check(".wild.test", "/x", "UnknownHost");
    check("wild.test", "/x", "UnknownHost");
    check("lost.test", "/x", "UnknownPath");
    check("lost.test", "/stage/x", "UnknownPath");
}

#[test]
fn entrances_see_their_endpoint_types() {
    let with = |id: &str, endpoint| {
        let mut api = api(
            id,
            content(&["$default"], "http://b.test"),
            vec![stage("$default", Some("d"), &[])],
        );
        api.endpoint = endpoint;
        api
    };
    let mut edge = domain(
        "edge.test",
        &[("", "a1", "$default"), ("p", "a3", "$default")],
    );
    edge.endpoint = EndpointType::Edge;
    let mut off = with("a4", EndpointType::Edge);
    off.disable_execute_api_endpoint = true;
    let apis = vec![
        with("a1", EndpointType::Edge),
        with("a2", EndpointType::Regional),
        with("a3", EndpointType::Private),
        off,
    ];
    let domains = vec![edge, domain("regional.test", &[("", "a1", "$default")])];
    let plan = plan(&config(apis, domains));
    let check = |entrance, host: &str, path: &str, expected: Option<Miss>| {
        let host = host.replace(".X", ".execute-api.us-east-1.edgeway.test");
        let miss = plan.find(entrance, &host, path).err();
        assert_eq!(miss, expected, "{entrance:?} {host}");
    };
    let unknown = Some(Miss::UnknownHost);
    check(Entrance::Pop, "a1.X", "/", None);
    check(Entrance::Pop, "a2.X", "/", unknown);
    check(Entrance::Pop, "a3.X", "/", unknown);
    check(Entrance::Pop, "edge.test", "/", None);
    check(Entrance::Pop, "regional.test", "/", unknown);
    check(Entrance::Regional, "a1.X", "/", None);
    check(Entrance::Regional, "a2.X", "/", None);
    check(Entrance::Regional, "a3.X", "/", unknown);
    check(Entrance::Regional, "regional.test", "/", None);
    check(
        Entrance::Regional,
        "edge.test",
        "/p/x",
        Some(Miss::UnknownPath),
    );
    check(Entrance::Private, "a3.X", "/", None);
    check(Entrance::Private, "a1.X", "/", unknown);
    check(
        Entrance::Regional,
        "a4.X",
        "/",
        Some(Miss::EndpointDisabled),
    );
}

// === broken parts, reuse ===

#[test]
fn broken_parts_harm_nothing_else() {
    let mut parts = content(&["GET /ok"], "http://b.test/${stageVariables.v}");
    for route in [
        route(10, "GET /none", None),
        route(11, "GET /lost", Some("zz")),
        route(12, "GET /p/{id}", Some("p")),
        route(13, "GET /p/{other}", Some("i")),
    ] {
        parts.routes.insert(route.id.clone(), Arc::new(route));
    }
    parts
        .integrations
        .insert("p".into(), Arc::new(integration("p", "http://b.test/{no}")));
    let stages = vec![
        stage("good", Some("d"), &[("v", "1")]),
        stage("bad", Some("d"), &[]),
        stage("gone", Some("zz"), &[]),
    ];
    let (plan, diagnostics) = RegionPlan::compile(&config(vec![api("a1", parts, stages)], vec![]));
    let told = |at: &str| {
        diagnostics
            .iter()
            .any(|d| d.at == format!("apis/a1/stages/{at}"))
    };
    assert!(told("gone") && told("bad/routes/GET /ok") && !told("good/routes/GET /ok"));
    assert!(told("good/routes/GET /none") && told("good/routes/GET /lost"));
    assert!(told("good/routes/GET /p/{id}") && told("good/routes/GET /p/{other}"));
    let action = |path: &str| {
        let found = plan.find(Entrance::Pop, HOST, path).unwrap();
        let route = found.stage.route("GET", found.path).unwrap();
        matches!(route.action(), Action::HttpProxy(_))
    };
    assert!(action("/good/ok"));
    assert!(!action("/bad/ok") && !action("/good/none") && !action("/good/p/1"));
}

#[test]
fn a_new_plan_reuses_what_has_not_changed() {
    let one = |id: &str| {
        api(
            id,
            content(&["GET /x"], "http://b.test"),
            vec![stage("$default", Some("d"), &[])],
        )
    };
    let before = config(
        vec![one("a1"), one("a2")],
        vec![domain("d.test", &[("", "a1", "$default")])],
    );
    let old = plan(&before);
    let mut after = before.clone();
    after.revision = Revision(8);
    after.apis.insert(
        "a2".into(),
        Arc::new(api(
            "a2",
            content(&["GET /y"], "x"),
            vec![stage("$default", Some("d"), &[])],
        )),
    );
    let (new, diagnostics) = old.compile_from(&after);
    assert_eq!((new.revision(), diagnostics.len()), (Revision(8), 1));
    let kept = |id: &str| Arc::ptr_eq(old.apis.get(id).unwrap(), new.apis.get(id).unwrap());
    assert!(kept("a1") && !kept("a2"));
    let domain = |plan: &RegionPlan| Arc::clone(plan.domains.get("d.test").unwrap());
    assert!(Arc::ptr_eq(&domain(&old), &domain(&new)));
    assert_eq!((old.compiled(), new.compiled()), (3, 1));
    // The diagnostics of a reused part are told again.
    let (_, again) = new.compile_from(&after);
    assert_eq!(again, diagnostics);
    after.apis.remove("a1");
    let (last, _) = new.compile_from(&after);
    assert_eq!(
        lead(&last, Entrance::Regional, HOST, "GET", "/x"),
        "UnknownHost"
    );
    assert_eq!(
        lead(&last, Entrance::Regional, "d.test", "GET", "/x"),
        "UnknownPath"
    );
}

#[test]
fn origins_of_cross_origin_rules() {
    let rules = |origins: &[&str]| {
        let mut parts = content(&["GET /x"], "http://b.test");
        parts.cors = Some(Cors {
            allow_origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            ..Cors::default()
        });
        plan(&config(
            vec![api("a1", parts, vec![stage("$default", Some("d"), &[])])],
            vec![],
        ))
    };
    let allows = |origins: &[&str], origin: &str| {
        let plan = rules(origins);
        plan.find(Entrance::Pop, HOST, "/")
            .unwrap()
            .stage
            .cors()
            .unwrap()
            .allows(origin)
    };
    assert!(allows(&["*"], "null"));
    assert!(allows(&["https://*"], "https://a.test") && !allows(&["https://*"], "http://a.test"));
    assert!(allows(&["http://*"], "http://a.test:81"));
    assert!(allows(&["https://A.test"], "https://a.test"));
    assert!(!allows(&["https://a.test"], "https://b.a.test") && !allows(&[], "https://a.test"));
}
