//! What a run of terraform does beyond single resources: it deploys again exactly when something
//! is to be deployed, a finished apply is served at every POP, a plan by way of another region is
//! empty, and refusals are shown where they belong.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde_json::Value;
use tests::{
    client,
    cluster::Cluster,
    terraform::{Provider, Workspace, installed},
};

use super::certificate;

/// APIs of all kinds. `LEAF` stands for one thing each, at the place that its name says.
const APIS: &str = r#"
provider "edgeway" {
  wait_for = "pops"
}
resource "edgeway_rest_api" "document" {
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "pets", version = "1" }
    paths = {
      "/pets" = {
        get = {
          responses = { 200 = { description = "all" } }
          "x-amazon-apigateway-integration" = {
            type             = "mock"
            requestTemplates = { "application/json" = "{\"statusCode\": 200}" }
            responses = {
              default = {
                statusCode        = "200"
                responseTemplates = { "application/json" = "\"<document.template|cats>\"" }
              }
            }
          }
        }
      }
    }
  })
  description = "<description|a>"
  tags        = { a = "<tag|a>" }
}
resource "edgeway_deployment" "document" {
  rest_api_id = edgeway_rest_api.document.id
  components  = [edgeway_rest_api.document.revision]
}
resource "edgeway_stage" "document" {
  rest_api_id   = edgeway_rest_api.document.id
  stage_name    = "prod"
  deployment_id = edgeway_deployment.document.id
  description   = "<description|a>"
}
resource "edgeway_rest_api" "rest" {
  name               = "rest"
  description        = "<description|a>"
  tags               = { a = "<tag|a>" }
  binary_media_types = ["<rest.api|image/png>"]
}
resource "edgeway_resource" "rest" {
  rest_api_id = edgeway_rest_api.rest.id
  parent_id   = edgeway_rest_api.rest.root_resource_id
  path_part   = "<rest.resource|dogs>"
}
resource "edgeway_model" "rest" {
  rest_api_id = edgeway_rest_api.rest.id
  name        = "Dog"
  description = "<description|a>"
  schema      = jsonencode({ type = "<rest.model|object>" })
}
resource "edgeway_method" "rest" {
  rest_api_id        = edgeway_rest_api.rest.id
  resource_id        = edgeway_resource.rest.id
  http_method        = "GET"
  request_parameters = { "method.request.querystring.<rest.method|a>" = true }
}
resource "edgeway_integration" "rest" {
  rest_api_id       = edgeway_rest_api.rest.id
  resource_id       = edgeway_resource.rest.id
  http_method       = edgeway_method.rest.http_method
  type              = "MOCK"
  request_templates = { "application/json" = "{\"statusCode\": 200}" }
  timeout_in_millis = <rest.integration|1000>
}
resource "edgeway_deployment" "rest" {
  rest_api_id = edgeway_rest_api.rest.id
  components = [
    edgeway_rest_api.rest.revision,
    edgeway_resource.rest.revision,
    edgeway_model.rest.revision,
    edgeway_method.rest.revision,
    edgeway_integration.rest.revision,
  ]
}
resource "edgeway_http_api" "http" {
  name               = "http"
  description        = "<description|a>"
  tags               = { a = "<tag|a>" }
  cors_configuration = { allow_origins = ["https://<http.api|a>.example"] }
}
resource "edgeway_api_integration" "http" {
  api_id             = edgeway_http_api.http.id
  integration_type   = "HTTP_PROXY"
  integration_uri    = "http://BACKEND/"
  integration_method = "GET"
  description        = "<description|a>"
  timeout_in_millis  = <http.integration|1000>
}
resource "edgeway_route" "http" {
  api_id    = edgeway_http_api.http.id
  route_key = "GET /<http.route|a>"
  target    = "integrations/${edgeway_api_integration.http.id}"
}
resource "edgeway_api_deployment" "http" {
  api_id = edgeway_http_api.http.id
  components = [
    edgeway_http_api.http.revision,
    edgeway_api_integration.http.revision,
    edgeway_route.http.revision,
  ]
}
resource "edgeway_api_stage" "http" {
  api_id        = edgeway_http_api.http.id
  name          = "$default"
  deployment_id = edgeway_api_deployment.http.id
}
resource "edgeway_websocket_api" "chat" {
  name                       = "chat"
  description                = "<description|a>"
  tags                       = { a = "<tag|a>" }
  route_selection_expression = "$request.body.action"
}
resource "edgeway_api_model" "chat" {
  api_id      = edgeway_websocket_api.chat.id
  name        = "Message"
  description = "<description|a>"
  schema      = jsonencode({ type = "<chat.model|object>" })
}
resource "edgeway_api_integration" "chat" {
  api_id            = edgeway_websocket_api.chat.id
  integration_type  = "MOCK"
  request_templates = { "$default" = "<chat.integration|{}>" }
}
resource "edgeway_route" "chat" {
  api_id    = edgeway_websocket_api.chat.id
  route_key = "<chat.route|join>"
  target    = "integrations/${edgeway_api_integration.chat.id}"
}
resource "edgeway_api_deployment" "chat" {
  api_id = edgeway_websocket_api.chat.id
  components = [
    edgeway_api_model.chat.revision,
    edgeway_api_integration.chat.revision,
    edgeway_route.chat.revision,
  ]
}
resource "edgeway_domain_name" "own" {
  domain_name     = "api.terraform.example"
  certificate_arn = edgeway_certificate.own.arn
}
resource "edgeway_certificate" "own" {
  certificate            = "CERTIFICATE"
  private_key_wo         = "PRIVATE_KEY"
  private_key_wo_version = 1
}
resource "edgeway_dns_zone" "own" {
  name = "terraform.example"
}
resource "edgeway_dns_record" "own" {
  zone   = edgeway_dns_zone.own.name
  name   = "alias.terraform.example"
  type   = "CNAME"
  values = [edgeway_domain_name.own.target]
}
"#;

