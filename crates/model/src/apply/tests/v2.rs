//! Pieces of HTTP and WebSocket APIs: what refers to what, and who was first.

use std::collections::BTreeMap;

use super::{API, Bench, api, certificate, domain, integration, route, stage};
use crate::{
    ApiKind, AssociationPatch, Content, CreateHttpApi, DomainPatch, EndpointType, HttpContent,
    IntegrationPatch, Op, Rejection, ResourceKind, RouteKey, RoutePatch, StagePatch,
    rest::{
        AuthorizationType, AuthorizerType, IntegrationType, Model, Seen, SharedChange, SharedKey,
        SharedPart, VpcLink, VpcLinkKind,
    },
    v2::{Authorizer, RouteResponse, RouteSettings, V2Change, V2Key, V2Part, WebSocketApi},
};

fn authorizer(id: &str, kind: AuthorizerType) -> Authorizer {
    Authorizer {
        id: id.into(),
        name: format!("name of {id}"),
        kind,
        uri: None,
        credentials: None,
        identity_source: Vec::new(),
        identity_validation: None,
        payload_format_version: None,
        ttl_s: None,
        simple_responses: None,
        jwt: None,
    }
}

fn put(seen: Seen, new: Authorizer) -> Op {
    let change = V2Change {
        key: V2Key::Authorizer(new.id.clone()),
        seen,
        put: Some(V2Part::Authorizer(new.into())),
    };
    Op::V2(API.into(), Box::new(change))
}

fn remove(key: V2Key) -> Op {
    let change = V2Change {
        key,
        seen: Seen::Anything,
        put: None,
    };
    Op::V2(API.into(), Box::new(change))
}

fn model(id: &str, name: &str) -> Op {
    let model = Model {
        id: id.into(),
        name: name.into(),
        description: None,
        schema: None,
        content_type: "application/json".into(),
    };
    let change = V2Change {
        key: V2Key::Model(id.into()),
        seen: Seen::Nothing,
        put: Some(V2Part::Model(model.into())),
    };
    Op::V2(API.into(), Box::new(change))
}

/// A cluster with an HTTP API and an integration.
fn with_api() -> Bench {
    let mut bench = Bench::new();
    bench.must(Op::CreateHttpApi(Box::new(CreateHttpApi {
        api: api(),
        quick: None,
    })));
    bench.must(Op::CreateIntegration(API.into(), integration("i1")));
    bench
}

fn with_socket() -> Bench {
    let mut bench = Bench::new();
    let mut api = api();
    api.kind = ApiKind::WebSocket(Box::new(WebSocketApi {
        route_selection_expression: "$request.body.action".into(),
        ..WebSocketApi::default()
    }));
    bench.must(Op::CreateHttpApi(Box::new(CreateHttpApi {
        api,
        quick: None,
    })));
    bench.must(Op::CreateIntegration(API.into(), integration("i1")));
    bench
}

fn guarded(kind: AuthorizationType, authorizer: &str) -> Op {
    let patch = RoutePatch {
        authorization: Some(kind),
        authorizer: Some(authorizer.into()),
        ..RoutePatch::default()
    };
    Op::UpdateRoute(API.into(), "r1".into(), patch)
}

#[test]
fn an_authorizer_in_use_stays_and_keeps_its_kind() {
    let mut bench = with_api();
    bench.must(Op::CreateRoute(API.into(), route("r1", "GET /")));
    bench.refused(guarded(AuthorizationType::Jwt, "a1"));
    bench.must(put(Seen::Nothing, authorizer("a1", AuthorizerType::Jwt)));
    bench.refused(guarded(AuthorizationType::Custom, "a1"));
    bench.must(guarded(AuthorizationType::Jwt, "a1"));
    bench.refused(remove(V2Key::Authorizer("a1".into())));
    bench.refused(put(
        Seen::Anything,
        authorizer("a1", AuthorizerType::Request),
    ));
    let mut twin = authorizer("a2", AuthorizerType::Jwt);
    twin.name = "name of a1".into();
    bench.refused(put(Seen::Nothing, twin));
    bench.must(guarded(AuthorizationType::None, ""));
    bench.must(remove(V2Key::Authorizer("a1".into())));
    bench.refused(remove(V2Key::Authorizer("a1".into())));
}

