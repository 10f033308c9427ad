//! A domain name with a certificate by ACME, in one apply: directory, order, name and mapping.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tests::{
    client,
    cluster::Cluster,
    pebble::{Pebble, PebbleSettings},
    terraform::{Provider, Workspace, installed},
    until,
};

use super::super::domains::leaf;

const PATIENCE: Duration = Duration::from_secs(60);

const NAME: &str = "www.shop.test";

const CONFIGURATION: &str = r#"
provider "edgeway" {
  wait_for = "pops"
}
resource "edgeway_dns_zone" "shop" {
  name = "shop.test"
}
resource "edgeway_acme" "all" {
  directory = "DIRECTORY"
  contact   = ["mailto:ops@shop.test"]
  roots_pem = "ROOTS"
}
resource "edgeway_certificate" "www" {
  acme       = { names = ["www.shop.test"] }
  depends_on = [edgeway_acme.all, edgeway_dns_zone.shop]
}
resource "edgeway_domain_name" "www" {
  domain_name     = "www.shop.test"
  certificate_arn = edgeway_certificate.www.arn
}
resource "edgeway_http_api" "shop" {
  name = "shop"
}
resource "edgeway_api_integration" "shop" {
  api_id             = edgeway_http_api.shop.id
  integration_type   = "HTTP_PROXY"
  integration_uri    = "http://BACKEND"
  integration_method = "ANY"
}
resource "edgeway_route" "shop" {
  api_id    = edgeway_http_api.shop.id
  route_key = "$default"
  target    = "integrations/${edgeway_api_integration.shop.id}"
}
resource "edgeway_api_stage" "shop" {
  api_id      = edgeway_http_api.shop.id
  name        = "$default"
  auto_deploy = true
  depends_on  = [edgeway_route.shop]
}
resource "edgeway_api_mapping" "shop" {
  domain_name = edgeway_domain_name.www.domain_name
  api_id      = edgeway_http_api.shop.id
  stage       = edgeway_api_stage.shop.name
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_its_certificate_by_acme_are_one_apply() {
    let Some(terraform) = installed() else { return };
    // One POP, so that pebble, which knows one port for all addresses, finds it.
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let pop = cluster.ready.pops[0].clone();
    let settings = PebbleSettings {
        dns: cluster.ready.dns,
        http_port: pop.http.port(),
        tls_port: pop.https.port(),
        life: Duration::from_secs(90 * 24 * 3600),
    };
    let pebble = Pebble::start(settings).await.unwrap();
    let provider = Provider::of(&cluster).unwrap();
    let text = CONFIGURATION
        .replace("DIRECTORY", &pebble.directory())
        .replace("ROOTS", &pebble.directory_root().replace('\n', "\\n"))
        .replace("BACKEND", &cluster.ready.sample_backend.to_string());
    let workspace = Workspace::new(&terraform, &provider, &text).unwrap();
    workspace.apply().unwrap();
    let resources = workspace.resources().unwrap();
    let id = resources["edgeway_certificate.www"]["id"].as_str().unwrap();
    let path = format!("/edgeway/v1/certificates/{id}");
    let management = cluster.management(0);
    until("the certificate is there", PATIENCE, || async {
        let shown: Value = management
            .must(http::Method::GET, &path, None)
            .await
            .unwrap();
        (shown["status"] == "ISSUED").then_some(())
    })
    .await;

    // It is served, and nothing is to be done about what the authority has said meanwhile.
    let root = pebble.root_pem().await.unwrap();
    until("the name has it", PATIENCE, || async {
        leaf(pop.https, NAME, &root).await.ok()
    })
    .await;
    let answer = client::get_h2(pop.https, NAME, "/hello", &root).await;
    assert_eq!(answer.unwrap().status(), 200);
    assert_eq!(workspace.plan().unwrap(), BTreeMap::new());
    workspace
        .must(&["apply", "-refresh-only", "-auto-approve"])
        .unwrap();
    let resources = workspace.resources().unwrap();
    let certificate = &resources["edgeway_certificate.www"];
    assert_eq!(certificate["status"], "ISSUED", "{certificate}");

    // The directory stays, with a word about it.
    let said = workspace.must(&["destroy", "-auto-approve", "-no-color"]);
    let said = said.unwrap();
    assert!(said.contains("The ACME directory stays"), "{said}");
}
