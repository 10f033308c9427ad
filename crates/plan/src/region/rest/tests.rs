//! Which resource answers, and what a broken or a shared part does.

use std::sync::Arc;

use model::{
    ApiKind, Config, Content, HttpContent,
    rest::{
        self, Aggregate, AggregatePart, AuthorizationType, Integration, IntegrationSettings,
        IntegrationType, Merge, Method, MethodSettings, OnFailure, Passthrough, Resource,
        ResponseTransfer, RestApi, Verb,
    },
};

use super::{
    super::{
        Entrance, Miss, RegionPlan,
        tests::{api, config, domain, stage},
    },
    Backend,
};
use crate::Diagnostic;

const HOST: &str = "r1.execute-api.us-east-1.edgeway.test";

fn method(kind: IntegrationType, uri: Option<&str>) -> Arc<Method> {
    let settings = IntegrationSettings {
        kind,
        http_method: Some("GET".to_owned()),
        uri: uri.map(str::to_owned),
        connection_type: None,
        connection_id: None,
        target: None,
        credentials: None,
        request_parameters: [].into(),
        request_templates: [].into(),
        passthrough: Passthrough::WhenNoMatch,
        content_handling: None,
        timeout_ms: 1000,
        cache_namespace: String::new(),
        cache_key_parameters: Vec::new(),
        insecure_skip_verification: None,
        response_transfer: ResponseTransfer::Buffered,
    };
    Arc::new(Method {
        settings: MethodSettings {
            authorization: AuthorizationType::None,
            authorizer: None,
            scopes: Vec::new(),
            api_key_required: false,
            operation_name: None,
            validator: None,
            request_parameters: [].into(),
            request_models: [].into(),
        },
        responses: [].into(),
        integration: Some(Integration {
            settings,
            responses: [].into(),
        }),
        aggregate: None,
    })
}

/// Content with these paths, each with the verbs behind it; parents come by themselves.
fn content(paths: &[(&str, &[Verb])]) -> rest::Content {
    let mut content = rest::Content::empty("root".into());
    for (path, verbs) in paths {
        let mut at: model::ResourceId = "root".into();
        let mut so_far = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            so_far = format!("{so_far}/{part}");
            let id = model::ResourceId::from(so_far.as_str());
            content.resources.entry(id.clone()).or_insert_with(|| {
                Arc::new(Resource {
                    id: id.clone(),
                    parent: Some(at),
                    part: part.to_owned(),
                    methods: [].into(),
                })
            });
            at = id;
        }
        let resource = content.resources.get_mut(&at).unwrap();
        for verb in *verbs {
            let mock = method(IntegrationType::Mock, None);
            Arc::make_mut(resource).methods.insert(*verb, mock);
        }
    }
    content
}

fn rest_config(content: rest::Content, variables: &[(&str, &str)]) -> Config {
    let stages = vec![
        stage("prod", Some("d"), variables),
        stage("beta", Some("d"), &[("host", "b.test")]),
    ];
    let mut rest = api("r1", HttpContent::default(), stages);
    rest.kind = ApiKind::Rest(RestApi::empty("root".into()));
    let content = Arc::new(content);
    for deployment in rest.deployments.values_mut() {
        Arc::make_mut(deployment).content = Content::Rest(Arc::clone(&content));
    }
    let mapped = domain("x.test", &[("named", "r1", "prod"), ("", "r1", "")]);
    config(vec![rest], vec![mapped])
}

const GET: &[Verb] = &[Verb::Get];

#[track_caller]
fn check(plan: &RegionPlan, ask: &str, expected: &str) {
    let (method, path) = ask.split_once(' ').unwrap();
    let path = format!("/prod{path}");
    let found = plan.find(Entrance::Regional, HOST, &path).unwrap();
    let (deployment, canary) = found.stage.rest().unwrap().choose(|| 0);
    assert!(!canary);
    let matched = deployment.find(method, found.path);
    let text = matched.map_or_else(
        || "-".to_owned(),
        |matched| {
            let mut text = matched.method.key.to_string();
            for captured in matched.captured {
                text.push_str(&format!(" {}={}", captured.name, captured.raw));
            }
            text
        },
    );
    assert_eq!(text, expected, "{ask}");
}

