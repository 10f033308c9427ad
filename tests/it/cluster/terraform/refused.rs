//! What the API refuses is shown at the attribute that is wrong: one of each family of resources.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::{
    cluster::Cluster,
    terraform::{Provider, Workspace, installed},
};

/// What others hang on.
const GOOD: &str = r#"
resource "edgeway_rest_api" "good" { name = "good" }
resource "edgeway_http_api" "good" { name = "good" }
resource "edgeway_websocket_api" "good" {
  name                       = "good"
  route_selection_expression = "$request.body.action"
}
resource "edgeway_method" "good" {
  rest_api_id = edgeway_rest_api.good.id
  resource_id = edgeway_rest_api.good.root_resource_id
  http_method = "GET"
}
"#;

/// A resource that is refused when it is made: type, content, and the line that is to be shown.
const BAD: &[(&str, &str, &str)] = &[
    (
        "edgeway_rest_api",
        "name = \"bad\"\n binary_media_types = [\"odd\"]",
        "binary_media_types",
    ),
    (
        "edgeway_integration",
        "rest_api_id = edgeway_rest_api.good.id\n \
         resource_id = edgeway_rest_api.good.root_resource_id\n \
         http_method = edgeway_method.good.http_method\n type = \"HTTP\"\n \
         integration_http_method = \"GET\"\n uri = \"odd\"",
        "uri",
    ),
    (
        "edgeway_model",
        "rest_api_id = edgeway_rest_api.good.id\n name = \"b-a-d\"\n schema = \"{}\"",
        "name",
    ),
    (
        "edgeway_stage",
        "rest_api_id = edgeway_rest_api.good.id\n stage_name = \"bad\"\n \
         deployment_id = \"nosuch\"",
        "deployment_id",
    ),
    (
        "edgeway_documentation_part",
        "rest_api_id = edgeway_rest_api.good.id\n properties = \"{}\"\n \
         location = { type = \"RESPONSE\", status_code = \"9\" }",
        "location",
    ),
    (
        "edgeway_http_api",
        "name = \"bad\"\n cors_configuration = { allow_methods = [\"ODD\"] }",
        "cors_configuration",
    ),
    (
        "edgeway_route",
        "api_id = edgeway_http_api.good.id\n route_key = \"odd\"",
        "route_key",
    ),
    (
        "edgeway_api_authorizer",
        "api_id = edgeway_http_api.good.id\n name = \"bad\"\n authorizer_type = \"JWT\"\n \
         identity_sources = [\"odd\"]",
        "identity_sources",
    ),
    (
        "edgeway_api_stage",
        "api_id = edgeway_http_api.good.id\n name = \"bad\"\n \
         default_route_settings = { throttling_rate_limit = -1 }",
        "default_route_settings",
    ),
    (
        "edgeway_api_model",
        "api_id = edgeway_websocket_api.good.id\n name = \"Bad\"\n schema = \"[]\"",
        "schema",
    ),
    (
        "edgeway_domain_name",
        "domain_name = \"bad.example\"\n \
         certificate_arn = \"arn:aws:acm:us-east-1:123456789012:certificate/odd\"",
        "certificate_arn",
    ),
    (
        "edgeway_certificate",
        "certificate = \"odd\"\n private_key_wo = \"odd\"\n private_key_wo_version = 1",
        "certificate",
    ),
    (
        "edgeway_vpc_link",
        "name = \"bad\"\n target_arns = [\"odd\"]",
        "target_arns",
    ),
    (
        "edgeway_private_endpoint",
        "addresses = [\"odd\"]",
        "addresses",
    ),
    (
        "edgeway_usage_plan",
        "name = \"bad\"\n api_stages = [{ api_id = \"nosuch\", stage = \"odd\" }]",
        "api_stages",
    ),
    (
        "edgeway_access_key",
        "name = \"bad\"\n policy = \"{}\"",
        "policy",
    ),
    (
        "edgeway_account",
        "cloudwatch_role_arn = \"odd-role\"",
        "cloudwatch_role_arn",
    ),
];

/// The attribute that a diagnostic shows, by the address of the resource.
fn shown(line: &Value) -> Option<(String, String)> {
    let diagnostic = &line["diagnostic"];
    let address = diagnostic["address"].as_str()?.to_owned();
    let code = diagnostic["snippet"]["code"].as_str()?;
    let attribute = code.split('=').next()?.trim().to_owned();
    Some((address, attribute))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_shown_at_its_attribute() {
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let provider = Provider::of(&cluster).unwrap();
    let mut text = GOOD.to_owned();
    for (kind, content, _) in BAD {
        text.push_str(&format!("resource \"{kind}\" \"bad\" {{\n {content}\n}}\n"));
    }
    let workspace = Workspace::new(&terraform, &provider, &text).unwrap();
    let output = workspace.run(&["apply", "-json", "-auto-approve"]).unwrap();
    assert!(!output.status.success(), "something was not refused");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: BTreeMap<String, String> = lines.iter().filter_map(shown).collect();
    for (kind, _, attribute) in BAD {
        let address = format!("{kind}.bad");
        let said = lines
            .iter()
            .filter(|line| line["diagnostic"]["address"] == *address);
        let said: Vec<&Value> = said.map(|line| &line["diagnostic"]["detail"]).collect();
        let at = found.get(&address).map(String::as_str);
        assert_eq!(at, Some(*attribute), "{kind}: {said:?}");
    }
}
