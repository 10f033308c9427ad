//! API Gateway v1: what clients of every language rely on, and patches that nobody should send.

use proptest::{collection, prelude::*, sample};
use serde_json::{Value, json};

use super::Bench;

async fn rest_api(bench: &Bench) -> Value {
    let body = json!({"name": "a"});
    bench.expect(201, "POST", "/restapis", body).await.body
}

fn patch(steps: &[(&str, &str, Option<&str>)]) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
        .collect();
    json!({"patchOperations": steps})
}

/// Everything that has a patch: its path, made for the test.
async fn patchable(bench: &Bench) -> Vec<String> {
    let made = rest_api(bench).await;
    let api = format!("/restapis/{}", made["id"].as_str().unwrap());
    let root = format!(
        "{api}/resources/{}",
        made["rootResourceId"].as_str().unwrap()
    );
    let method = format!("{root}/methods/GET");
    let integration = format!("{method}/integration");
    let template = json!({"application/json": "{}"});
    for (verb, path, body) in [
        ("PUT", method.clone(), json!({"authorizationType": "NONE"})),
        ("PUT", format!("{method}/responses/200"), json!({})),
        ("PUT", integration.clone(), json!({"type": "MOCK"})),
        (
            "PUT",
            format!("{integration}/responses/200"),
            json!({"responseTemplates": template}),
        ),
        (
            "POST",
            format!("{api}/deployments"),
            json!({"stageName": "s"}),
        ),
        (
            "PUT",
            format!("{api}/gatewayresponses/THROTTLED"),
            json!({}),
        ),
    ] {
        bench.expect(201, verb, &path, body).await;
    }
    let mut all = vec![
        api.clone(),
        root,
        method.clone(),
        format!("{method}/responses/200"),
        integration.clone(),
        format!("{integration}/responses/200"),
        format!("{api}/stages/s"),
        format!("{api}/models/Empty"),
        format!("{api}/gatewayresponses/THROTTLED"),
        "/account".to_owned(),
    ];
    for (list, body) in [
        (format!("{api}/requestvalidators"), json!({"name": "v"})),
        ("/usageplans".to_owned(), json!({"name": "p"})),
        ("/apikeys".to_owned(), json!({"name": "k"})),
    ] {
        let made = bench.expect(201, "POST", &list, body).await;
        all.push(format!("{list}/{}", made.text("id")));
    }
    all
}

#[tokio::test]
async fn answers_carry_both_ids_and_errors_only_a_message() {
    let bench = Bench::new();
    let reply = bench.expect(200, "GET", "/restapis", Value::Null).await;
    assert_eq!(reply.body, json!({"item": []}));
    assert_eq!(reply.header("x-amzn-requestid").len(), 36);
    let extended = reply.header("x-amz-apigw-id");
    assert!(
        extended.len() == 16 && extended.ends_with('='),
        "{extended}"
    );
    let reply = bench
        .expect(404, "GET", "/restapis/none", Value::Null)
        .await;
    let text = "Invalid API identifier specified 000000000000:none";
    assert_eq!(reply.body, json!({"message": text}));
    assert_eq!(reply.header("x-amzn-errortype"), "NotFoundException");
    let reply = bench.expect(200, "GET", "/v2/apis", Value::Null).await;
    assert_eq!(reply.header("x-amz-apigw-id"), "", "v2 has no such header");
}

#[tokio::test]
async fn a_patch_is_made_as_a_whole_or_not_at_all() {
    let bench = Bench::new();
    let made = rest_api(&bench).await;
    let path = format!("/restapis/{}", made["id"].as_str().unwrap());
    let body = patch(&[("replace", "/name", Some("b")), ("add", "/name", Some("c"))]);
    let refusal = ("BadRequestException", "Must be one of: [replace]");
    bench.refused(refusal, "PATCH", &path, body).await;
    assert_eq!(
        bench.expect(200, "GET", &path, Value::Null).await.body,
        made
    );
    let body = patch(&[
        ("add", "/binaryMediaTypes/image~1png", None),
        ("replace", "/name", Some("b")),
    ]);
    let reply = bench.expect(200, "PATCH", &path, body).await;
    assert_eq!(reply.body["binaryMediaTypes"], json!(["image/png"]));
    assert_eq!(reply.text("name"), "b");
    assert!(reply.body["createdDate"].is_u64(), "{}", reply.body);
}