/// A thing that is deployed: where, in which deployment, and another value.
type Leaf = (&'static str, &'static str, &'static str);

/// One of each kind, together with others that belong to other APIs.
const LEAVES: &[&[Leaf]] = &[
    &[
        ("document.template", "edgeway_deployment.document", "dogs"),
        ("rest.api", "edgeway_deployment.rest", "image/gif"),
        ("http.api", "edgeway_api_deployment.http", "b"),
    ],
    &[
        ("rest.resource", "edgeway_deployment.rest", "hounds"),
        ("chat.model", "edgeway_api_deployment.chat", "array"),
    ],
    &[
        ("rest.model", "edgeway_deployment.rest", "array"),
        ("http.integration", "edgeway_api_deployment.http", "2000"),
    ],
    &[
        ("rest.method", "edgeway_deployment.rest", "b"),
        ("chat.integration", "edgeway_api_deployment.chat", "{ }"),
    ],
    &[
        ("rest.integration", "edgeway_deployment.rest", "2000"),
        ("http.route", "edgeway_api_deployment.http", "dogs"),
        ("chat.route", "edgeway_api_deployment.chat", "leave"),
    ],
];

/// What is for people alone.
const PEOPLE: [(&str, &str); 2] = [("description", "b"), ("tag", "b")];

const DEPLOYMENTS: [&str; 4] = [
    "edgeway_deployment.document",
    "edgeway_deployment.rest",
    "edgeway_api_deployment.http",
    "edgeway_api_deployment.chat",
];

/// The configuration with other values at some places, by `<PLACE|VALUE>`.
fn with(text: &str, others: &[(&str, &str)]) -> String {
    let mut parts = text.split('<');
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (choice, rest) = part.split_once('>').unwrap();
        let (place, value) = choice.split_once('|').unwrap();
        let other = others.iter().find(|(name, _)| *name == place);
        whole.push_str(other.map_or(value, |(_, other)| other));
        whole.push_str(rest);
    }
    whole
}

type Resources = BTreeMap<String, Value>;

fn deployments(resources: &Resources) -> BTreeMap<&'static str, Value> {
    let ids = DEPLOYMENTS.map(|address| (address, resources[address]["id"].clone()));
    ids.into()
}

