//! What keys with policies may do, and how keys change.

use model::Op;
use serde_json::{Value, json};

use super::{Bench, KEY, Reply, SECRET};
use crate::{access::Target, clock};

const READ_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
    "Action":["apigateway:GET","edgeway:Get*","edgeway:List*"],"Resource":"*"}]}"#;

impl Bench {
    /// A new key's id and secret.
    async fn key(&self, policy: &str) -> (String, String) {
        let body = json!({"name": "limited", "policy": policy});
        let made = self
            .expect(201, "POST", "/edgeway/v1/access-keys", body)
            .await;
        (
            made.text("accessKeyId").to_owned(),
            made.text("secretAccessKey").to_owned(),
        )
    }

    async fn by(&self, key: &(String, String), method: &str, target: &str, body: Value) -> Reply {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let pair = (key.0.as_str(), key.1.as_str());
        self.signed((method, target), &text, pair, clock::now_ms())
            .await
    }

    async fn denied(&self, key: &(String, String), method: &str, target: &str, text: &str) {
        let reply = self.by(key, method, target, Value::Null).await;
        let message = reply.body["message"].as_str().unwrap_or_default();
        assert_eq!(
            (reply.status.as_u16(), reply.header("x-amzn-errortype")),
            (403, "AccessDeniedException"),
            "{method} {target}: {message}"
        );
        assert!(message.contains(text), "{message}");
    }
}

#[tokio::test]
async fn a_read_only_key_reads_and_nothing_else() {
    let bench = Bench::new();
    let key = bench.key(READ_ONLY).await;
    for target in ["/v2/apis", "/edgeway/v1/status", "/edgeway/v1/access-keys"] {
        let reply = bench.by(&key, "GET", target, Value::Null).await;
        assert_eq!(reply.status, 200, "{target}: {}", reply.body);
    }
    let revision = bench.world.machine.lock().unwrap().config().revision;
    bench
        .denied(
            &key,
            "POST",
            "/v2/apis",
            "User: arn:aws:iam::000000000000:user/limited is not authorized to perform: \
             apigateway:POST on resource: arn:aws:apigateway:eu-west-1::/apis because no \
             identity-based policy allows the apigateway:POST action",
        )
        .await;
    for (method, target, text) in [
        (
            "DELETE",
            "/v2/apis/x",
            "apigateway:DELETE on resource: arn:aws:apigateway:eu-west-1::/apis/x",
        ),
        (
            "POST",
            "/edgeway/v1/tokens",
            "edgeway:CreateToken on resource: arn:aws:edgeway:eu-west-1::/tokens",
        ),
        ("POST", "/edgeway/v1/purge", "edgeway:PurgeCache"),
        ("DELETE", "/edgeway/v1/nodes/2", "edgeway:DeleteNode"),
        ("POST", "/edgeway/v1/access-keys", "edgeway:CreateAccessKey"),
        // What this version has not is not told to those who may not ask.
        ("POST", "/v2/portals", "apigateway:POST"),
    ] {
        bench.denied(&key, method, target, text).await;
    }
    let path = format!("/edgeway/v1/access-keys/{}/policy", key.0);
    bench
        .denied(&key, "DELETE", &path, "edgeway:DeleteAccessKeyPolicy")
        .await;
    assert_eq!(
        bench.world.machine.lock().unwrap().config().revision,
        revision
    );
    assert!(bench.world.purged.lock().unwrap().is_empty());
}

