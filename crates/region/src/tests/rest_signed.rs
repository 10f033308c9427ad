//! Methods whose callers sign, through the whole pipeline.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderName, Request};
use lang::sigv4::{Message, Signer};
use model::{
    AccessKey, Content, KeyState, PreviousSecret,
    rest::{
        AuthorizationType, CacheControlStrategy, IntegrationType, MethodSetting, StageSettings,
        Verb,
    },
};
use serve::Body;

use super::{
    backend::Backend,
    harness::{Answer, HOST, Rig, get, request},
    rest::{method, rig},
};

const MINUTE_MS: u64 = 60_000;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn statement(effect: &str, resource: &str, principal: Option<&str>) -> String {
    let principal = principal.map_or(String::new(), |arn| {
        format!(r#""Principal":{{"AWS":"{arn}"}},"#)
    });
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}",{principal}
            "Action":"execute-api:Invoke","Resource":"{resource}"}}]}}"#
    )
}

/// A region whose methods `ANY /part` and `ANY /other` want signatures, with four keys.
async fn signed_rig(policy: Option<String>) -> (Rig, Backend) {
    let backend = Backend::echo().await;
    let mut proxy = method(IntegrationType::HttpProxy, Some(backend.url()));
    proxy.settings.authorization = AuthorizationType::Iam;
    let settings = &mut proxy.integration.as_mut().unwrap().settings;
    for name in ["accessKey", "accountId", "caller", "user", "userArn"] {
        let target = format!("integration.request.header.x-{}", name.to_lowercase());
        let source = format!("context.identity.{name}");
        settings.request_parameters.insert(target, source);
    }
    let parts = ["part", "other"].map(|part| (part, Verb::Any, proxy.clone()));
    let rig = rig(parts.into(), &[]).await;
    let mut config = (**rig.config.borrow()).clone();
    let one = "arn:aws:execute-api:us-east-1:000000000000:a1/prod/GET/part";
    let key = |id: &str, alter: &dyn Fn(&mut AccessKey)| {
        let mut key = AccessKey::unrestricted(id, format!("{id}-secret"), format!("{id}-name"), 0);
        alter(&mut key);
        (key.id.clone(), Arc::new(key))
    };
    config.access_keys = [
        key("FREE", &|_| {}),
        key("ONE", &|key| {
            key.policy = Some(statement("Allow", one, None).into());
        }),
        key("OFF", &|key| key.state = KeyState::Disabled),
        key("DENIED", &|key| {
            key.policy = Some(statement("Deny", one, None).into());
        }),
        key("ROTATED", &|key| {
            key.previous = Some(PreviousSecret {
                secret: "before".to_owned(),
                until_ms: u64::MAX,
            });
        }),
    ]
    .into();
    if let Some(policy) = policy {
        let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
        for deployment in api.deployments.values_mut() {
            let content = &mut Arc::make_mut(deployment).content;
            if let Content::Rest(content) = content {
                Arc::make_mut(content).policy = Some(policy.clone());
            }
        }
    }
    config.revision = model::Revision(3);
    rig.config.send_replace(Arc::new(config));
    super::harness::eventually(|| rig.region.revision() == 3).await;
    (rig, backend)
}

fn signer<'a>(id: &'a str, secret: &'a str) -> Signer<'a> {
    Signer {
        access_key_id: id,
        secret,
        region: "us-east-1",
        service: "execute-api",
    }
}

/// Signs a request, whose headers are signed too.
fn sign(
    mut request: Request<Body>,
    body: &'static str,
    signer: Signer<'_>,
    at_ms: u64,
) -> Request<Body> {
    let headers: Vec<(&str, &[u8])> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let signed = signer.sign(
        &Message {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: &headers,
            body: body.as_bytes(),
        },
        at_ms,
    );
    let headers = request.headers_mut();
    headers.insert("authorization", signed.authorization.parse().unwrap());
    headers.insert("x-amz-date", signed.date.parse().unwrap());
    *request.body_mut() = Body::full(body);
    request
}

async fn ask_as(rig: &Rig, id: &str, method: &str, path: &str) -> Answer {
    let secret = format!("{id}-secret");
    let request = request(method, path, Body::empty());
    rig.ask(sign(request, "", signer(id, &secret), now_ms()))
        .await
}

#[track_caller]
fn refused(answer: &Answer, kind: &str, start: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.header("x-amzn-errortype"), kind);
    let start = format!("{{\"message\":\"{start}");
    assert!(answer.text.starts_with(&start), "{answer:?}");
}

