//! What is refused, and how it says so.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Bench, v2::plain_api};

/// `POST` bodies below `/v2/apis` (with an API's id for `ID`) and the field that is refused.
const UNSUPPORTED: &[(&str, &str, &str)] = &[(
    "",
    r#"{"name": "w", "protocolType": "HTTP", "disableSchemaValidation": true}"#,
    "disableSchemaValidation",
)];

/// Likewise, with the exception and a part of its text.
const NONSENSE: &[(&str, &str, &str, &str)] = &[
    ("", r#"{"name": "x"}"#, "BadRequest", "Invalid protocol"),
    ("", r#"{"protocolType": "HTTP"}"#, "BadRequest", "name"),
    (
        "",
        r#"{"protocolType": "HTTP", "name": 1}"#,
        "Serialization",
        "Integer can not be",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "tags": ["a"]}"#,
        "Serialization",
        "(tags)",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "tags": {"aws:x": "y"}}"#,
        "BadRequest",
        "aws:",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "tags": {"edgeway:endpointType": "x"}}"#,
        "BadRequest",
        "EDGE or REGIONAL",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "name": "x", "ipAddressType": "ipv6"}"#,
        "BadRequest",
        "ipv4 or dualstack",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "name": "x", "routeSelectionExpression": "x"}"#,
        "BadRequest",
        "routeSelectionExpression",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "name": "x", "routeKey": "GET /"}"#,
        "BadRequest",
        "quick create",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "corsConfiguration": {"maxAge": 86401}}"#,
        "BadRequest",
        "corsConfiguration.maxAge",
    ),
    (
        "",
        r#"{"protocolType": "HTTP",
        "corsConfiguration": {"allowCredentials": true, "allowOrigins": ["*"]}}"#,
        "BadRequest",
        "wildcard",
    ),
    (
        "",
        r#"{"protocolType": "HTTP", "corsConfiguration": {"allowOrigins": ["x.test"]}}"#,
        "BadRequest",
        "Invalid format for origin",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "integrationUri": "ftp://x"}"#,
        "BadRequest",
        "Invalid HTTP endpoint",
    ),
    (
        "/ID/integrations",
        r#"{"integrationUri": "http://x"}"#,
        "BadRequest",
        "integrationType",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "NONE"}"#,
        "BadRequest",
        "enum value set",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "timeoutInMillis": 49}"#,
        "BadRequest",
        "between 50 and 30000",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "integrationMethod": "FETCH"}"#,
        "BadRequest",
        "Invalid HttpMethod",
    ),
    (
        "/ID/routes",
        r#"{"routeKey": "FETCH /x"}"#,
        "BadRequest",
        "route key",
    ),
    (
        "/ID/routes",
        r#"{"routeKey": "GET /x", "target": "x"}"#,
        "BadRequest",
        "integrationId",
    ),
    (
        "/ID/routes",
        r#"{"routeKey": "GET /x", "target": "integrations/none"}"#,
        "BadRequest",
        "integration identifier",
    ),
    (
        "/none/routes",
        r#"{"routeKey": "GET /x"}"#,
        "NotFound",
        "API identifier",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "a b"}"#,
        "BadRequest",
        "Stage name",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "a", "stageVariables": {"a-b": "c"}}"#,
        "BadRequest",
        "variable names",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "a", "stageVariables": {"a": "c d"}}"#,
        "BadRequest",
        "variable values",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "a", "deploymentId": "none"}"#,
        "NotFound",
        "Deployment",
    ),
    ("/ID/deployments", "{}", "BadRequest", "At least one route"),
    (
        "",
        r#"{"name": "w", "protocolType": "WEBSOCKET"}"#,
        "BadRequest",
        "RouteSelectionExpression",
    ),
    (
        "",
        r#"{"name": "w", "protocolType": "WEBSOCKET", "target": "http://x",
        "routeSelectionExpression": "$request.body.action"}"#,
        "BadRequest",
        "target is supported only for HTTP APIs",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "AWS_PROXY"}"#,
        "BadRequest",
        "Invalid ARN",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "MOCK"}"#,
        "BadRequest",
        "MOCK is not supported for protocolType HTTP",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "connectionType": "VPC_LINK", "connectionId": "x",
        "integrationUri": "http://x"}"#,
        "BadRequest",
        "Invalid Vpc Link identifier",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "requestParameters": {"a": "b"}}"#,
        "BadRequest",
        "Invalid mapping expression specified: a",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "requestTemplates": {"a": "b"}}"#,
        "BadRequest",
        "requestTemplates is supported only for WebSocket APIs",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "HTTP_PROXY", "integrationUri": "arn:aws:x"}"#,
        "BadRequest",
        "needs connectionType VPC_LINK",
    ),
    (
        "/ID/integrations",
        r#"{"integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage",
        "credentialsArn": "r", "requestParameters": {"QueueUrl": "q"}}"#,
        "BadRequest",
        "Parameter MessageBody is required",
    ),
    (
        "/ID/routes",
        r#"{"routeKey": "GET /x", "authorizationType": "JWT"}"#,
        "BadRequest",
        "to JWT requires a valid authorizer",
    ),
    (
        "/ID/routes",
        r#"{"routeKey": "GET /x", "apiKeyRequired": true}"#,
        "BadRequest",
        "API keys are not supported",
    ),
    (
        "/ID/routes",
        r#"{"routeKey": "GET /x", "requestParameters": {"a": {}}}"#,
        "BadRequest",
        "requestParameters is supported only for WebSocket APIs",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "x", "accessLogSettings": {"format": "x"}}"#,
        "BadRequest",
        "destinationArn and format",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "x", "routeSettings": {"GET /a": {"dataTraceEnabled": true}}}"#,
        "BadRequest",
        "not supported on protocolType HTTP",
    ),
    (
        "/ID/stages",
        r#"{"stageName": "x", "clientCertificateId": "none"}"#,
        "BadRequest",
        "client certificate",
    ),
    (
        "/ID/authorizers",
        r#"{"name": "x", "authorizerType": "JWT", "identitySource": ["$request.header.a"],
        "jwtConfiguration": {"issuer": "x", "audience": ["a"]}}"#,
        "BadRequest",
        "Invalid issuer: x",
    ),
    (
        "/ID/authorizers",
        r#"{"name": "x", "authorizerType": "REQUEST", "identitySource": [],
        "authorizerUri": "arn:aws:lambda:f"}"#,
        "BadRequest",
        "AuthorizerPayloadFormatVersion",
    ),
];

