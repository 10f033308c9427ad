//! What is configured and not served: never open, never half done.

use std::sync::Arc;

use model::{
    ApiKind, Content, IntegrationKind,
    rest::{AuthorizationType, IntegrationType},
    v2::{Mapping, OtherIntegration, RouteRules, RoutingMode, WebSocketApi},
};

use super::{super::Action, Entrance, Miss, RegionPlan, api, config, content, domain, stage};

const HOST: &str = "a.execute-api.us-east-1.edgeway.test";

/// The action of the only route, and what the diagnostics say.
fn compiled(
    rules: RouteRules,
    mapping: Mapping,
    kind: Option<IntegrationKind>,
) -> (String, String) {
    let mut content = content(&["GET /x"], "http://b.test");
    for route in content.routes.values_mut() {
        *Arc::make_mut(route).rules = rules.clone();
    }
    for integration in content.integrations.values_mut() {
        let integration = Arc::make_mut(integration);
        *integration.mapping = mapping.clone();
        integration.kind = kind.clone().unwrap_or_else(|| integration.kind.clone());
    }
    let api = api("a", content, vec![stage("$default", Some("d"), &[])]);
    let (plan, diagnostics) = RegionPlan::compile(&config(vec![api], Vec::new()));
    let found = plan.find(Entrance::Regional, HOST, "/x").unwrap();
    let action = match found.stage.route("GET", found.path).unwrap().action() {
        Action::Broken(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    };
    let said = diagnostics
        .iter()
        .map(|one| format!("{}: {}", one.at, one.message));
    (action, said.collect::<Vec<_>>().join("\n"))
}

#[test]
fn nobody_passes_an_authorizer_that_is_not_asked() {
    for kind in [AuthorizationType::Iam, AuthorizationType::Custom] {
        let rules = RouteRules {
            authorization: kind,
            ..RouteRules::default()
        };
        let (action, said) = compiled(rules, Mapping::default(), None);
        assert!(action.contains(kind.as_str()), "{action}");
        assert!(said.contains("routes/GET /x: authorization"), "{said}");
    }
}

#[test]
fn a_backend_gets_no_request_that_should_have_been_altered() {
    let mapped = Mapping {
        request_parameters: [("overwrite:path".into(), "/".into())].into(),
        ..Mapping::default()
    };
    let private = Mapping {
        connection: Some("abc123".into()),
        ..Mapping::default()
    };
    let function = IntegrationKind::Other(Box::new(OtherIntegration {
        kind: IntegrationType::AwsProxy,
        uri: Some("arn:aws:lambda:f".into()),
        method: None,
        server_name: None,
    }));
    for (mapping, kind, text) in [
        (mapped, None, "parameter mappings"),
        (private, None, "other than HTTP_PROXY"),
        (Mapping::default(), Some(function), "other than HTTP_PROXY"),
    ] {
        let (action, said) = compiled(RouteRules::default(), mapping, kind);
        assert!(action.contains(text), "{action}");
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn a_web_socket_api_says_that_it_is_not_served() {
    let mut socket = api("a", content(&[], ""), vec![stage("prod", Some("d"), &[])]);
    socket.kind = ApiKind::WebSocket(Box::default());
    for deployment in socket.deployments.values_mut() {
        let WebSocketApi { content, .. } = WebSocketApi::default();
        Arc::make_mut(deployment).content = Content::WebSocket(content);
    }
    let (plan, diagnostics) = RegionPlan::compile(&config(vec![socket], Vec::new()));
    assert_eq!(diagnostics.len(), 1, "one for the stage");
    let found = plan.find(Entrance::Regional, HOST, "/prod").unwrap();
    let route = found.stage.route("GET", found.path).unwrap();
    assert!(matches!(route.action(), Action::WebSocket));
}

#[test]
fn a_mapping_does_not_stand_in_for_a_rule() {
    let api = api(
        "a",
        content(&["GET /x"], "http://b.test"),
        vec![stage("s", Some("d"), &[])],
    );
    let mut ruled = domain("x.test", &[("", "a", "s")]);
    for mode in [RoutingMode::Both, RoutingMode::Rules] {
        ruled.routing.mode = mode;
        let config = config(vec![api.clone()], vec![ruled.clone()]);
        let (plan, diagnostics) = RegionPlan::compile(&config);
        assert_eq!(diagnostics.len(), 1);
        let miss = plan.find(Entrance::Regional, "x.test", "/x").err();
        assert_eq!(miss, Some(Miss::RoutingRules));
    }
}
