//! Join policies as the management API takes and shows them.

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::Bench;

const PATH: &str = "/edgeway/v1/join-policies/pops";

/// RSA with 2048 bits, good until 2126.
const CERTIFICATE: &str = include_str!("aws-like.pem");

fn aws(change: impl FnOnce(&mut Value)) -> Value {
    let mut policy = json!({
        "role": "pop", "place": "oslo",
        "awsIid": { "certificates": CERTIFICATE, "accountIds": ["111122223333"] },
    });
    change(&mut policy);
    policy
}

fn oidc(change: impl FnOnce(&mut Value)) -> Value {
    let mut proof = json!({
        "issuer": "https://i.test", "claims": { "sub": ["b", "a", "a"] },
    });
    change(&mut proof);
    json!({ "role": "dns", "oidc": proof })
}

const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k",
    "x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}"#;

#[tokio::test]
async fn what_is_put_is_shown() {
    let bench = Bench::new();
    // The cluster's first format has no place for policies.
    bench.expect(409, "PUT", PATH, aws(|_| ())).await;
    let format = "/edgeway/v1/format";
    bench.expect(200, "POST", format, json!({})).await;
    let put = bench.expect(200, "PUT", PATH, aws(|_| ())).await.body;
    assert_eq!(put["awsIid"]["certificates"], CERTIFICATE);
    assert_eq!(put["awsIid"]["maxAgeSeconds"], 900);
    assert_eq!(put["awsIid"]["regions"], json!([]));
    assert_eq!(
        (&put["role"], &put["place"]),
        (&json!("pop"), &json!("oslo"))
    );
    assert_eq!(put["caSha256"].as_str().map(str::len), Some(64));
    assert_eq!(put["regions"].as_array().map(Vec::len), Some(1));
    // Written as it was shown, it is the same.
    let again = bench.expect(200, "PUT", PATH, put.clone()).await.body;
    assert_eq!(again, put);
    let shown = bench.expect(200, "GET", PATH, Value::Null).await.body;
    assert_eq!(shown, put);
    let all = "/edgeway/v1/join-policies";
    let all = bench.expect(200, "GET", all, Value::Null).await.body;
    assert_eq!(all["items"], json!([put]));

    let put = bench.expect(200, "PUT", PATH, oidc(|_| ())).await.body;
    assert_eq!(put["oidc"]["claims"], json!({ "sub": ["a", "b"] }));
    assert_eq!(put["oidc"]["audiences"].as_array().map(Vec::len), Some(1));
    assert!(put.get("awsIid").is_none(), "{put}");
    let given = oidc(|proof| {
        proof["jwks"] = json!(KEYS);
        proof["issuer"] = json!("kubernetes/serviceaccount");
    });
    let put = bench.expect(200, "PUT", PATH, given).await.body;
    assert_eq!(put["oidc"]["jwks"], KEYS);

    bench.expect(204, "DELETE", PATH, Value::Null).await;
    bench.expect(404, "GET", PATH, Value::Null).await;
    bench.expect(404, "DELETE", PATH, Value::Null).await;
    let uses = "/edgeway/v1/join-uses";
    let none = bench.expect(200, "GET", uses, Value::Null).await.body;
    assert_eq!(none["items"], json!([]));
    let one = format!("{uses}/oidc%3Ahttps%3A%2F%2Fi.test%20a");
    bench.expect(404, "DELETE", &one, Value::Null).await;
    // The audit trail knows the policy.
    let history = "/edgeway/v1/history?maxResults=10";
    let history = bench.expect(200, "GET", history, Value::Null).await.body;
    assert!(history.to_string().contains("join-policy"), "{history}");
}

#[tokio::test]
async fn policies_that_would_let_in_strangers_are_refused() {
    let bench = Bench::new();
    let check = async |policy: Value, expected: &str| {
        let refused = bench.expect(400, "PUT", PATH, policy).await.body;
        let message = refused["message"].as_str().unwrap_or_default();
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    };
    check(json!({ "role": "dns" }), "exactly one of").await;
    let both = aws(|policy| policy["oidc"] = json!({}));
    check(both, "exactly one of").await;
    let none = aws(|policy| policy["awsIid"]["accountIds"] = json!([]));
    check(none, "accountIds").await;
    let short = aws(|policy| policy["awsIid"]["accountIds"] = json!(["1"]));
    check(short, "accountIds").await;
    let none = aws(|policy| policy["awsIid"]["certificates"] = json!("PEM"));
    check(none, "awsIid.certificates: no certificate").await;
    let key = KeyPair::generate().unwrap();
    let curve = CertificateParams::default()
        .self_signed(&key)
        .unwrap()
        .pem();
    let curve = aws(|policy| policy["awsIid"]["certificates"] = json!(curve));
    check(curve, "number 1 has no RSA key of 2048 bits").await;
    let old = aws(|policy| policy["awsIid"]["maxAgeSeconds"] = json!(0));
    check(old, "maxAgeSeconds").await;
    let role = aws(|policy| policy["role"] = json!("king"));
    check(role, "role must be").await;
    let place = aws(|policy| policy["place"] = Value::Null);
    check(place, "place must be given").await;

    check(oidc(|proof| proof["claims"] = json!({})), "oidc.claims").await;
    let empty = oidc(|proof| proof["claims"] = json!({ "sub": [] }));
    check(empty, "oidc.claims.sub").await;
    let plain = oidc(|proof| proof["issuer"] = json!("http://i.test"));
    check(plain, "oidc.issuer must be an https URL").await;
    let plain = oidc(|proof| proof["jwksUri"] = json!("http://i.test/keys"));
    check(plain, "oidc.jwksUri").await;
    let user = oidc(|proof| proof["jwksUri"] = json!("https://u@i.test/keys"));
    check(user, "oidc.jwksUri").await;
    let both = oidc(|proof| {
        proof["jwksUri"] = json!("https://i.test/keys");
        proof["jwks"] = json!(KEYS);
    });
    check(both, "not both").await;
    let none = oidc(|proof| proof["jwks"] = json!(r#"{"keys":[{"kty":"oct","kid":"k"}]}"#));
    check(none, "oidc.jwks has no key").await;
    check(oidc(|proof| proof["jwks"] = json!("[]")), "oidc.jwks").await;
}