#[tokio::test]
async fn importing_is_told_from_making_by_the_query() {
    let bench = Bench::new();
    let reply = bench
        .expect(501, "POST", "/restapis?mode=import", Value::Null)
        .await;
    assert!(reply.text("message").contains("ImportRestApi"));
    let file = "name,key\nn,\"0123456789abcdefghij\"\n";
    let target = ("POST", "/apikeys?mode=import&format=csv");
    let now = crate::clock::now_ms();
    let reply = bench
        .signed(target, file, (super::KEY, super::SECRET), now)
        .await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["ids"].as_array().unwrap().len(), 1);
}

/// Paths of the support matrix, their neighbours, and nonsense.
fn step() -> impl Strategy<Value = Value> {
    let verbs = ["add", "replace", "remove", "copy", "move", "test", "x", ""];
    let paths = [
        "/name",
        "/description",
        "/policy",
        "/binaryMediaTypes",
        "/binaryMediaTypes/a~1b",
        "/minimumCompressionSize",
        "/endpointConfiguration/types/EDGE",
        "/endpointConfiguration/vpcEndpointIds",
        "/pathPart",
        "/parentId",
        "/authorizationType",
        "/requestParameters/method.request.header.a",
        "/requestModels/application~1json",
        "/responseModels/application~1json",
        "/responseTemplates/application~1json",
        "/selectionPattern",
        "/contentHandling",
        "/timeoutInMillis",
        "/cacheKeyParameters",
        "/tlsConfig/insecureSkipVerification",
        "/variables",
        "/variables/a",
        "/deploymentId",
        "/canarySettings",
        "/canarySettings/percentTraffic",
        "/accessLogSettings/format",
        "/*/*/throttling/rateLimit",
        "/a/GET/caching/ttlInSeconds",
        "/~1a/*",
        "/schema",
        "/statusCode",
        "/validateRequestBody",
        "/apiStages",
        "/apiStages/a:b/throttle/x/GET",
        "/quota/limit",
        "/quota",
        "/throttle/rateLimit",
        "/enabled",
        "/stages",
        "/features",
        "/cloudwatchRoleArn",
        "/",
        "",
        "//",
        "/~",
        "/~2",
        "name",
        "/a/b/c/d/e/f",
    ];
    let values = [
        "true",
        "1",
        "-1",
        "1e400",
        "NaN",
        "x",
        "",
        "{}",
        "null",
        "[]",
        "a:b",
        "REGIONAL",
        "INFO",
        "99999999999999999999",
        "application/json",
        "\u{0}",
        "é",
    ];
    (
        sample::select(verbs.to_vec()),
        sample::select(paths.to_vec()),
        prop_oneof![
            sample::select(values.to_vec()).prop_map(json_text),
            Just(Value::Null)
        ],
        prop_oneof![
            Just(Value::Null),
            Just(json!("/canarySettings/deploymentId")),
            Just(json!(1))
        ],
    )
        .prop_map(
            |(op, path, value, from)| json!({"op": op, "path": path, "value": value, "from": from}),
        )
}

fn json_text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn no_patch_is_answered_with_a_fault_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let bench = Bench::new();
    let targets = runtime.block_on(patchable(&bench));
    let steps = collection::vec(step(), 0..4);
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(at in 0..targets.len(), steps in steps)| {
        let body = json!({"patchOperations": steps});
        let reply = runtime.block_on(bench.call("PATCH", &targets[at], body.clone()));
        let fine = reply.status.as_u16() < 500;
        prop_assert!(fine, "{} {}: {} {}", targets[at], body, reply.status, reply.body);
    });
}
