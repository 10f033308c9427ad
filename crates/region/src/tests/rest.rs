//! REST APIs: matching, passing through, and what the gateway itself answers.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    ApiKind, Content, EndpointType,
    rest::{
        self, AuthorizationType, GatewayResponse, GatewayResponseType, Integration,
        IntegrationResponse, IntegrationSettings, IntegrationType, Method, MethodSettings,
        Passthrough, Resource, ResponseTransfer, RestApi, Verb,
    },
};
use serve::Body;

use super::{
    backend::Backend,
    harness::{Rig, Setup, get, request},
};

fn method(kind: IntegrationType, uri: Option<String>) -> Method {
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
    }
}

/// A region with a REST API whose stage `prod` serves these methods of `/part`.
async fn rig(parts: Vec<(&str, Verb, Method)>, said: &[(GatewayResponseType, u16)]) -> Rig {
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
    let rig = Rig::start(Setup::default()).await;
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    api.kind = ApiKind::Rest(RestApi::empty("root".into()));
    api.endpoint = EndpointType::Edge;
    for deployment in api.deployments.values_mut() {
        Arc::make_mut(deployment).content = Content::Rest(Arc::new(content.clone()));
    }
    let mut stage = api.stages.pop_first().unwrap().1;
    stage.name = "prod".into();
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