#[tokio::test]
async fn fields_without_effect_are_refused_by_name() {
    let bench = Bench::new();
    let id = plain_api(&bench).await;
    for (path, body, field) in UNSUPPORTED {
        let path = format!("/v2/apis{}", path.replace("ID", &id));
        let body: Value = serde_json::from_str(body).unwrap();
        let text = "is not supported by this version of Edgeway";
        bench
            .refused(("BadRequestException", field), "POST", &path, body.clone())
            .await;
        bench
            .refused(("BadRequestException", text), "POST", &path, body)
            .await;
    }
}

#[tokio::test]
async fn nonsense_is_refused_with_its_field() {
    let bench = Bench::new();
    let id = plain_api(&bench).await;
    for (path, body, code, text) in NONSENSE {
        let path = format!("/v2/apis{}", path.replace("ID", &id));
        let body: Value = serde_json::from_str(body).unwrap();
        bench
            .refused((&format!("{code}Exception"), text), "POST", &path, body)
            .await;
    }
}

#[tokio::test]
async fn absent_operations_are_refused_by_name() {
    let bench = Bench::new();
    for (method, path, name) in [
        ("GET", "/v2/portals", "ListPortals"),
        ("POST", "/v2/portals/p/publish", "PublishPortal"),
        ("POST", "/v2/portals/p/preview", "PreviewPortal"),
        (
            "PUT",
            "/v2/portalproducts/p/sharingpolicy",
            "PutPortalProductSharingPolicy",
        ),
        ("GET", "/restapis/a/stages/s/sdks/java", "GetSdk"),
    ] {
        let reply = bench.expect(501, method, path, Value::Null).await;
        assert_eq!(reply.header("x-amzn-errortype"), "NotImplementedException");
        assert!(reply.text("message").contains(name), "{}", reply.body);
    }
}

#[tokio::test]
async fn unknown_paths_say_what_is_known() {
    let bench = Bench::new();
    let code = "UnknownOperationException";
    bench
        .refused(
            (code, "/edgeway/v1/status"),
            "GET",
            "/edgeway/v1/stat",
            Value::Null,
        )
        .await;
    bench
        .refused((code, "but GET"), "POST", "/edgeway/v1/status", Value::Null)
        .await;
    bench
        .refused((code, "/v2/"), "GET", "/v3/apis", Value::Null)
        .await;
    bench
        .refused(
            ("BadRequestException", "UTF-8"),
            "GET",
            "/v2/apis/%ff",
            Value::Null,
        )
        .await;
}

/// Paths of every kind of thing, some with what they lack.
fn targets() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/v2/apis",
        "/v2/apis/{}",
        "/v2/apis/{}/integrations",
        "/v2/apis/{}/routes",
        "/v2/apis/{}/stages",
        "/v2/apis/{}/authorizers",
        "/v2/apis/{}/models",
        "/v2/apis/{}/deployments",
        "/v2/vpclinks",
        "/v2/domainnames",
        "/v2/tags/{}",
        "/edgeway/v1/zones/{}",
        "/edgeway/v1/priors/{}",
        "/edgeway/v1/tokens",
        "/edgeway/v1/certificates",
        "/edgeway/v1/private-endpoints",
        "/edgeway/v1/nodes/{}",
    ]);
    (
        known,
        "[a-z0-9:/%._-]{0,20}",
        "(\\?[a-zA-Z]{1,10}=[a-z0-9%]{0,5})?",
    )
        .prop_map(|(path, name, query)| format!("{}{query}", path.replace("{}", &name)))
}

/// Any value for fields that exist.
fn bodies() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "HTTP",
            "HTTP_PROXY",
            "http://b/{x}",
            "GET /{a+}",
            "$default"
        ])
        .prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z$:]{0,8}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    });
    let name = prop::sample::select(vec![
        "name",
        "protocolType",
        "target",
        "routeKey",
        "corsConfiguration",
        "tags",
        "stageName",
        "integrationType",
        "integrationUri",
        "timeoutInMillis",
        "stageVariables",
        "routeSettings",
        "domainName",
        "domainNameConfigurations",
        "records",
        "addresses",
        "latitude",
        "longitude",
        "role",
        "place",
        "ttlSeconds",
        "certificate",
        "privateKey",
        "autoDeploy",
        "tlsConfig",
    ]);
    prop::collection::btree_map(name, value, 0..6).prop_map(|map| json!(map))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_signed_request_is_answered(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE"]),
        target in targets(),
        body in bodies(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reply = runtime.block_on(async { Bench::new().call(method, &target, body).await });
        prop_assert!(reply.status.as_u16() < 500 || reply.status == 501, "{}", reply.body);
        prop_assert_eq!(reply.status.is_success(), reply.header("x-amzn-errortype").is_empty());
    }
}
