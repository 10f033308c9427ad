//! Methods and routes that ask for tokens, with an issuer on loopback: what clients are told, what
//! backends see, and how often the issuer is asked for its keys.

mod http_api;
mod issuer;

use std::{sync::Arc, time::Duration};

use http::Request;
use link::PeerRole;
use model::rest::{
    self, AuthorizationType, Authorizer, AuthorizerType, GatewayResponseType, IntegrationType,
    JwtClaim, JwtConfiguration, JwtIssuer, Resource, Verb,
};
use serde_json::{Value, json};
use serve::Body;

use self::issuer::Issuer;
use super::{
    backend::Backend,
    entrances::call_with,
    harness::{Answer, Rig, Setup, eventually, get},
    rest::{method, serve_content},
};
use crate::{AuthorizerTest, KeyTimes, Tester};

/// Nothing is fetched again within a test.
pub(super) const NEVER: KeyTimes = KeyTimes {
    fresh: Duration::from_hours(1),
    stale_max: Duration::from_hours(2),
    unknown_every: Duration::from_hours(1),
    retry_every: Duration::ZERO,
    answer_max: Duration::from_secs(30),
};

/// A machine that is busy elsewhere is no issuer that is down.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(30);

fn jwt_authorizer(issuer: &Issuer) -> Authorizer {
    let claim = JwtClaim {
        name: "tier".to_owned(),
        format: "SINGLE_STRING".to_owned(),
        required: Some(false),
        expected: vec!["gold".to_owned()],
    };
    Authorizer {
        id: "auth".into(),
        name: "auth".to_owned(),
        kind: AuthorizerType::Jwt,
        provider_arns: Vec::new(),
        auth_type: None,
        uri: None,
        credentials: None,
        identity_source: Some("method.request.header.X-Token".to_owned()),
        identity_validation: None,
        ttl_s: None,
        jwt: Some(JwtConfiguration {
            issuers: vec![JwtIssuer {
                issuer: Some(issuer.url()),
                audiences: vec!["app".to_owned(), "other".to_owned()],
                claims: vec![claim],
                jwks_uri: None,
            }],
            default_algorithms: Vec::new(),
        }),
    }
}

/// The pool's tokens come from `issuer`, whose name is that of Amazon.
fn pool_authorizer() -> Authorizer {
    Authorizer {
        kind: AuthorizerType::Cognito,
        provider_arns: vec![
            "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Pool".to_owned(),
        ],
        identity_source: Some("method.request.header.Authorization".to_owned()),
        identity_validation: Some("client-[0-9]+".to_owned()),
        jwt: None,
        ..jwt_authorizer(&Issuer::unbound())
    }
}

const POOL: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool";

/// A region whose method `GET /prod/part` asks that authorizer.
async fn rig(
    issuer: &Issuer,
    times: KeyTimes,
    authorizer: Authorizer,
    alter: impl FnOnce(&mut rest::Content, &mut rest::Method),
) -> (Rig, Backend) {
    let backend = Backend::echo().await;
    let mut guarded = method(IntegrationType::HttpProxy, Some(backend.url()));
    guarded.settings.authorization = match authorizer.kind {
        AuthorizerType::Cognito => AuthorizationType::Cognito,
        _ => AuthorizationType::Jwt,
    };
    guarded.settings.authorizer = Some(authorizer.id.clone());
    let settings = &mut guarded.integration.as_mut().unwrap().settings;
    for name in ["sub", "exp", "groups", "count"] {
        let target = format!("integration.request.header.x-{name}");
        let source = format!("context.authorizer.claims.{name}");
        settings.request_parameters.insert(target, source);
    }
    let mut content = rest::Content::empty("root".into());
    content
        .authorizers
        .insert(authorizer.id.clone(), Arc::new(authorizer));
    alter(&mut content, &mut guarded);
    let resource = Resource {
        id: "part".into(),
        parent: Some("root".into()),
        part: "part".to_owned(),
        methods: [(Verb::Get, Arc::new(guarded))].into(),
    };
    content.resources.insert("part".into(), Arc::new(resource));
    let rig = Rig::start_with(Setup::default(), |settings| {
        settings.upstreams.extra_ca_pem = Some(issuer.pem());
        settings.upstreams.aws = issuer.as_user_pools();
        settings.upstreams.connect_timeout = CONNECT_MAX;
        settings.keys = times;
    });
    (serve_content(rig.await, content, |_| {}).await, backend)
}