/// What a plan says, line by line.
fn plan(workspace: &Workspace<'_>) -> Vec<Value> {
    let lines = workspace.must(&["plan", "-json"]).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The addresses of what is going to be touched, or has been by others.
fn addresses(plan: &[Value], kind: &str) -> BTreeSet<String> {
    let lines = plan.iter().filter(|line| line["type"] == kind);
    let of = |line: &Value| {
        line["change"]["resource"]["addr"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    lines.map(of).collect()
}

fn touched(workspace: &Workspace<'_>) -> BTreeSet<String> {
    addresses(&plan(workspace), "planned_change")
}

/// Each region and POP, as requests are sent: once, without a second try.
fn doors(cluster: &Cluster) -> Vec<SocketAddr> {
    let regions = cluster.ready.regions.iter().map(|region| region.http);
    let pops = cluster.ready.pops.iter().map(|pop| pop.http);
    regions.chain(pops).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_is_deployed_when_it_changes_and_served_at_every_pop() {
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(2, 3).await.unwrap();
    let provider = Provider::of(&cluster).unwrap();
    let (certificate, key) = certificate();
    let text = APIS
        .replace("BACKEND", &cluster.ready.sample_backend.to_string())
        .replace("CERTIFICATE", &certificate)
        .replace("PRIVATE_KEY", &key);
    let workspace = Workspace::new(&terraform, &provider, &with(&text, &[])).unwrap();
    workspace.apply().unwrap();
    let resources = workspace.resources().unwrap();
    served(&cluster, &resources, "cats", "a").await;
    assert_eq!(touched(&workspace), BTreeSet::new());

    planned(&workspace, &text);
    let changes = deployed(&cluster, &workspace, &text, deployments(&resources)).await;
    seen_from_elsewhere(&cluster, &workspace, &terraform, &with(&text, &changes));
    workspace.must(&["destroy", "-auto-approve"]).unwrap();
}

/// One thing differs: the deployment that it is in is to be made again, and no other.
fn planned(workspace: &Workspace<'_>, text: &str) {
    for leaves in LEAVES {
        let others = leaves.iter().map(|(place, _, other)| (*place, *other));
        let others: Vec<(&str, &str)> = others.collect();
        workspace.write(&with(text, &others)).unwrap();
        let touched = touched(workspace);
        for address in DEPLOYMENTS {
            let wanted = leaves
                .iter()
                .any(|(_, deployment, _)| *deployment == address);
            assert_eq!(touched.contains(address), wanted, "{leaves:?}: {touched:?}");
        }
    }
}

/// What is for people is altered without a deployment; anything else with one, in the same run.
/// Gives what differs then from the beginning.
async fn deployed(
    cluster: &Cluster,
    workspace: &Workspace<'_>,
    text: &str,
    before: BTreeMap<&'static str, Value>,
) -> Vec<(&'static str, &'static str)> {
    workspace.write(&with(text, &PEOPLE)).unwrap();
    let people = touched(workspace);
    assert!(people.contains("edgeway_rest_api.rest"), "{people:?}");
    for address in DEPLOYMENTS {
        assert!(!people.contains(address), "{address}: {people:?}");
    }
    workspace.apply().unwrap();
    let same = deployments(&workspace.resources().unwrap());
    assert_eq!(same, before, "descriptions and tags");

    let leaves = LEAVES.iter().copied().flatten();
    let leaves = leaves.map(|(place, _, other)| (*place, *other));
    let all: Vec<(&str, &str)> = PEOPLE.into_iter().chain(leaves).collect();
    workspace.write(&with(text, &all)).unwrap();
    workspace.apply().unwrap();
    // The state is read from its file: nothing is asked of the cluster before the requests are.
    let resources = workspace.resources().unwrap();
    served(cluster, &resources, "dogs", "dogs").await;
    let after = deployments(&resources);
    for address in DEPLOYMENTS {
        assert_ne!(after[address], before[address], "{address}");
    }
    assert_eq!(touched(workspace), BTreeSet::new());
    all
}

/// As soon as a run has ended, every region and POP answers by it.
async fn served(cluster: &Cluster, resources: &Resources, template: &str, route: &str) {
    let host = |address: &str| cluster.host(resources[address]["id"].as_str().unwrap());
    let rest = host("edgeway_rest_api.document");
    let http = host("edgeway_http_api.http");
    for door in doors(cluster) {
        let answer = client::get(door, &rest, "/prod/pets").await.unwrap();
        assert_eq!(answer.body(), &format!("\"{template}\""), "{door}");
        let answer = client::get(door, &http, &format!("/{route}"))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{door}: {answer:?}");
    }
}

/// Another region answers the same: nothing is to be done, not to the record of a target either.
fn seen_from_elsewhere(
    cluster: &Cluster,
    workspace: &Workspace<'_>,
    terraform: &std::path::Path,
    text: &str,
) {
    let state = workspace.must(&["state", "pull"]).unwrap();
    let ready = &cluster.ready;
    let other = Provider::start(&[
        ("EDGEWAY_ENDPOINT", &ready.regions[1].management),
        ("EDGEWAY_ACCESS_KEY_ID", &ready.access_key_id),
        ("EDGEWAY_SECRET_ACCESS_KEY", &ready.secret_access_key),
    ])
    .unwrap();
    let elsewhere = Workspace::new(terraform, &other, text).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    elsewhere.keep(&state).unwrap();
    let plan = plan(&elsewhere);
    for kind in ["planned_change", "resource_drift"] {
        assert_eq!(addresses(&plan, kind), BTreeSet::new(), "{kind}");
    }
}