#[track_caller]
fn denied(answer: &Answer, who: &str, what: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.header("x-amzn-errortype"), "AccessDeniedException");
    let expected = format!(
        "{{\"Message\":\"User: arn:aws:iam::000000000000:user/{who}-name is not authorized to \
         perform: execute-api:Invoke on resource: \
         arn:aws:execute-api:us-east-1:********0000:a1/prod/{what}\"}}"
    );
    assert_eq!(answer.text, expected);
}

#[tokio::test]
async fn what_is_signed_arrives_with_who_signed_it() {
    let (rig, _backend) = signed_rig(None).await;
    let mut asked = request("POST", "/prod/part?b=2&a=%20x", Body::empty());
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "5"),
        ("x-amz-meta", "  a   b "),
        ("x-http-method-override", "PUT"),
        ("cloudfront-viewer-country", "NZ"),
    ] {
        let name = HeaderName::from_static(name);
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let free = signer("FREE", "FREE-secret");
    let answer = rig.ask(sign(asked, "hello", free, now_ms())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (name, value) in [
        ("x-accesskey", "FREE"),
        ("x-accountid", "000000000000"),
        ("x-caller", "FREE"),
        ("x-user", "FREE"),
        ("x-userarn", "arn:aws:iam::000000000000:user/FREE-name"),
    ] {
        assert_eq!(answer.echoed(name), Some(value), "{answer:?}");
    }
    assert_eq!(answer.echoed("authorization"), None, "{answer:?}");
    assert!(answer.text.ends_with("hello"), "{answer:?}");
}

#[tokio::test]
async fn a_presigned_request_is_good_until_it_ends() {
    let (rig, _backend) = signed_rig(None).await;
    let presigned = |at_ms| {
        let message = Message {
            method: "GET",
            path: "/prod/part",
            query: "a=1",
            headers: &[("host", HOST.as_bytes())],
            body: b"",
        };
        let query = signer("FREE", "FREE-secret").presign(&message, at_ms, 600);
        format!("/prod/part?{query}")
    };
    let path = presigned(now_ms());
    let answer = rig.get(&path).await;
    assert_eq!(answer.status, 200);
    // Whoever has the signature could send the request again.
    assert_eq!(answer.line(), "GET /?a=1");
    let altered = rig.get(&format!("{path}&b=2")).await;
    let words = "The request signature we calculated does not match";
    refused(&altered, "InvalidSignatureException", words);
    let late = rig.get(&presigned(now_ms() - 11 * MINUTE_MS)).await;
    refused(&late, "InvalidSignatureException", "Signature expired: ");
}

#[tokio::test]
async fn whoever_has_not_signed_well_is_told_why() {
    let (rig, _backend) = signed_rig(None).await;
    let answer = rig.get("/prod/part").await;
    let missing = "MissingAuthenticationTokenException";
    refused(&answer, missing, "Missing Authentication Token");
    let mut bearer = get("/prod/part");
    let headers = bearer.headers_mut();
    headers.insert("authorization", "Bearer token".parse().unwrap());
    let answer = rig.ask(bearer).await;
    let words = "Authorization header requires 'Credential' parameter. Authorization header \
                 requires 'Signature' parameter. ";
    refused(&answer, "IncompleteSignatureException", words);
    assert!(!answer.text.contains("token"), "{answer:?}");
    for id in ["NONE", "OFF"] {
        let answer = ask_as(&rig, id, "GET", "/prod/part").await;
        let words = "The security token included in the request is invalid.";
        refused(&answer, "UnrecognizedClientException", words);
    }
    let invalid = "InvalidSignatureException";
    let wrong = "The request signature we calculated does not match";
    let ask = async |body, signer, at_ms| {
        let mut asked = sign(get("/prod/part"), "", signer, at_ms);
        *asked.body_mut() = Body::full(body);
        rig.ask(asked).await
    };
    let answer = ask("", signer("FREE", "other"), now_ms()).await;
    refused(&answer, invalid, wrong);
    let free = signer("FREE", "FREE-secret");
    refused(&ask("more", free, now_ms()).await, invalid, wrong);
    let early = now_ms() - 7 * MINUTE_MS;
    refused(&ask("", free, early).await, invalid, "Signature expired: ");
    let late = now_ms() + 7 * MINUTE_MS;
    let answer = ask("", free, late).await;
    refused(&answer, invalid, "Signature not yet current: ");
    let foreign = Signer {
        service: "apigateway",
        ..free
    };
    let answer = ask("", foreign, now_ms()).await;
    refused(&answer, invalid, "Credential should be scoped to correct");
    for (reason, count) in [
        ("signature_missing", 1),
        ("signature_malformed", 2),
        ("access_key_unknown", 2),
        ("signature_mismatch", 2),
        ("signature_expired", 2),
    ] {
        let seen = rig.metric("edgeway_region_faults_total", reason);
        assert_eq!(seen, count, "{reason}");
    }
}

#[tokio::test]
async fn both_secrets_are_good_while_a_rotation_lasts() {
    let (rig, _backend) = signed_rig(None).await;
    for (secret, status) in [("ROTATED-secret", 200), ("before", 200), ("else", 403)] {
        let asked = sign(get("/prod/part"), "", signer("ROTATED", secret), now_ms());
        assert_eq!(rig.ask(asked).await.status, status, "{secret}");
    }
}

#[tokio::test]
async fn the_policy_of_a_key_decides() {
    let (rig, _backend) = signed_rig(None).await;
    for path in ["/prod/part", "/prod/p%61rt", "/prod/part/"] {
        assert_eq!(ask_as(&rig, "ONE", "GET", path).await.status, 200, "{path}");
        let answer = ask_as(&rig, "DENIED", "GET", path).await;
        assert!(answer.text.contains("/GET/part with an explicit deny"));
        assert_eq!(answer.status, 403);
    }
    let answer = ask_as(&rig, "ONE", "POST", "/prod/part").await;
    denied(&answer, "ONE", "POST/part");
    let answer = ask_as(&rig, "ONE", "GET", "/prod/other").await;
    denied(&answer, "ONE", "GET/other");
}

#[tokio::test]
async fn either_policy_may_allow_and_any_denial_counts() {
    let one = "arn:aws:iam::000000000000:user/ONE-name";
    let allow = statement("Allow", "execute-api:/prod/GET/other", Some(one));
    let (rig, _backend) = signed_rig(Some(allow)).await;
    assert_eq!(ask_as(&rig, "ONE", "GET", "/prod/other").await.status, 200);
    assert_eq!(ask_as(&rig, "ONE", "GET", "/prod/part").await.status, 200);
    let answer = ask_as(&rig, "DENIED", "GET", "/prod/other").await;
    denied(&answer, "DENIED", "GET/other");
    let deny = statement("Deny", "execute-api:/prod/GET/*", Some(one));
    let (rig, _backend) = signed_rig(Some(deny)).await;
    let answer = ask_as(&rig, "ONE", "GET", "/prod/part").await;
    assert!(answer.text.contains("with an explicit deny"), "{answer:?}");
    assert_eq!(ask_as(&rig, "FREE", "GET", "/prod/part").await.status, 200);
}

#[tokio::test]
async fn only_signers_whose_policy_says_so_get_fresh_answers_of_a_cache() {
    let (rig, _backend) = signed_rig(None).await;
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    let caching = MethodSetting {
        caching: true,
        unauthorized_cache_control: CacheControlStrategy::Fail,
        ..MethodSetting::default()
    };
    api.stages.values_mut().next().unwrap().rest = Some(Box::new(StageSettings {
        cache_cluster: true,
        cache_size: Some("0.5".to_owned()),
        method_settings: [("*/*".to_owned(), caching)].into(),
        ..StageSettings::default()
    }));
    config.revision = model::Revision(4);
    rig.config.send_replace(Arc::new(config));
    super::harness::eventually(|| rig.region.revision() == 4).await;

    let asked = |id: &'static str, control: &'static str| {
        let mut asked = request("GET", "/prod/part", Body::empty());
        let control = control.parse().unwrap();
        asked.headers_mut().insert("cache-control", control);
        let secret = format!("{id}-secret");
        rig.ask(sign(asked, "", signer(id, &secret), now_ms()))
    };
    let is_kept = |answer: &Answer| answer.headers.contains_key("age");
    assert!(!is_kept(&asked("FREE", "no-transform").await));
    assert!(is_kept(&asked("ONE", "no-transform").await));
    let refused = asked("ONE", "max-age=0").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let fresh = asked("FREE", "max-age=0").await;
    assert_eq!((fresh.status, is_kept(&fresh)), (200, false), "{fresh:?}");
}