fn with_token(header: &str, token: &str) -> Request<Body> {
    let mut asked = get("/prod/part");
    let name = http::HeaderName::from_bytes(header.as_bytes()).unwrap();
    asked.headers_mut().insert(name, token.parse().unwrap());
    asked
}

async fn ask(rig: &Rig, token: &str) -> Answer {
    rig.ask(with_token("x-token", token)).await
}

fn claims(issuer: &str) -> Value {
    json!({"iss": issuer, "aud": "app", "exp": issuer::now_s() + 600, "iat": issuer::now_s() - 5,
        "sub": "somebody", "groups": ["a", "b"], "count": 3})
}

#[track_caller]
fn refused(answer: &Answer, status: u16, kind: &str, text: &str) {
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (status, text),
        "{answer:?}"
    );
    assert_eq!(answer.header("x-amzn-errortype"), kind);
}

const UNAUTHORIZED: &str = r#"{"message":"Unauthorized"}"#;

#[tokio::test]
async fn good_tokens_pass_and_are_shown_to_backends() {
    let issuer = Issuer::start().await;
    let (rig, _backend) = rig(&issuer, NEVER, jwt_authorizer(&issuer), |_, _| {}).await;
    refused(
        &rig.get("/prod/part").await,
        401,
        "UnauthorizedException",
        UNAUTHORIZED,
    );
    assert_eq!(issuer.asked(), (0, 0), "nobody asked for keys yet");
    let good = issuer.sign(&claims(&issuer.url()));
    // All of the first ones wait for one fetch.
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (handler, asked) = (Arc::clone(&rig.handler), with_token("x-token", &good));
        all.spawn(async move { handler.handle(asked, super::harness::conn()).await.status() });
    }
    while let Some(status) = all.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    let answer = ask(&rig, &format!("bearer {good}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.echoed("x-sub"), Some("somebody"));
    assert_eq!(answer.echoed("x-groups"), Some("[a b]"));
    assert_eq!(answer.echoed("x-count"), Some("3"));
    assert_eq!(issuer.asked(), (1, 1));
    assert_eq!(rig.metric("edgeway_region_key_fetches_total", "ok"), 1);
    // POPs must not give the answer to anybody else.
    let asked = with_token("x-token", &good);
    let answer = call_with(&rig, PeerRole::Pop, asked).await;
    assert_eq!(answer.header("edgeway-single-use"), "?1");
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let issuer = Issuer::start().await;
    let (rig, backend) = rig(&issuer, NEVER, jwt_authorizer(&issuer), |_, _| {}).await;
    let altered = |name: &str, value: Value| {
        let mut claims = claims(&issuer.url());
        claims[name] = value;
        issuer.sign(&claims)
    };
    let good = issuer.sign(&claims(&issuer.url()));
    assert_eq!(ask(&rig, &good).await.status, 200);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let unsigned = format!(
        "{}.{}.",
        issuer::encode(r#"{"alg":"none","kid":"one"}"#),
        signed.split_once('.').unwrap().1
    );
    let twice = {
        let mut asked = with_token("x-token", &good);
        asked.headers_mut().append("x-token", good.parse().unwrap());
        rig.ask(asked).await
    };
    refused(&twice, 401, "UnauthorizedException", UNAUTHORIZED);
    let cases = [
        (altered("aud", json!("x")), "token_audience"),
        (altered("iss", json!("https://evil.test")), "token_issuer"),
        (
            altered("nbf", json!(issuer::now_s() + 600)),
            "token_not_yet",
        ),
        (
            altered("iat", json!(issuer::now_s() + 600)),
            "token_issued_later",
        ),
        (altered("tier", json!("tin")), "token_claim"),
        (unsigned, "token_algorithm"),
        (format!("{signed}x.{signature}"), "token_malformed"),
        (
            issuer.sign_as("two", &claims(&issuer.url())),
            "token_unknown_key",
        ),
        (issuer.forge(&claims(&issuer.url())), "token_signature"),
        ("rubbish".to_owned(), "token_malformed"),
    ];
    for (token, reason) in &cases {
        let before = rig.metric("edgeway_region_faults_total", reason);
        refused(
            &ask(&rig, token).await,
            401,
            "UnauthorizedException",
            UNAUTHORIZED,
        );
        let after = rig.metric("edgeway_region_faults_total", reason);
        assert_eq!(after, before + 1, "{reason} {token}");
    }
    let expired = ask(&rig, &altered("exp", json!(issuer::now_s() - 1))).await;
    let text = r#"{"message":"The incoming token has expired"}"#;
    refused(&expired, 401, "UnauthorizedException", text);
    assert_eq!((issuer.asked(), backend.accepted()), ((1, 1), 1));
}

#[tokio::test]
async fn one_of_a_methods_scopes_is_enough() {
    let issuer = Issuer::start().await;
    let scoped = |content: &mut rest::Content, method: &mut rest::Method| {
        method.settings.scopes = vec!["pets/read".to_owned(), "pets/write".to_owned()];
        let own = rest::GatewayResponse {
            status: Some(418),
            ..rest::GatewayResponse::default()
        };
        let kind = GatewayResponseType::Unauthorized;
        content.gateway_responses.insert(kind, Arc::new(own));
    };
    let (rig, _backend) = rig(&issuer, NEVER, jwt_authorizer(&issuer), scoped).await;
    let mut claims = claims(&issuer.url());
    let answer = ask(&rig, &issuer.sign(&claims)).await;
    let text = r#"{"Message":"User is not authorized to access this resource"}"#;
    refused(&answer, 403, "AccessDeniedException", text);
    claims["scp"] = json!(["x", "pets/write"]);
    assert_eq!(ask(&rig, &issuer.sign(&claims)).await.status, 200);
    // The API's owner has the say in what clients get.
    assert_eq!(rig.get("/prod/part").await.status, 418);
}

#[tokio::test]
async fn keys_change_and_issuers_go_down() {
    let issuer = Issuer::start().await;
    let always = KeyTimes {
        fresh: Duration::ZERO,
        unknown_every: Duration::ZERO,
        ..NEVER
    };
    let (rig, _backend) = rig(&issuer, always, jwt_authorizer(&issuer), |_, _| {}).await;
    issuer.set_down(true);
    let claims = claims(&issuer.url());
    let answer = ask(&rig, &issuer.sign(&claims)).await;
    refused(
        &answer,
        500,
        "AuthorizerFailureException",
        r#"{"message":null}"#,
    );
    issuer.set_down(false);
    assert_eq!(ask(&rig, &issuer.sign(&claims)).await.status, 200);
    // A key that was not there before is fetched for the token that names it.
    let second = issuer.sign_as("two", &claims);
    assert_eq!(ask(&rig, &second).await.status, 401);
    issuer.publish("two");
    assert_eq!(ask(&rig, &second).await.status, 200);
    // What is known is enough while the issuer is down.
    issuer.set_down(true);
    let failed = || rig.metric("edgeway_region_key_fetches_total", "status");
    let before = failed();
    let end = async {
        loop {
            assert_eq!(ask(&rig, &second).await.status, 200);
            if failed() > before + 1 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), end)
        .await
        .unwrap();
    // A key that the issuer withdraws is not accepted once its issuer has said so.
    issuer.set_down(false);
    issuer.withdraw("two");
    let end = async { while ask(&rig, &second).await.status == 200 {} };
    tokio::time::timeout(Duration::from_secs(20), end)
        .await
        .unwrap();
}

#[tokio::test]
async fn user_pools_tell_who_asks_and_what_was_granted() {
    let issuer = Issuer::start().await;
    let (rig, _backend) = rig(&issuer, NEVER, pool_authorizer(), |_, _| {}).await;
    let mut id = claims(POOL);
    id["aud"] = "client-1".into();
    id["token_use"] = "id".into();
    id["exp"] = 4_107_542_400_u64.into();
    let ask = async |claims: &Value| {
        let token = issuer.sign_rsa(claims);
        rig.ask(with_token("authorization", &format!("Bearer {token}")))
            .await
    };
    let answer = ask(&id).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.echoed("x-groups"), Some("a,b"));
    assert_eq!(answer.echoed("x-exp"), Some("Mon Mar 01 00:00:00 UTC 2100"));
    assert_eq!(issuer.asked(), (0, 1));
    for (name, value) in [
        ("token_use", "access"),
        ("aud", "else"),
        ("iss", "https://x.test"),
    ] {
        let mut bad = id.clone();
        bad[name] = value.into();
        refused(&ask(&bad).await, 401, "UnauthorizedException", UNAUTHORIZED);
    }
    // A pool signs with RSA; a curve's key is not accepted though it is there.
    let curve = issuer.sign(&id);
    let answer = rig.ask(with_token("authorization", &curve)).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn access_tokens_of_a_pool_need_a_scope() {
    let issuer = Issuer::start().await;
    let scoped = |_: &mut rest::Content, method: &mut rest::Method| {
        method.settings.scopes = vec!["pets/read".to_owned()];
    };
    let (rig, _backend) = rig(&issuer, NEVER, pool_authorizer(), scoped).await;
    let mut access = claims(POOL);
    access.as_object_mut().unwrap().remove("aud");
    access["client_id"] = "client-7".into();
    for (token_use, scope, status) in [
        ("access", "pets/read other", 200),
        ("access", "other", 401),
        ("id", "pets/read", 401),
    ] {
        access["token_use"] = token_use.into();
        access["scope"] = scope.into();
        let token = issuer.sign_rsa(&access);
        let answer = rig.ask(with_token("authorization", &token)).await;
        assert_eq!(answer.status, status, "{token_use} {scope} {answer:?}");
    }
}

#[tokio::test]
async fn a_policy_must_allow_what_a_token_asks_for() {
    let issuer = Issuer::start().await;
    let policy = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":"*",
            "Action":"execute-api:Invoke","Resource":"execute-api:/prod/GET/part"}}]}}"#
        )
    };
    let silent = policy("Allow").replace("/part", "/else");
    for (policy, status, end) in [
        (policy("Allow"), 200, ""),
        (policy("Deny"), 403, "/GET/part with an explicit deny\"}"),
        (silent, 403, "/GET/part\"}"),
    ] {
        let set = |content: &mut rest::Content, _: &mut rest::Method| {
            content.policy = Some(policy.clone());
        };
        let (rig, _backend) = rig(&issuer, NEVER, jwt_authorizer(&issuer), set).await;
        // Whoever brings no good token is told that first.
        assert_eq!(ask(&rig, "a.b.c").await.status, 401);
        let answer = ask(&rig, &issuer.sign(&claims(&issuer.url()))).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text.ends_with(end), "{answer:?}");
    }
}

