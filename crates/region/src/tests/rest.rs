//! REST APIs: matching, passing through, and what the gateway itself answers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::BodyExt as _;

use model::{
    ApiKind, Content, EndpointType, Stage,
    rest::{
        self, AccessLog, AuthorizationType, Canary, GatewayResponse, GatewayResponseType,
        Integration, IntegrationResponse, IntegrationSettings, IntegrationType, Method,
        MethodSettings, Millionths, Passthrough, Resource, ResponseTransfer, RestApi,
        StageSettings, Verb,
    },
};
use serve::Body;

use super::{
    backend::{Backend, counted},
    harness::{Rig, Setup, get, request},
};

pub(super) fn method(kind: IntegrationType, uri: Option<String>) -> Method {
    let settings = IntegrationSettings {
        kind,
        http_method: Some("ANY".to_owned()),
        uri,
        connection_type: None,
        connection_id: None,
        target: None,
        credentials: None,
        request_parameters: BTreeMap::new(),
        request_templates: BTreeMap::new(),
        passthrough: Passthrough::WhenNoMatch,
        content_handling: None,
        timeout_ms: 10_000,
        cache_namespace: String::new(),
        cache_key_parameters: Vec::new(),
        insecure_skip_verification: None,
        response_transfer: ResponseTransfer::Buffered,
    };
    let responses = [(200, IntegrationResponse::default())].into();
    Method {
        settings: MethodSettings {
            authorization: AuthorizationType::None,
            authorizer: None,
            scopes: Vec::new(),
            api_key_required: false,
            operation_name: None,
            validator: None,
            request_parameters: BTreeMap::new(),
            request_models: BTreeMap::new(),
        },
        responses: BTreeMap::new(),
        integration: Some(Integration {
            settings,
            responses,
        }),
        aggregate: None,
    }
}

/// A region with a REST API whose stage `prod` serves these methods of `/part`.
pub(super) async fn rig(
    parts: Vec<(&str, Verb, Method)>,
    said: &[(GatewayResponseType, u16)],
) -> Rig {
    rig_with(parts, said, |_| {}).await
}

/// As `rig`, with a stage that is altered first.
pub(super) async fn rig_with(
    parts: Vec<(&str, Verb, Method)>,
    said: &[(GatewayResponseType, u16)],
    alter: impl FnOnce(&mut Stage),
) -> Rig {
    let mut content = rest::Content::empty("root".into());
    for (part, verb, method) in parts {
        let resource = Resource {
            id: part.into(),
            parent: Some("root".into()),
            part: part.to_owned(),
            methods: [(verb, Arc::new(method))].into(),
        };
        content.resources.insert(part.into(), Arc::new(resource));
    }
    for (kind, status) in said {
        let response = GatewayResponse {
            status: Some(*status),
            ..GatewayResponse::default()
        };
        content.gateway_responses.insert(*kind, Arc::new(response));
    }
    serve_content(Rig::start(Setup::default()).await, content, alter).await
}

/// Has a rig that was just started serve that content at a stage `prod`, which is altered first.
pub(super) async fn serve_content(
    rig: Rig,
    content: rest::Content,
    alter: impl FnOnce(&mut Stage),
) -> Rig {
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    api.kind = ApiKind::Rest(RestApi::empty("root".into()));
    api.endpoint = EndpointType::Edge;
    for deployment in api.deployments.values_mut() {
        Arc::make_mut(deployment).content = Content::Rest(Arc::new(content.clone()));
    }
    let mut stage = api.stages.pop_first().unwrap().1;
    stage.name = "prod".into();
    alter(&mut stage);
    api.stages.insert(stage.name.clone(), stage);
    config.revision = model::Revision(2);
    rig.config.send_replace(Arc::new(config));
    super::harness::eventually(|| rig.region.revision() == 2).await;
    rig
}