#[tokio::test]
async fn denying_one_api_leaves_the_others() {
    let bench = Bench::new();
    let api = json!({"name": "a", "protocolType": "HTTP", "tags": {"env": "prod"}});
    let prod = bench
        .expect(201, "POST", "/v2/apis", api)
        .await
        .text("apiId")
        .to_owned();
    let api = json!({"name": "b", "protocolType": "HTTP"});
    let other = bench
        .expect(201, "POST", "/v2/apis", api)
        .await
        .text("apiId")
        .to_owned();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","NotAction":"apigateway:GET","Resource":"*",
         "Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}},
        {"Effect":"Deny","Action":"*","Resource":"*",
         "Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["owner"]}}}]}"#;
    let key = bench.key(policy).await;
    let patch = json!({"name": "c"});
    let at = |id: &str| format!("/v2/apis/{id}");
    let reply = bench.by(&key, "PATCH", &at(&other), patch.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let denied = "with an explicit deny in an identity-based policy";
    bench.denied(&key, "PATCH", &at(&prod), denied).await;
    bench
        .denied(&key, "DELETE", &format!("{}/routes/x", at(&prod)), denied)
        .await;
    assert_eq!(
        bench.by(&key, "GET", &at(&prod), Value::Null).await.status,
        200
    );
    let tags = |id: &str, rest: &str| {
        format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Fapis%2F{id}{rest}")
    };
    bench.denied(&key, "POST", &tags(&prod, ""), denied).await;
    bench
        .denied(&key, "DELETE", &tags(&other, "?tagKeys=owner"), denied)
        .await;
    let tagging = json!({"tags": {"owner": "me"}});
    let reply = bench.by(&key, "POST", &tags(&other, ""), tagging).await;
    assert_eq!(reply.status, 403, "{}", reply.body);
    let tagging = json!({"tags": {"team": "us"}});
    let reply = bench.by(&key, "POST", &tags(&other, ""), tagging).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
}

#[tokio::test]
async fn conditions_see_the_connection() {
    let bench = Bench::new();
    let with = |condition: Value| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*",
               "Resource": "*", "Condition": condition}})
        .to_string()
    };
    for (condition, status) in [
        (json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), 200),
        (json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), 403),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), 403),
        (json!({"Bool": {"aws:SecureTransport": "false"}}), 200),
        (
            json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
            200,
        ),
        (
            json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
            403,
        ),
        (json!({"StringEquals": {"aws:username": "limited"}}), 200),
        (
            json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
            403,
        ),
    ] {
        let key = bench.key(&with(condition.clone())).await;
        let reply = bench.by(&key, "GET", "/v2/apis", Value::Null).await;
        assert_eq!(reply.status, status, "{condition}: {}", reply.body);
    }
}