#[test]
fn the_later_of_two_writers_who_saw_the_same_is_refused() {
    let mut bench = with_api();
    bench.must(put(Seen::Nothing, authorizer("a1", AuthorizerType::Jwt)));
    let key = V2Key::Authorizer("a1".into());
    let part = bench.api().v2_content().unwrap().part(&key);
    let seen = Seen::of(part.as_ref());
    let named = |name: &str| Authorizer {
        name: name.into(),
        ..authorizer("a1", AuthorizerType::Jwt)
    };
    bench.must(put(seen, named("first")));
    match bench.refused(put(seen, named("second"))) {
        Rejection::Conflict { reason, .. } => assert!(reason.contains("concurrent"), "{reason}"),
        other => panic!("{other:?}"),
    }
    bench.refused(put(Seen::Nothing, named("third")));
}

#[test]
fn a_model_in_use_stays() {
    let mut bench = with_socket();
    let mut key = route("r1", "GET /");
    key.key = RouteKey::Message("order".into());
    key.rules.request_models = BTreeMap::from([("$default".into(), "Order".into())]);
    bench.refused(Op::CreateRoute(API.into(), key.clone()));
    bench.must(model("m1", "Order"));
    bench.refused(model("m2", "Order"));
    bench.must(Op::CreateRoute(API.into(), key));
    bench.refused(remove(V2Key::Model("m1".into())));
    let patch = RoutePatch {
        request_models: Some(BTreeMap::new()),
        ..RoutePatch::default()
    };
    bench.must(Op::UpdateRoute(API.into(), "r1".into(), patch));
    let response = RouteResponse {
        id: "x1".into(),
        key: "$default".into(),
        model_selection: None,
        models: [("$default".to_owned(), "Order".to_owned())].into(),
        parameters: BTreeMap::new(),
    };
    let key = V2Key::RouteResponse("r1".into(), "x1".into());
    let change = V2Change {
        key: key.clone(),
        seen: Seen::Nothing,
        put: Some(V2Part::RouteResponse(response.into())),
    };
    bench.must(Op::V2(API.into(), Box::new(change)));
    bench.refused(remove(V2Key::Model("m1".into())));
    bench.must(remove(key));
    bench.must(remove(V2Key::Model("m1".into())));
}

#[test]
fn keys_are_of_the_apis_protocol_and_deployments_freeze_either() {
    let mut http = with_api();
    let mut message = route("r1", "GET /");
    message.key = RouteKey::Message("$connect".into());
    http.refused(Op::CreateRoute(API.into(), message.clone()));
    let mut socket = with_socket();
    socket.refused(Op::CreateRoute(API.into(), route("r1", "GET /")));
    socket.must(Op::CreateRoute(API.into(), message));
    socket.must(Op::CreateStage(API.into(), stage("live", true)));
    let api = socket.api();
    let deployment = api.stages["live"].deployment.as_ref().unwrap();
    let Content::WebSocket(frozen) = &api.deployments[deployment].content else {
        panic!("a copy of another kind");
    };
    assert_eq!(Some(frozen), api.v2_content());
    assert_ne!(*frozen, HttpContent::default());
}

