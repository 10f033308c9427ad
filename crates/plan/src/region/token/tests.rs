//! Which authorizers of tokens run, and why others do not.

use std::{collections::BTreeMap, sync::Arc};

use lang::jwt::{Algorithm, Audience};
use model::{
    HttpContent, Integration, IntegrationKind, Route, RouteKey,
    rest::{AuthorizationType, Authorizer, AuthorizerType, JwtClaim, JwtConfiguration, JwtIssuer},
    v2,
};

use super::{KeySource, TokenAuthorizer, TokenPlace};
use crate::region::{Action, Links, RoutePlan, tests::stage};

fn rest(issuer: &str, source: &str) -> Authorizer {
    Authorizer {
        id: "a".into(),
        name: "a".to_owned(),
        kind: AuthorizerType::Jwt,
        provider_arns: Vec::new(),
        auth_type: None,
        uri: None,
        credentials: None,
        identity_source: Some(source.to_owned()),
        identity_validation: None,
        ttl_s: None,
        jwt: Some(JwtConfiguration {
            issuers: vec![JwtIssuer {
                issuer: Some(issuer.to_owned()),
                audiences: vec!["app".to_owned()],
                claims: Vec::new(),
                jwks_uri: None,
            }],
            default_algorithms: vec!["ES256".to_owned()],
        }),
    }
}

const HEADER: &str = "method.request.header.X-Own";
const ISSUER: &str = "https://i.test:8443/a%20b/";

#[track_caller]
fn refused<T: std::fmt::Debug>(compiled: Result<T, String>, start: &str) {
    let reason = compiled.unwrap_err();
    assert!(reason.starts_with(start), "{reason}");
}

#[test]
fn issuers_of_rest_apis() {
    let plan = TokenAuthorizer::of_rest(&rest(ISSUER, HEADER)).unwrap();
    assert_eq!(plan.place, TokenPlace::Header("x-own".into()));
    assert_eq!(plan.accepted.unnamed, [Algorithm::Es256]);
    let issuer = plan.issuer(ISSUER).unwrap();
    assert_eq!(*issuer.keys, KeySource::Discovered(ISSUER.into()));
    assert!(plan.issuer("https://i.test").is_none());
    for wrong in [
        "",
        "i.test",
        "http://i.test",
        "https://",
        "https:///x",
        "https://u@i.test",
        "https://i.test?q",
        "https://i.test/#f",
        "https://i test",
    ] {
        refused(
            TokenAuthorizer::of_rest(&rest(wrong, HEADER)),
            "not an absolute https URL",
        );
    }
    for source in [
        "",
        "method.request.querystring.t",
        "method.request.header.a,b",
    ] {
        let refusal = TokenAuthorizer::of_rest(&rest(ISSUER, source));
        refused(refusal, "its identity source is not one header");
    }
}

#[test]
fn rules_of_rest_apis() {
    let altered = |alter: &dyn Fn(&mut JwtConfiguration)| {
        let mut authorizer = rest(ISSUER, HEADER);
        alter(authorizer.jwt.as_mut().unwrap());
        TokenAuthorizer::of_rest(&authorizer)
    };
    refused(altered(&|jwt| jwt.issuers.clear()), "it has no issuer");
    refused(
        altered(&|jwt| jwt.issuers.push(jwt.issuers[0].clone())),
        "it names an issuer twice",
    );
    refused(
        altered(&|jwt| jwt.issuers[0].audiences.clear()),
        "issuer https://i.test",
    );
    let defaults = altered(&|jwt| jwt.default_algorithms = vec!["HS256".to_owned()]);
    refused(defaults, "no algorithm: HS256");
    let claim = |name: &str, required| JwtClaim {
        name: name.to_owned(),
        format: "SINGLE_STRING".to_owned(),
        required,
        expected: Vec::new(),
    };
    let reserved = altered(&|jwt| jwt.issuers[0].claims = vec![claim("aud", None)]);
    refused(reserved, "claim aud has a rule of its own");
    let claims = altered(&|jwt| {
        jwt.issuers[0].claims = vec![claim("a", None), claim("b", Some(false))];
        jwt.issuers[0].jwks_uri = Some("https://k.test/j".to_owned());
        jwt.default_algorithms.clear();
    });
    let claims = claims.unwrap();
    let issuer = &claims.issuers[0];
    let required: Vec<bool> = issuer
        .rules
        .claims
        .iter()
        .map(|one| one.is_required)
        .collect();
    assert_eq!(required, [true, false]);
    assert_eq!(*issuer.keys, KeySource::Document("https://k.test/j".into()));
    assert_eq!(claims.accepted.unnamed, Algorithm::ALL);
    let plain = altered(&|jwt| jwt.issuers[0].jwks_uri = Some("http://k.test/j".to_owned()));
    refused(plain, "not an absolute https URL");
}