#[tokio::test]
async fn policies_change_at_once_and_bad_ones_are_refused() {
    let bench = Bench::new();
    let key = bench.key(READ_ONLY).await;
    bench
        .denied(&key, "POST", "/v2/apis", "apigateway:POST")
        .await;
    let path = format!("/edgeway/v1/access-keys/{}/policy", key.0);
    let all = r#"{"Statement":{"Effect":"Allow","Action":"apigateway:*","Resource":"*"}}"#;
    let reply = bench
        .expect(200, "PUT", &path, json!({"policy": all}))
        .await;
    assert_eq!(reply.text("policy"), all);
    let api = json!({"name": "a", "protocolType": "HTTP"});
    assert_eq!(bench.by(&key, "POST", "/v2/apis", api).await.status, 201);
    bench
        .denied(&key, "GET", "/edgeway/v1/status", "edgeway:GetStatus")
        .await;
    for (policy, text) in [
        ("{", "MalformedPolicyDocument: policy at $: no JSON"),
        (
            r#"{"Statement":[{"Effect":"Maybe"}]}"#,
            "policy at $.Statement[0].Effect",
        ),
        ("", "policy must be given"),
    ] {
        let expected = ("BadRequestException", text);
        bench
            .refused(expected, "PUT", &path, json!({"policy": policy}))
            .await;
    }
    let body = json!({"name": "x", "policy": "[]"});
    let expected = ("BadRequestException", "MalformedPolicyDocument");
    bench
        .refused(expected, "POST", "/edgeway/v1/access-keys", body)
        .await;
    bench.expect(200, "DELETE", &path, Value::Null).await;
    let status = bench
        .by(&key, "GET", "/edgeway/v1/status", Value::Null)
        .await;
    assert_eq!(status.status, 200);
    // The last key that may do everything cannot give that up.
    let path = |id: &str| format!("/edgeway/v1/access-keys/{id}/policy");
    bench
        .expect(200, "PUT", &path(&key.0), json!({"policy": all}))
        .await;
    let expected = (
        "ConflictException",
        "last active access key without a policy",
    );
    bench
        .refused(expected, "PUT", &path(KEY), json!({"policy": all}))
        .await;
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_for_a_while() {
    let bench = Bench::new();
    let key = bench.key(READ_ONLY).await;
    let rotate = format!("/edgeway/v1/access-keys/{}/rotate", key.0);
    let made = bench
        .expect(200, "POST", &rotate, json!({"graceSeconds": 60}))
        .await;
    assert!(!made.text("previousSecretExpiresDate").is_empty());
    let fresh = (key.0.clone(), made.text("secretAccessKey").to_owned());
    for both in [&key, &fresh] {
        assert_eq!(
            bench.by(both, "GET", "/v2/apis", Value::Null).await.status,
            200
        );
    }
    // Without grace the secret before is no good at once, and the one before that never is.
    let made = bench
        .expect(200, "POST", &rotate, json!({"graceSeconds": 0}))
        .await;
    let last = (key.0.clone(), made.text("secretAccessKey").to_owned());
    for old in [&key, &fresh] {
        let reply = bench.by(old, "GET", "/v2/apis", Value::Null).await;
        assert_eq!(
            reply.header("x-amzn-errortype"),
            "InvalidSignatureException"
        );
    }
    assert_eq!(
        bench.by(&last, "GET", "/v2/apis", Value::Null).await.status,
        200
    );
    bench
        .denied(&last, "POST", "/v2/apis", "apigateway:POST")
        .await;
    let shown = format!("/edgeway/v1/access-keys/{}", key.0);
    let shown = bench.expect(200, "GET", &shown, Value::Null).await;
    assert!(!shown.body.to_string().contains(&last.1));
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_allows_nothing() {
    let bench = Bench::new();
    let mut key = model::AccessKey::unrestricted("AKIDNEWER", SECRET, "newer", 0);
    key.policy = Some(r#"{"Version":"2099-01-01"}"#.into());
    let change = model::Change {
        id: model::ChangeId(7),
        at_ms: 0,
        by: "test".to_owned(),
        origin: model::Origin::default(),
        spare_deployment: "spare1".into(),
        op: Op::CreateAccessKey(key),
    };
    bench.world.machine.lock().unwrap().apply(change).unwrap();
    let key = ("AKIDNEWER".to_owned(), SECRET.to_owned());
    bench
        .denied(&key, "GET", "/v2/apis", "apigateway:GET")
        .await;
}

#[test]
fn paths_have_one_name_each() {
    let check = |path: &str, wanted: &str| {
        let shown = format!("{:?}", Target::of(path).unwrap());
        assert!(
            shown.contains(&format!("path: {wanted:?}")),
            "{path}: {shown}"
        );
    };
    check("/v2/apis", "/apis");
    check("/v2/apis/", "/apis");
    check("/v2/apis/a1/stages/%24default", "/apis/a1/stages/$default");
    check("/v2/apis/a1/stages/$default", "/apis/a1/stages/$default");
    // An encoded slash or wildcard stays inside its segment.
    check("/v2/apis/a%2Froutes", "/apis/a%2Froutes");
    check("/v2/apis/a%252Fx", "/apis/a%252Fx");
    check("/v2/apis/%2A", "/apis/%2A");
    check("/restapis/a1/resources", "/restapis/a1/resources");
    check(
        "/domainnames/API.Example.COM.",
        "/domainnames/api.example.com",
    );
    check(
        "/v2/domainnames/API.Example.COM/apimappings",
        "/domainnames/api.example.com/apimappings",
    );
    check("/edgeway/v1/zones/EXAMPLE.test.", "/zones/example.test");
    let tags = "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1";
    check(&format!("/v2{tags}"), tags);
    check("/v2/tags/arn:aws:apigateway:us-east-1::/apis/a1", tags);
}
