//! Routes of HTTP APIs that ask for tokens: the words of RFC 6750 that clients get.

use std::sync::Arc;

use http::Request;
use link::PeerRole;
use model::{
    Content,
    rest::{AuthorizationType, AuthorizerType},
    v2::{Authorizer, Jwt},
};
use serde_json::json;
use serve::Body;

use super::{
    super::{
        backend::Backend,
        entrances::call_with,
        harness::{Answer, Rig, Setup, eventually, get, line},
    },
    CONNECT_MAX, NEVER, claims,
    issuer::Issuer,
};

fn authorizer(issuer: &Issuer) -> Authorizer {
    Authorizer {
        id: "auth".into(),
        name: "auth".to_owned(),
        kind: AuthorizerType::Jwt,
        uri: None,
        credentials: None,
        identity_source: vec!["$request.querystring.token".to_owned()],
        identity_validation: None,
        payload_format_version: None,
        ttl_s: None,
        simple_responses: None,
        jwt: Some(Jwt {
            issuer: Some(issuer.url()),
            audience: vec!["app".to_owned()],
        }),
    }
}

/// A region whose routes `GET /plain` and `GET /scoped` ask for tokens in the query.
async fn rig(issuer: &Issuer) -> (Rig, Backend) {
    let backend = Backend::echo().await;
    let lines = ["GET /open", "GET /plain", "GET /scoped"].map(|key| line(key, backend.url()));
    let setup = Setup::of(lines);
    let rig = Rig::start_with(setup, |settings| {
        settings.upstreams.extra_ca_pem = Some(issuer.pem());
        settings.keys = NEVER;
        settings.upstreams.connect_timeout = CONNECT_MAX;
    })
    .await;
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    let deployment = api.deployments.values_mut().next().map(Arc::make_mut);
    let Content::Http(content) = &mut deployment.unwrap().content else {
        panic!("no HTTP API");
    };
    let authorizer = authorizer(issuer);
    for route in content.routes.values_mut().map(Arc::make_mut) {
        let key = route.key.to_string();
        if key != "GET /open" {
            route.rules.authorization = AuthorizationType::Jwt;
            route.rules.authorizer = Some(authorizer.id.clone());
        }
        if key == "GET /scoped" {
            route.rules.scopes = vec!["a/read".to_owned(), "a/write".to_owned()];
        }
    }
    content
        .authorizers
        .insert(authorizer.id.clone(), Arc::new(authorizer));
    config.revision = model::Revision(2);
    rig.config.send_replace(Arc::new(config));
    eventually(|| rig.region.revision() == 2).await;
    (rig, backend)
}

fn asked(path: &str, token: &str) -> Request<Body> {
    get(&format!("{path}?token={token}"))
}

#[track_caller]
fn refused(answer: &Answer, status: u16, challenge: &str) {
    let word = if status == 401 {
        "Unauthorized"
    } else {
        "Forbidden"
    };
    let text = format!("{{\"message\":\"{word}\"}}");
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (status, text.as_str()),
        "{answer:?}"
    );
    assert_eq!(answer.header("www-authenticate"), challenge);
    assert!(!answer.header("apigw-requestid").is_empty());
}

#[tokio::test]
async fn clients_are_told_what_is_wrong_with_their_tokens() {
    let issuer = Issuer::start().await;
    let (rig, backend) = rig(&issuer).await;
    assert_eq!(rig.get("/open").await.status, 200);
    refused(&rig.get("/plain").await, 401, "Bearer");
    refused(&rig.get("/plain?token=").await, 401, "Bearer");
    let invalid = |scopes: &str, what: &str| {
        format!("Bearer scope=\"{scopes}\" error=\"invalid_token\" error_description=\"{what}\"")
    };
    let malformed = invalid("", "token contains an invalid number of segments");
    refused(&rig.ask(asked("/plain", "x")).await, 401, &malformed);
    // Only keys of RSA are accepted, as at Amazon.
    let curve = issuer.sign(&claims(&issuer.url()));
    let answer = rig.ask(asked("/plain", &curve)).await;
    refused(
        &answer,
        401,
        &invalid("", "signing method ES256 is invalid"),
    );
    let mut other = claims(&issuer.url());
    other["aud"] = "other".into();
    let answer = rig.ask(asked("/plain", &issuer.sign_rsa(&other))).await;
    let audience = "the token does not have a valid audience";
    refused(&answer, 401, &invalid("", audience));
    let answer = rig.ask(asked("/scoped", &issuer.sign_rsa(&other))).await;
    refused(&answer, 401, &invalid("a/read a/write", audience));
    let none = issuer.sign_rsa(&claims(&issuer.url()));
    let answer = rig.ask(asked("/scoped", &none)).await;
    refused(
        &answer,
        403,
        "Bearer scope=\"a/read a/write\" error=\"insufficient_scope\" \
         error_description=\"expected scopes: [a/read a/write]\"",
    );
    assert_eq!(backend.accepted(), 1);
    assert_eq!(rig.ask(asked("/plain", &none)).await.status, 200);
    let mut granted = claims(&issuer.url());
    granted["scope"] = "b a/read".into();
    granted.as_object_mut().unwrap().remove("aud");
    granted["client_id"] = json!("app");
    let granted = issuer.sign_rsa(&granted);
    assert_eq!(rig.ask(asked("/scoped", &granted)).await.status, 200);
    let answer = call_with(&rig, PeerRole::Pop, asked("/scoped", &granted)).await;
    assert_eq!(answer.header("edgeway-single-use"), "?1");
    assert_eq!(issuer.asked(), (1, 1));
}

#[tokio::test]
async fn an_issuer_that_is_down_is_said_to_be() {
    let issuer = Issuer::start().await;
    let (rig, backend) = rig(&issuer).await;
    issuer.set_down(true);
    let good = issuer.sign_rsa(&claims(&issuer.url()));
    let answer = rig.ask(asked("/plain", &good)).await;
    let challenge = "Bearer scope=\"\" error=\"invalid_token\" \
                     error_description=\"JWKS communication error\"";
    refused(&answer, 401, challenge);
    issuer.set_down(false);
    assert_eq!(rig.ask(asked("/plain", &good)).await.status, 200);
    assert_eq!(backend.accepted(), 1);
}