#[test]
fn user_pools_are_named_by_arn() {
    let compiled = |arn: &str| {
        let mut authorizer = rest(ISSUER, "");
        authorizer.provider_arns = vec![arn.to_owned()];
        let variables = [("pool".to_owned(), "eu-west-1_Ab".to_owned())].into();
        TokenAuthorizer::of_user_pools(&authorizer, &variables)
    };
    let pool = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/${stageVariables.pool}";
    let plan = compiled(pool).unwrap();
    assert_eq!(plan.place, TokenPlace::Header("authorization".into()));
    let issuer = &plan.issuers[0];
    assert_eq!(
        &*issuer.rules.issuer,
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab"
    );
    assert_eq!(issuer.rules.audience, Audience::Any);
    for wrong in [
        "eu-west-1_Ab",
        "arn:aws:cognito-idp:eu-west-1:1:userpool/",
        "arn:aws:cognito-idp:eu-west-1:1:userpool/a/../b",
        "arn:aws:cognito-idp:evil.test#:1:userpool/a",
        "arn:aws:lambda:eu-west-1:1:userpool/a",
    ] {
        refused(compiled(wrong), "not the ARN of a user pool");
    }
}

fn http() -> v2::Authorizer {
    v2::Authorizer {
        id: "a".into(),
        name: "a".to_owned(),
        kind: AuthorizerType::Jwt,
        uri: None,
        credentials: None,
        identity_source: vec!["$request.header.Authorization".to_owned()],
        identity_validation: None,
        payload_format_version: None,
        ttl_s: None,
        simple_responses: None,
        jwt: Some(v2::Jwt {
            issuer: Some("http://i.test".to_owned()),
            audience: vec!["app".to_owned()],
        }),
    }
}

#[test]
fn authorizers_of_http_apis() {
    let plan = TokenAuthorizer::of_http(&http()).unwrap();
    assert_eq!(plan.place, TokenPlace::Header("authorization".into()));
    let audience = &plan.issuers[0].rules.audience;
    assert_eq!(*audience, Audience::OrClient(vec!["app".into()]));
    let altered = |alter: &dyn Fn(&mut v2::Authorizer)| {
        let mut authorizer = http();
        alter(&mut authorizer);
        TokenAuthorizer::of_http(&authorizer)
    };
    let query = altered(&|one| one.identity_source = vec!["$request.querystring.T".to_owned()]);
    assert_eq!(query.unwrap().place, TokenPlace::Query("T".into()));
    refused(
        altered(&|one| one.identity_source.clear()),
        "it needs exactly one",
    );
    let source = altered(&|one| one.identity_source = vec!["$context.stage".to_owned()]);
    refused(source, "no identity source of a token");
    refused(altered(&|one| one.jwt = None), "it has no jwtConfiguration");
    let audience = altered(&|one| one.jwt.as_mut().unwrap().audience.clear());
    refused(audience, "it has no audience");
    let issuer = altered(&|one| one.jwt.as_mut().unwrap().issuer = None);
    refused(issuer, "its issuer is no URL");
}

/// A route whose authorizer cannot be asked is not open.
#[test]
fn routes_without_their_authorizer_are_broken() {
    let mut route = Route {
        id: "r".into(),
        key: RouteKey::Default,
        target: Some("i".into()),
        operation_name: None,
        managed: false,
        rules: Box::new(v2::RouteRules {
            authorization: AuthorizationType::Jwt,
            authorizer: Some("a".into()),
            ..v2::RouteRules::default()
        }),
    };
    let integration = Integration {
        id: "i".into(),
        kind: IntegrationKind::HttpProxy {
            uri: "http://b.test".to_owned(),
            method: None,
            server_name: None,
        },
        description: None,
        timeout_ms: 1000,
        payload_format_version: "1.0".to_owned(),
        managed: false,
        mapping: Default::default(),
    };
    let mut content = HttpContent::default();
    content
        .integrations
        .insert("i".into(), Arc::new(integration));
    let compiled = |route: &Route, content: &HttpContent| {
        let none = BTreeMap::new();
        RoutePlan::compile(
            route,
            content,
            (&stage("prod", None, &[]), &Links::new(&none)),
        )
    };
    let is_broken = |plan: &RoutePlan| matches!(plan.action(), Action::Broken(_));
    let (plan, reason) = compiled(&route, &content);
    assert!(is_broken(&plan) && reason.unwrap().contains("does not exist"));
    content.authorizers.insert("a".into(), Arc::new(http()));
    let (plan, reason) = compiled(&route, &content);
    assert!(!is_broken(&plan) && reason.is_none() && plan.guard().is_some());
    route.rules.authorizer = None;
    let (plan, reason) = compiled(&route, &content);
    assert!(is_broken(&plan) && reason.unwrap().contains("names no authorizer"));
}
