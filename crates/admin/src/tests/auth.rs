//! Who may ask, and limits on what is asked.

use ledger::ProposeError;
use serde_json::{Value, json};

use super::{Bench, HOST, KEY, SECRET};
use crate::{clock, limits};

#[tokio::test]
async fn only_active_keys_with_good_signatures_are_heard() {
    let bench = Bench::new();
    let now = clock::now_ms();
    let apis = ("GET", "/v2/apis");
    for (key, now, code, text) in [
        (
            (KEY, "wrong"),
            now,
            "InvalidSignatureException",
            "does not match",
        ),
        (
            ("AKIDNONE", SECRET),
            now,
            "UnrecognizedClientException",
            "security token",
        ),
        (
            (KEY, SECRET),
            now - 600_000,
            "InvalidSignatureException",
            "Signature expired",
        ),
        (
            (KEY, SECRET),
            now + 600_000,
            "InvalidSignatureException",
            "not yet current",
        ),
    ] {
        let reply = bench.signed(apis, "", key, now).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("x-amzn-errortype")),
            (403, code)
        );
        assert!(reply.text("message").contains(text), "{}", reply.body);
        assert_eq!(reply.header("x-amzn-requestid").len(), 36);
    }
    let plain = http::Request::builder()
        .uri("/v2/apis")
        .header("host", HOST);
    let reply = bench.send(plain.body(serve::Body::empty()).unwrap()).await;
    assert_eq!(
        reply.header("x-amzn-errortype"),
        "MissingAuthenticationTokenException"
    );
    assert_eq!(reply.text("message"), "Missing Authentication Token");
    assert_eq!(bench.signed(apis, "", (KEY, SECRET), now).await.status, 200);
}

#[tokio::test]
async fn disabled_keys_are_refused_and_the_last_one_stays() {
    let bench = Bench::new();
    let disable = format!("/edgeway/v1/access-keys/{KEY}/disable");
    bench
        .refused(
            ("ConflictException", "last active"),
            "POST",
            &disable,
            Value::Null,
        )
        .await;
    let made = bench
        .expect(
            201,
            "POST",
            "/edgeway/v1/access-keys",
            json!({"name": "two"}),
        )
        .await;
    let (id, secret) = (made.text("accessKeyId"), made.text("secretAccessKey"));
    let now = clock::now_ms();
    let ask = || bench.signed(("GET", "/v2/apis"), "", (id, secret), now);
    assert_eq!(ask().await.status, 200);
    let state = |what: &str| format!("/edgeway/v1/access-keys/{id}/{what}");
    let reply = bench
        .expect(200, "POST", &state("disable"), Value::Null)
        .await;
    assert_eq!(reply.text("status"), "Disabled");
    assert_eq!(
        ask().await.header("x-amzn-errortype"),
        "UnrecognizedClientException"
    );
    bench
        .expect(200, "POST", &state("enable"), Value::Null)
        .await;
    assert_eq!(ask().await.status, 200);
    let list = bench
        .expect(200, "GET", "/edgeway/v1/access-keys", Value::Null)
        .await;
    assert!(!list.body.to_string().contains(secret) && !list.body.to_string().contains("secret"));
}

#[tokio::test]
async fn bodies_have_a_limit_and_must_be_objects() {
    let bench = Bench::new();
    let body = "x".repeat(limits::BODY_BYTES_MAX + 1);
    let now = clock::now_ms();
    let reply = bench
        .signed(("POST", "/v2/apis"), &body, (KEY, SECRET), now)
        .await;
    assert_eq!(reply.status, 413);
    assert_eq!(
        reply.header("x-amzn-errortype"),
        "RequestEntityTooLargeException"
    );
    for (body, text) in [("{", "no valid JSON"), ("[]", "must be a JSON object")] {
        let reply = bench
            .signed(("POST", "/v2/apis"), body, (KEY, SECRET), now)
            .await;
        assert_eq!(reply.header("x-amzn-errortype"), "SerializationException");
        assert!(reply.text("message").contains(text));
    }
}

#[tokio::test]
async fn changes_are_repeated_until_their_outcome_is_known() {
    let bench = Bench::new();
    let api = json!({"name": "a", "protocolType": "HTTP"});
    *bench.world.failures.lock().unwrap() = vec![ProposeError::Undecided, ProposeError::Undecided];
    let made = bench.expect(201, "POST", "/v2/apis", api.clone()).await;
    assert_eq!(made.header("x-edgeway-revision"), "2", "applied once");
    *bench.world.failures.lock().unwrap() = vec![ProposeError::NoLeader];
    let none = bench.expect(503, "POST", "/v2/apis", api.clone()).await;
    assert_eq!(
        none.header("x-amzn-errortype"),
        "ServiceUnavailableException"
    );
    assert_eq!(none.header("retry-after"), "1");
    *bench.world.failures.lock().unwrap() = vec![ProposeError::TooLarge { bytes: 9, max: 8 }];
    bench.expect(413, "POST", "/v2/apis", api).await;
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_class() {
    let bench = Bench::new();
    bench.expect(200, "GET", "/v2/apis", Value::Null).await;
    bench.expect(404, "GET", "/v2/apis/none", Value::Null).await;
    bench.expect(501, "GET", "/v2/portals", Value::Null).await;
    bench.expect(404, "GET", "/nowhere", Value::Null).await;
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&bench.registry.gather())
        .unwrap();
    for line in [
        r#"edgeway_admin_requests_total{class="2xx",operation="GetApis"} 1"#,
        r#"edgeway_admin_requests_total{class="4xx",operation="GetApi"} 1"#,
        r#"edgeway_admin_requests_total{class="5xx",operation="ListPortals"} 1"#,
        r#"edgeway_admin_requests_total{class="4xx",operation="Unknown"} 1"#,
        r#"edgeway_admin_refusals_total{reason="not_found"} 1"#,
        "edgeway_admin_requests_running 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