#[test]
fn the_best_resource_answers() {
    let content = content(&[
        ("/", &[Verb::Get, Verb::Any]),
        ("/pets", GET),
        ("/pets/{id}", &[Verb::Any]),
        ("/pets/{id}/toys", GET),
        ("/pets/dogs/best", GET),
        ("/{proxy+}", &[Verb::Get, Verb::Post]),
        ("/files/{path+}", GET),
        ("/shops/{shop}/items/{item}", GET),
    ]);
    let (plan, diagnostics) = RegionPlan::compile(&rest_config(content, &[]));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    for (ask, expected) in [
        ("GET /", "GET /"),
        ("GET ", "GET /"),
        ("PUT /", "ANY /"),
        ("TRACE /", "-"),
        ("ANY /", "-"),
        ("GET /pets", "GET /pets"),
        ("GET /pets/", "GET /pets"),
        ("POST /pets", "-"),
        ("GET /Pets", "GET /{proxy+} proxy=Pets"),
        ("GET /%70ets", "GET /pets"),
        ("DELETE /pets/7", "ANY /pets/{id} id=7"),
        ("GET /pets/7/toys/", "GET /pets/{id}/toys id=7"),
        ("GET /pets/a%2Fb", "ANY /pets/{id} id=a%2Fb"),
        // A static branch that ends nowhere is given up.
        ("GET /pets/dogs", "ANY /pets/{id} id=dogs"),
        ("GET /pets/dogs/toys", "GET /pets/{id}/toys id=dogs"),
        ("GET /pets/dogs/best", "GET /pets/dogs/best"),
        ("GET /pets/7/none", "GET /{proxy+} proxy=pets/7/none"),
        ("GET /proxy-value/", "GET /{proxy+} proxy=proxy-value"),
        // Resources without methods are no end of a path.
        ("GET /shops/3", "GET /{proxy+} proxy=shops/3"),
        (
            "GET /shops/3/items/4",
            "GET /shops/{shop}/items/{item} shop=3 item=4",
        ),
        ("GET /files/a/b/c", "GET /files/{path+} path=a/b/c"),
        ("GET /files", "GET /{proxy+} proxy=files"),
        ("DELETE /files/a", "-"),
    ] {
        check(&plan, ask, expected);
    }
}

#[test]
fn a_greedy_variable_takes_one_segment_at_least() {
    let content = content(&[("/{proxy+}", &[Verb::Any])]);
    let (plan, _) = RegionPlan::compile(&rest_config(content, &[]));
    check(&plan, "GET /", "-");
    check(&plan, "GET /a", "ANY /{proxy+} proxy=a");
    check(&plan, "GET //a", "-");
}

#[test]
fn misses_are_those_of_rest_apis() {
    let (plan, _) = RegionPlan::compile(&rest_config(content(&[("/", GET)]), &[]));
    let miss = |host: &str, path: &str| plan.find(Entrance::Regional, host, path).err();
    assert_eq!(miss(HOST, "/other/x"), Some(Miss::UnknownRestPath));
    assert_eq!(miss("x.test", "/other/x"), Some(Miss::UnknownRestPath));
    assert_eq!(miss(HOST, "/ping"), Some(Miss::Health));
    assert_eq!(miss("x.test", "/sping"), Some(Miss::Health));
    assert_eq!(miss("x.test", "/named/ping"), None);
    let mut config = rest_config(content(&[]), &[]);
    for api in config.apis.values_mut() {
        Arc::make_mut(api).disable_execute_api_endpoint = true;
    }
    let (plan, _) = RegionPlan::compile(&config);
    let miss = plan.find(Entrance::Regional, HOST, "/prod/").err();
    assert_eq!(miss, Some(Miss::UnknownRestPath));
}