#[test]
fn patches_merge_parameters_and_change_kinds() {
    let mut bench = with_api();
    let patch = |request: &[(&str, &str)], uri: Option<&str>| IntegrationPatch {
        request_parameters: request
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        uri: uri.map(str::to_owned),
        ..IntegrationPatch::default()
    };
    let set = |patch| Op::UpdateIntegration(API.into(), "i1".into(), patch);
    bench.must(set(patch(&[("a", "1"), ("b", "2")], None)));
    bench.must(set(patch(&[("a", ""), ("c", "3")], None)));
    let now = &bench.api().v2_content().unwrap().integrations["i1"];
    let names: Vec<&String> = now.mapping.request_parameters.keys().collect();
    assert_eq!(names, ["b", "c"]);
    bench.refused(set(patch(&[], Some("arn:aws:x"))));
    let mut function = patch(&[], Some("arn:aws:x"));
    function.kind = Some(IntegrationType::AwsProxy);
    bench.must(set(function));
    let mut private = patch(&[], None);
    private.connection = Some("none".into());
    match bench.refused(set(private)) {
        Rejection::Invalid { field, .. } => assert_eq!(field, "connectionId"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_api_does_not_go_back_to_what_is_gone() {
    let mut bench = with_api();
    let link = VpcLink {
        id: "link01".into(),
        name: "l".into(),
        description: None,
        created_ms: 0,
        tags: BTreeMap::new(),
        kind: VpcLinkKind::V2 {
            subnets: vec!["s".into()],
            security_groups: Vec::new(),
        },
    };
    let shared = |seen, put| {
        Op::Shared(Box::new(SharedChange {
            key: SharedKey::VpcLink("link01".into()),
            seen,
            put,
        }))
    };
    bench.must(shared(
        Seen::Nothing,
        Some(SharedPart::VpcLink(link.into())),
    ));
    let connected = |id: &str| {
        let patch = IntegrationPatch {
            connection: Some(id.into()),
            ..IntegrationPatch::default()
        };
        Op::UpdateIntegration(API.into(), "i1".into(), patch)
    };
    let then = bench.must(connected("link01")).revision;
    bench.refused(shared(Seen::Anything, None));
    bench.must(connected(""));
    bench.must(Op::RollBackApi(API.into(), then));
    bench.must(connected(""));
    bench.must(shared(Seen::Anything, None));
    bench.refused(Op::RollBackApi(API.into(), then));
}

fn private() -> Bench {
    let mut bench = Bench::new();
    bench.must(Op::PutCertificate(certificate("c1", &["x.test"])));
    let mut new = domain("x.test");
    new.endpoint = EndpointType::Private;
    new.private = Some(Box::default());
    bench.must(Op::CreateDomain(Box::new(new)));
    bench
}

#[test]
fn associations_come_once_and_go_once() {
    let mut bench = private();
    let associate = |tags| {
        let patch = DomainPatch {
            association: Some(AssociationPatch {
                source: "vpce-1".into(),
                tags,
            }),
            ..DomainPatch::default()
        };
        Op::UpdateDomain("x.test".into(), patch)
    };
    bench.refused(associate(None));
    bench.must(associate(Some(BTreeMap::new())));
    bench.refused(associate(Some(BTreeMap::new())));
    let open = DomainPatch {
        endpoint: Some(EndpointType::Edge),
        ..DomainPatch::default()
    };
    bench.refused(Op::UpdateDomain("x.test".into(), open));
    bench.must(associate(None));
    bench.refused(associate(None));
}

#[test]
fn settings_of_routes_come_and_go_one_by_one() {
    let mut bench = with_api();
    bench.must(Op::CreateStage(API.into(), stage("s", false)));
    let patch = |key: &str, burst: Option<u32>| {
        let wanted = burst.map(|burst| RouteSettings {
            burst: Some(burst),
            ..RouteSettings::default()
        });
        let patch = StagePatch {
            route_settings: [(key.to_owned(), wanted)].into(),
            ..StagePatch::default()
        };
        Op::UpdateStage(API.into(), "s".into(), patch)
    };
    bench.must(patch("GET /a", Some(1)));
    bench.must(patch("GET /b", Some(2)));
    bench.must(patch("GET /a", None));
    match bench.refused(patch("GET /a", None)) {
        Rejection::Missing(text) => assert!(text.contains("GET /a"), "{text}"),
        other => panic!("{other:?}"),
    }
    let keys: Vec<&String> = bench.api().stages["s"]
        .v2()
        .unwrap()
        .routes
        .keys()
        .collect();
    assert_eq!(keys, ["GET /b"]);
    bench.must(patch("GET /b", None));
    assert!(bench.api().stages["s"].v2().is_none(), "as if never set");
    let patch = StagePatch {
        client_certificate: Some("none".into()),
        ..StagePatch::default()
    };
    match bench.refused(Op::UpdateStage(API.into(), "s".into(), patch)) {
        Rejection::Invalid { .. } => {}
        other => panic!("{other:?}"),
    }
    let missing = bench.refused(remove(V2Key::RouteResponse("r9".into(), "x".into())));
    assert!(matches!(
        missing,
        Rejection::Conflict {
            kind: ResourceKind::Part,
            ..
        }
    ));
}