#[tokio::test]
async fn authorizers_are_tried_with_tokens() {
    let issuer = Issuer::start().await;
    let (rig, _backend) = rig(&issuer, NEVER, jwt_authorizer(&issuer), |_, _| {}).await;
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    let mut editable = rest::RestApi::empty("root".into());
    let authorizer = jwt_authorizer(&issuer);
    Arc::make_mut(&mut editable.content)
        .authorizers
        .insert(authorizer.id.clone(), Arc::new(authorizer));
    api.kind = model::ApiKind::Rest(editable);
    let tester = Tester::new(&rig.region);
    let tried = async |token: &str| {
        let asked = with_token("x-token", token);
        let test = AuthorizerTest {
            api: "a1".into(),
            authorizer: "auth".into(),
            path_and_query: None,
            headers: asked.headers().clone(),
            body: bytes::Bytes::new(),
            variables: Default::default(),
        };
        tester.authorizer(&config, test).await.unwrap()
    };
    let good = tried(&issuer.sign(&claims(&issuer.url()))).await;
    assert_eq!(good.claims["sub"], "somebody");
    assert_eq!(good.client_status, 0);
    let bad = tried("x").await;
    assert_eq!((bad.client_status, bad.claims.len()), (401, 0));
    assert!(
        bad.log.contains("invalid number of segments"),
        "{}",
        bad.log
    );
    eventually(|| rig.metric("edgeway_region_key_fetches_total", "ok") == 1).await;
}