#[test]
fn a_broken_method_harms_no_other_and_stages_share_what_is_frozen() {
    let mut content = content(&[("/", GET), ("/b", GET)]);
    let resource = content.resources.get_mut("/b").unwrap();
    let http = method(
        IntegrationType::HttpProxy,
        Some("http://${stageVariables.host}/"),
    );
    Arc::make_mut(resource).methods.insert(Verb::Get, http);
    let mut config = rest_config(content, &[]);
    let (plan, diagnostics) = RegionPlan::compile(&config);
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!(diagnostics[0].at, "apis/r1/stages/prod/GET /b");
    let backend = |plan: &RegionPlan, path: &str| {
        let found = plan.find(Entrance::Regional, HOST, path).unwrap();
        let (deployment, _) = found.stage.rest().unwrap().choose(|| 0);
        let matched = deployment.find("GET", found.path).unwrap();
        let name = match matched.backend {
            Backend::Mock => "mock".to_owned(),
            Backend::Http(http) => http.origin.host.to_string(),
            Backend::Aggregate(_) => "aggregate".to_owned(),
            Backend::Aws(aws) => aws.uri.service.clone(),
            Backend::Broken(_) => "broken".to_owned(),
        };
        (name, Arc::clone(matched.method))
    };
    assert_eq!(backend(&plan, "/prod").0, "mock");
    assert_eq!(backend(&plan, "/prod/b").0, "broken");
    let (host, first) = backend(&plan, "/beta/b");
    assert_eq!(host, "b.test");
    assert!(Arc::ptr_eq(&first, &backend(&plan, "/prod/b").1));
    // A change of the stage compiles no templates again.
    for api in config.apis.values_mut() {
        let api = Arc::make_mut(api);
        let stage = api
            .stages
            .values_mut()
            .find(|stage| stage.name.as_str() == "prod");
        let variables = &mut stage.unwrap().variables;
        variables.insert("host".to_owned(), "p.test".to_owned());
    }
    let (plan, diagnostics) = plan.compile_from(&config);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let (host, again) = backend(&plan, "/prod/b");
    assert_eq!(host, "p.test");
    assert!(Arc::ptr_eq(&first, &again));
}

#[test]
fn what_nobody_authorizes_is_broken_whatever_it_calls() {
    let aggregate = Aggregate {
        parts: vec![AggregatePart {
            name: "only".to_owned(),
            uri: "http://b.test/".to_owned(),
            http_method: "GET".to_owned(),
            timeout_ms: 1000,
            path: [].into(),
            query: [].into(),
            headers: [].into(),
            body: None,
            after: Vec::new(),
            on_failure: OnFailure::Fail,
            default: None,
            cache_ttl_s: 0,
        }],
        merge: Merge::Named,
        template: None,
        status: 200,
    };
    for (authorization, broken) in [
        (AuthorizationType::None, 0),
        (AuthorizationType::Cognito, 2),
        (AuthorizationType::Jwt, 2),
    ] {
        let mut one = Method::clone(&method(IntegrationType::HttpProxy, Some("http://b.test/")));
        one.settings.authorization = authorization;
        let mut several = one.clone();
        several.integration = None;
        several.aggregate = Some(Arc::new(aggregate.clone()));
        let mut content = content(&[("/one", GET), ("/several", GET)]);
        for (id, method) in [("/one", one), ("/several", several)] {
            let resource = content.resources.get_mut(id).unwrap();
            Arc::make_mut(resource)
                .methods
                .insert(Verb::Get, Arc::new(method));
        }
        let (_, diagnostics) = RegionPlan::compile(&rest_config(content, &[]));
        let said =
            |one: &&Diagnostic| one.at.contains("/prod/") && one.message.ends_with("is not served");
        let said = diagnostics.iter().filter(said).count();
        assert_eq!(said, broken, "{authorization}: {diagnostics:?}");
    }
}
