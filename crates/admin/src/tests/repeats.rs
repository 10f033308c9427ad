//! Calls with a name, sent again as by somebody whose answer was lost.

use lang::sigv4::{Message, Signer};
use serde_json::{Value, json};
use serve::Body;

use super::{Bench, HOST, KEY, Reply, SECRET};
use crate::clock;

impl Bench {
    async fn named(&self, name: &str, target: &str, body: &Value) -> Reply {
        let body = body.to_string();
        let headers: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
        let message = Message {
            method: "POST",
            path: target,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        let signer = Signer {
            access_key_id: KEY,
            secret: SECRET,
            region: "us-east-1",
            service: "apigateway",
        };
        let signed = signer.sign(&message, clock::now_ms());
        let request = http::Request::builder()
            .method("POST")
            .uri(target)
            .header("host", HOST)
            .header("x-amz-date", signed.date)
            .header("authorization", signed.authorization)
            .header("x-edgeway-idempotency-key", name);
        let body = Body::full(body.into_bytes());
        self.send(request.body(body).unwrap()).await
    }
}

#[tokio::test]
async fn a_call_that_is_sent_again_under_its_name_makes_one_thing() {
    let bench = Bench::new();
    let (one, other) = ("0123456789abcdef", "0123456789abcdeX");
    for (target, body, id) in [
        ("/restapis", json!({ "name": "a" }), "id"),
        (
            "/v2/apis",
            json!({ "name": "a", "protocolType": "HTTP", "target": "http://b.example" }),
            "apiId",
        ),
        ("/apikeys", json!({ "name": "a", "enabled": true }), "value"),
        (
            "/edgeway/v1/access-keys",
            json!({ "name": "a" }),
            "secretAccessKey",
        ),
    ] {
        let first = bench.named(one, target, &body).await;
        assert_eq!(first.status, 201, "{target}: {}", first.body);
        let again = bench.named(one, target, &body).await;
        assert_eq!(again.status, 201, "{target}: {}", again.body);
        assert_eq!(again.body[id], first.body[id], "{target}");
        assert!(first.body[id].is_string(), "{target}: {}", first.body);
        let different = bench.named(other, target, &body).await;
        assert_ne!(different.body[id], first.body[id], "{target}");
    }
    let made = bench.expect(200, "GET", "/restapis", Value::Null).await;
    assert_eq!(made.body["item"].as_array().unwrap().len(), 2);
    let made = bench.expect(200, "GET", "/v2/apis", Value::Null).await;
    assert_eq!(made.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_name_stands_for_one_call_of_one_caller() {
    let bench = Bench::new();
    let name = "0123456789abcdef";
    let first = bench
        .named(name, "/restapis", &json!({ "name": "a" }))
        .await;
    let second = bench
        .named(name, "/restapis", &json!({ "name": "b" }))
        .await;
    assert_eq!(second.body["name"], "b", "another body is another call");
    assert_ne!(second.body["id"], first.body["id"]);
    for short in ["", "0123456789abcde", "0123456789 abcdef"] {
        let refused = bench
            .named(short, "/restapis", &json!({ "name": "c" }))
            .await;
        assert_eq!(refused.status, 400, "{short:?}");
    }
}
