//! Integrations through VPC links: where they lead, and what changes when a link does.

use std::sync::Arc;

use model::{
    Config, IntegrationKind,
    rest::{IntegrationType, VpcLink, VpcLinkKind},
    v2::OtherIntegration,
};

use super::{super::Action, Entrance, RegionPlan, api, config, content, stage};

const HOST: &str = "a.execute-api.us-east-1.edgeway.test";
const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:0:listener/app/orders/1/2";

fn link(subnet: &str) -> Arc<VpcLink> {
    Arc::new(VpcLink {
        id: "l".into(),
        name: "l".to_owned(),
        description: None,
        created_ms: 0,
        tags: [].into(),
        kind: VpcLinkKind::V2 {
            subnets: vec![subnet.to_owned()],
            security_groups: Vec::new(),
        },
    })
}

/// An API whose only route goes through the link that a stage variable names.
fn private(link: Option<Arc<VpcLink>>, server_name: Option<&str>) -> Config {
    let mut content = content(&["GET /pets/{id}"], "http://b.test");
    for integration in content.integrations.values_mut() {
        let integration = Arc::make_mut(integration);
        integration.mapping.connection = Some("${stageVariables.link}".to_owned());
        integration.kind = IntegrationKind::Other(Box::new(OtherIntegration {
            kind: IntegrationType::HttpProxy,
            uri: Some(LISTENER.to_owned()),
            method: Some("ANY".to_owned()),
            server_name: server_name.map(str::to_owned),
        }));
    }
    let stages = vec![stage("prod", Some("d"), &[("link", "l")])];
    let mut config = config(vec![api("a", content, stages)], Vec::new());
    config.vpc_links = link.map(|link| ("l".into(), link)).into_iter().collect();
    config
}

/// What the only route does.
#[track_caller]
fn action(plan: &RegionPlan) -> String {
    let found = plan.find(Entrance::Regional, HOST, "/prod/pets/1").unwrap();
    match found.stage.route("GET", found.path).unwrap().action() {
        Action::HttpProxy(proxy) => {
            let way = proxy.origin.via.as_ref().unwrap();
            assert!(proxy.appends_path && proxy.method.is_none() && way.keeps_host);
            format!(
                "{} {} {:?} {:?}",
                way.connectors.join(","),
                way.upstream,
                proxy.origin.server_name,
                proxy.appends_stage.as_deref(),
            )
        }
        Action::Broken(reason) => reason.to_string(),
        Action::WebSocket => "web socket".to_owned(),
    }
}

#[test]
fn a_route_leads_through_its_link() {
    let (plan, diagnostics) = RegionPlan::compile(&private(Some(link("office")), None));
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(action(&plan), r#"office orders None Some("prod")"#);
    let (plan, _) = RegionPlan::compile(&private(Some(link("office")), Some("pay.test")));
    assert_eq!(
        action(&plan),
        r#"office orders Some("pay.test") Some("prod")"#
    );
}

#[test]
fn what_depends_on_a_link_changes_with_it() {
    let before = private(None, None);
    let (plan, diagnostics) = RegionPlan::compile(&before);
    assert_eq!(diagnostics.len(), 1);
    assert!(action(&plan).contains("does not exist"));
    let mut after = before;
    after.vpc_links.insert("l".into(), link("office"));
    let (plan, diagnostics) = plan.compile_from(&after);
    assert_eq!((plan.compiled(), diagnostics.len()), (1, 0));
    assert!(action(&plan).starts_with("office"));
    let (plan, _) = plan.compile_from(&after);
    assert_eq!(plan.compiled(), 0);
    after.vpc_links.insert("l".into(), link("home"));
    let (plan, _) = plan.compile_from(&after);
    assert!(action(&plan).starts_with("home"));
}