#[tokio::test]
async fn a_proxied_request_arrives_with_the_gateways_own_headers() {
    let backend = Backend::echo().await;
    let uri = Some(format!("{}/base/{{proxy}}", backend.url()));
    let proxy = method(IntegrationType::HttpProxy, uri);
    let rig = rig(vec![("{proxy+}", Verb::Any, proxy)], &[]).await;
    let mut asked = request("POST", "/prod/a%20b/c?x=1&x=2", Body::full("hello"));
    for (name, value) in [
        ("x-own", "1"),
        ("content-type", "text/plain"),
        ("via", "1.1 me"),
        ("max-forwards", "3"),
        ("x-amzn-requestid", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = rig.ask(asked).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.line(), "POST /base/a%20b/c?x=1&x=2");
    assert_eq!(answer.echoed("x-own"), Some("1"));
    assert_eq!(answer.echoed("via"), None);
    assert_eq!(answer.echoed("max-forwards"), None);
    assert_eq!(answer.echoed("x-amzn-apigateway-api-id"), Some("a1"));
    assert_eq!(answer.echoed("user-agent"), Some("AmazonAPIGateway_a1"));
    assert!(
        answer
            .echoed("x-amzn-trace-id")
            .unwrap()
            .starts_with("Root=1-")
    );
    assert!(answer.text.ends_with("hello"), "{answer:?}");
    let id = answer.header("x-amzn-requestid");
    assert_eq!(id, "0f8fad5b-d9cb-469f-a165-70867728950e");
    assert_eq!(answer.header("x-amz-apigw-id").len(), 16);
    assert_eq!(answer.header("apigw-requestid"), "");
}

#[tokio::test]
async fn the_gateways_own_answers_are_those_of_rest_apis() {
    let proxy = method(IntegrationType::HttpProxy, Some("http://{x}/".to_owned()));
    let said = [(GatewayResponseType::Default5xx, 599)];
    let mut mock = method(IntegrationType::Mock, None);
    mock.settings.api_key_required = true;
    let parts = vec![("broken", Verb::Get, proxy), ("mock", Verb::Get, mock)];
    let rig = rig(parts, &said).await;
    let check = async |path: &str, status: u16, kind: &str, text: &str| {
        let answer = rig.ask(get(path)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-amzn-errortype"), kind);
        assert_eq!(answer.text, text);
        assert_eq!(answer.header("content-type"), "application/json");
    };
    let forbidden = r#"{"message":"Forbidden"}"#;
    check("/other", 403, "ForbiddenException", forbidden).await;
    let missing = r#"{"message":"Missing Authentication Token"}"#;
    let kind = "MissingAuthenticationTokenException";
    check("/prod/none", 403, kind, missing).await;
    check("/prod", 403, kind, missing).await;
    let failed = r#"{"message":"Internal server error"}"#;
    check("/prod/broken", 599, "InternalServerErrorException", failed).await;
    let answer = rig.ask(get("/ping")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "healthy"));
    let mut other = get("/prod/broken");
    let method = "PUT".parse().unwrap();
    other.headers_mut().insert("x-http-method-override", method);
    assert_eq!(rig.ask(other).await.status, 403);
}

#[tokio::test]
async fn a_canary_has_its_own_variables_and_counts() {
    let backend = Backend::echo().await;
    let uri = format!("{}/${{stageVariables.who}}", backend.url());
    let proxy = method(IntegrationType::HttpProxy, Some(uri));
    let rig = rig_with(vec![("x", Verb::Get, proxy)], &[], |stage| {
        stage.variables.insert("who".to_owned(), "base".to_owned());
        let canary = Canary {
            percent: Millionths(50_000_000),
            variables: [("who".to_owned(), "canary".to_owned())].into(),
            ..Canary::default()
        };
        let settings = StageSettings {
            canary: Some(canary),
            ..StageSettings::default()
        };
        stage.rest = Some(Box::new(settings));
    })
    .await;
    let mut canaries = 0;
    // Both have half of it: neither is missed in a hundred, but once in 2^99.
    for _ in 0..100 {
        let answer = rig.get("/prod/x").await;
        canaries += u64::from(answer.line() == "GET /canary");
    }
    assert!((1..100).contains(&canaries), "{canaries}");
    let name = "edgeway_region_rest_requests_total";
    assert_eq!(rig.metric(name, "canary"), canaries);
    assert_eq!(rig.metric(name, "base"), 100 - canaries);
}

#[tokio::test]
async fn a_stage_writes_its_own_access_log() {
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let collector = super::log::Lines(Arc::clone(&lines));
    let _guard = tracing::subscriber::set_default(collector);
    let mut mock = method(IntegrationType::Mock, None);
    let settings = &mut mock.integration.as_mut().unwrap().settings;
    let template = "#set($context.responseOverride.status = 299)\
                    #set($context.responseOverride.header.x = 'y'){oops}";
    let templates = &mut settings.request_templates;
    templates.insert("application/json".to_owned(), template.to_owned());
    let rig = rig_with(vec![("x", Verb::Get, mock)], &[], |stage| {
        let format = "$context.httpMethod $context.resourcePath $context.status \
                      $context.responseLength $context.identity.caller \
                      \"$context.error.message\" $context.error.responseType \
                      $context.integration.responseTransferMode \
                      $context.responseOverride.status $context.responseOverride.header.x";
        let log = AccessLog {
            destination: None,
            format: Some(format.to_owned()),
        };
        let settings = StageSettings {
            access_log: Some(log),
            ..StageSettings::default()
        };
        stage.rest = Some(Box::new(settings));
    })
    .await;
    assert_eq!(rig.get("/prod/x").await.status, 500);
    assert_eq!(rig.get("/prod/y").await.status, 403);
    let expected = [
        "GET /x 500 35 - \"Internal server error\" API_CONFIGURATION_ERROR BUFFERED 299 y",
        "GET - 403 42 - \"Missing Authentication Token\" MISSING_AUTHENTICATION_TOKEN \
         - - -",
    ];
    assert_eq!(*lines.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_time_out_is_a_gateway_response() {
    let backend = Backend::http(async |_| std::future::pending().await).await;
    let uri = Some(format!("{}/", backend.url()));
    let mut proxy = method(IntegrationType::HttpProxy, uri);
    proxy.integration.as_mut().unwrap().settings.timeout_ms = 50;
    let rig = rig(vec![("x", Verb::Get, proxy)], &[]).await;
    let answer = rig.get("/prod/x").await;
    let text = r#"{"message":"Endpoint request timed out"}"#;
    assert_eq!((answer.status, answer.text.as_str()), (504, text));
    assert_eq!(
        answer.header("x-amzn-errortype"),
        "InternalServerErrorException"
    );
}

#[tokio::test]
async fn a_large_body_is_refused_where_it_must_be_read() {
    let mut mock = method(IntegrationType::Mock, None);
    let settings = &mut mock.integration.as_mut().unwrap().settings;
    let template = r#"{"statusCode": 200}"#.to_owned();
    let templates = &mut settings.request_templates;
    templates.insert("application/json".to_owned(), template);
    let rig = rig(vec![("x", Verb::Post, mock)], &[]).await;
    let body = Body::full(vec![b'x'; (10 << 20) + 1]);
    let answer = rig.ask(request("POST", "/prod/x", body)).await;
    let text = r#"{"message":"Request Too Long"}"#;
    assert_eq!((answer.status, answer.text.as_str()), (413, text));
    let body = Body::full(vec![b'x'; 10 << 20]);
    let answer = rig.ask(request("POST", "/prod/x", body)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_passes_as_it_comes() {
    const PIECE: usize = 64 << 10;
    const PIECES: usize = 1024;
    let made = Arc::new(AtomicUsize::new(0));
    let making = Arc::clone(&made);
    let backend = Backend::http(move |_| {
        let body = counted(PIECES, PIECE, Arc::clone(&making));
        async move { http::Response::new(body) }
    })
    .await;
    let uri = Some(format!("{}/", backend.url()));
    let mut streamed = method(IntegrationType::HttpProxy, uri.clone());
    let settings = &mut streamed.integration.as_mut().unwrap().settings;
    settings.response_transfer = ResponseTransfer::Stream;
    let custom = method(IntegrationType::Http, uri);
    let parts = vec![
        ("streamed", Verb::Get, streamed),
        ("custom", Verb::Get, custom),
    ];
    let rig = rig(parts, &[]).await;
    for path in ["/prod/streamed", "/prod/custom"] {
        made.store(0, Ordering::Relaxed);
        let mut body = rig.send(get(path)).await.into_body();
        let first = body.frame().await.unwrap().unwrap();
        let mut read = first.into_data().unwrap().len();
        // Sockets and the HTTP library hold some, but not most of 64 MiB.
        assert!(made.load(Ordering::Relaxed) < PIECE * PIECES / 2, "{path}");
        while let Some(frame) = body.frame().await {
            read += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(read, PIECE * PIECES);
    }
}
