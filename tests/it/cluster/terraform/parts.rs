//! What clusters are made of, through its life by the real terraform program on real nodes:
//! secrets, nodes as processes and as members, the bootstrap, issued certificates, and what only
//! looks (data sources, ephemerals, functions).

use std::{path::Path, time::Duration};

use http::Method;
use serde_json::Value;
use tests::{configuration::Terraform, management::Management, process, until};

use super::at;

/// Addresses that no other run of this machine has.
fn prefix() -> String {
    let pid = std::process::id();
    format!("127.{}.{}", 30 + pid % 40, (pid / 40) % 250)
}

const HEAD: &str = r#"
terraform {
  required_providers {
    edgeway = { source = "edgeway/edgeway" }
  }
}
provider "edgeway" {
  alias = "machine"
}
"#;

/// The whole, at three steps: made, altered, replaced.
const PARTS: &str = r#"
provider "edgeway" {
  endpoints         = ["https://PREFIX.11:7443"]
  access_key_id     = edgeway_cluster_secrets.it.access_key_id
  secret_access_key = edgeway_cluster_secrets.it.secret_access_key
  ca_pem            = edgeway_cluster_secrets.it.ca_certificate_pem
  wait_for          = "pops"
}

resource "edgeway_cluster_secrets" "it" {
  provider = edgeway.machine
  cluster  = "parts"
}

resource "edgeway_cluster_secrets" "spare" {
  provider = edgeway.machine
  cluster  = "@{spare|spare|other}@"
}

resource "edgeway_issued_certificate" "it" {
  provider           = edgeway.machine
  ca_certificate_pem = edgeway_cluster_secrets.it.ca_certificate_pem
  ca_private_key_pem = edgeway_cluster_secrets.it.ca_private_key_pem
  names              = ["@{one|one|two}@.example.test"]
}

NODES

resource "edgeway_cluster_bootstrap" "it" {
  cluster      = "parts"
  base_domain  = "edgeway.test"
  account_id   = "000000000000"
  instance     = edgeway_local_node.region.instance
  wait_timeout = @{120|110}@
}

resource "edgeway_pop" "north" {
  name       = "north"
  depends_on = [edgeway_cluster_bootstrap.it]
}

ephemeral "edgeway_enrollment_token" "pop" {
  role  = "pop"
  place = edgeway_pop.north.id
}

resource "edgeway_node" "pop" {
  node_id       = edgeway_local_node.pop.node_id
  instance      = edgeway_local_node.pop.instance
  drain_seconds = @{0|1}@
}

ephemeral "edgeway_cluster_secrets" "fresh" {
  provider = edgeway.machine
}

resource "edgeway_api_key" "hidden" {
  name             = "hidden"
  value_wo         = ephemeral.edgeway_cluster_secrets.fresh.secret_access_key
  value_wo_version = 1
  depends_on       = [edgeway_cluster_bootstrap.it]
}

data "edgeway_cluster_health" "it" {
  depends_on = [edgeway_node.pop]
}
data "edgeway_cluster" "it" {
  depends_on = [edgeway_node.pop]
}
data "edgeway_regions" "it" {
  depends_on = [edgeway_node.pop]
}
data "edgeway_pops" "it" {
  depends_on = [edgeway_node.pop]
}

output "health" {
  value = data.edgeway_cluster_health.it
}
output "cluster" {
  value = data.edgeway_cluster.it
}
output "regions" {
  value = data.edgeway_regions.it
}
output "pops" {
  value = data.edgeway_pops.it
}
output "key" {
  value = edgeway_api_key.hidden.id
}
output "access_key_id" {
  value = edgeway_cluster_secrets.it.access_key_id
}
output "secret_access_key" {
  value     = edgeway_cluster_secrets.it.secret_access_key
  sensitive = true
}
output "functions" {
  value = [
    provider::edgeway::route_key("get", "/pets/{id}"),
    provider::edgeway::arn_parse("arn:aws:execute-api:eu-1:000000000000:abc/live/GET/x").region,
    jsondecode(provider::edgeway::openapi_merge(
      jsonencode({ openapi = "3.0.1", paths = { "/a" = {} } }),
      jsonencode({ paths = { "/b" = {} } }),
    )).paths,
  ]
}
"#;

/// The nodes' processes; also what importing is compared with.
const NODES: &str = r#"
data "edgeway_node_config" "region" {
  provider         = edgeway.machine
  role             = "region"
  data_dir         = "DATA/region"
  link             = "PREFIX.11:4433"
  ops              = "PREFIX.11:9100"
  http             = ["PREFIX.11:8080"]
  management       = "PREFIX.11:7001"
  management_https = "PREFIX.11:7443"
  raft             = "local"
  workers          = 1
}

data "edgeway_node_config" "pop" {
  provider = edgeway.machine
  role     = "pop"
  data_dir = "DATA/@{pop|pop|pop-new}@"
  link     = "PREFIX.12:4433"
  ops      = "PREFIX.12:9100"
  http     = ["PREFIX.12:8080"]
  workers  = 1
  log      = "@{info|info,openraft=warn}@"
}

resource "edgeway_local_node" "region" {
  provider     = edgeway.machine
  data_dir     = "DATA/region"
  config       = data.edgeway_node_config.region.toml
  program      = "PROGRAM"
  ops          = "PREFIX.11:9100"
  stop_timeout = @{30|29}@
  remove_data  = REMOVE
  BOOTSTRAP
}

resource "edgeway_local_node" "pop" {
  provider    = edgeway.machine
  data_dir    = "DATA/@{pop|pop|pop-new}@"
  config      = data.edgeway_node_config.pop.toml
  program     = "PROGRAM"
  ops         = "PREFIX.12:9100"
  remove_data = REMOVE
  TOKEN
}
"#;

const BOOTSTRAP: &str = r#"
  bootstrap = {
    secrets     = edgeway_cluster_secrets.it.json
    base_domain = "edgeway.test"
    account_id  = "000000000000"
    region      = "eu-1"
    link        = "PREFIX.11:4433"
  }
"#;

const TOKEN: &str = "join_token_wo = ephemeral.edgeway_enrollment_token.pop.token";

/// Imports each that can be, into a configuration that says what there is.
const IMPORTS: &str = r#"
provider "edgeway" {
  endpoints         = ["http://PREFIX.11:7001"]
  access_key_id     = "KEY_ID"
  secret_access_key = "SECRET"
}

NODES

resource "edgeway_cluster_bootstrap" "it" {
  cluster = "parts"
}

resource "edgeway_node" "pop" {
  node_id = POP_ID
}

import {
  to = edgeway_local_node.region
  id = "DATA/region"
}
import {
  to = edgeway_local_node.pop
  id = "DATA/pop"
}
import {
  to = edgeway_cluster_bootstrap.it
  id = "parts"
}
import {
  to = edgeway_node.pop
  id = "POP_ID"
}
"#;

fn filled(text: &str, step: usize, names: &[(&str, &str)]) -> String {
    let mut text = at(text, step);
    for (name, value) in names {
        text = text.replace(name, value);
    }
    text
}

/// The configuration of a step.
fn parts(data: &Path, step: usize) -> String {
    let program = tests::cluster::program().display().to_string();
    let names = [
        ("NODES", NODES),
        ("BOOTSTRAP", BOOTSTRAP),
        ("TOKEN", TOKEN),
        ("REMOVE", "true"),
        ("PREFIX", &prefix()),
        ("DATA", data.to_str().unwrap()),
        ("PROGRAM", &program),
    ];
    // Once more for what the nodes' part brings.
    let text = format!("{HEAD}{PARTS}");
    at(&filled(&text, step, &names), step)
}

struct Story {
    terraform: Terraform,
    data: std::path::PathBuf,
}

impl Story {
    fn write(&self, step: usize) {
        self.terraform.write(&parts(&self.data, step)).unwrap();
    }

    fn assert_empty(&self, when: &str) {
        let actions = self.terraform.actions().unwrap();
        assert!(actions.is_empty(), "{when}: {actions:?}");
    }

    /// Plans exactly this, applies it, and finds nothing to do after it.
    fn changes(&self, wanted: &[(&str, &str)], when: &str) {
        let actions = self.terraform.actions().unwrap();
        let actions: Vec<(&str, &str)> = actions
            .iter()
            .map(|(address, words)| (address.as_str(), words.as_str()))
            .collect();
        assert_eq!(actions, wanted, "{when}");
        self.terraform.apply().unwrap();
        self.assert_empty(when);
    }

    /// An attribute of a resource in the state.
    fn state(&self, address: &str, name: &str) -> Value {
        let shown = self.terraform.output(&["show", "-json"]).unwrap();
        let state: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let all = state["values"]["root_module"]["resources"].as_array();
        let found = all.unwrap().iter().find(|one| one["address"] == address);
        found.unwrap()["values"][name].clone()
    }

    fn pid(&self, node: &str) -> u32 {
        let pid = self.state(&format!("edgeway_local_node.{node}"), "pid");
        u32::try_from(pid.as_u64().unwrap()).unwrap()
    }

    fn pop_id(&self) -> i64 {
        let id = self.state("edgeway_local_node.pop", "node_id");
        id.as_i64().unwrap()
    }

    fn management(&self) -> Management {
        let outputs = self.terraform.outputs().unwrap();
        let text = |name: &str| outputs[name].as_str().unwrap().to_owned();
        let url = format!("http://{}.11:7001", prefix());
        Management::new(&url, &text("access_key_id"), &text("secret_access_key"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_clusters_are_made_altered_imported_repaired_replaced_and_destroyed() {
    let Some(terraform) = Terraform::of(HEAD).unwrap() else {
        return;
    };
    let data = terraform.folder().join("data");
    let story = Story { terraform, data };

    // Made in one run, though at first neither keys nor authority are known.
    story.write(0);
    story.terraform.apply().unwrap();
    story.assert_empty("after making");
    looked_at(&story).await;

    // Altered: what needs no other process keeps it, a POP with other settings restarts as itself.
    let (region, pop, id) = (story.pid("region"), story.pid("pop"), story.pop_id());
    story.write(1);
    let altered = [
        ("edgeway_cluster_bootstrap.it", "update"),
        ("edgeway_local_node.pop", "update"),
        ("edgeway_local_node.region", "update"),
        ("edgeway_node.pop", "update"),
    ];
    story.changes(&altered, "after altering");
    assert_eq!(story.pid("region"), region);
    assert_ne!(story.pid("pop"), pop);
    assert_eq!(story.pop_id(), id);

    imported(&story);
    repaired(&story).await;

    // Replaced where nothing else will do: another folder is another node.
    story.write(2);
    let replaced = [
        ("edgeway_cluster_secrets.spare", "delete,create"),
        ("edgeway_issued_certificate.it", "delete,create"),
        ("edgeway_local_node.pop", "delete,create"),
        ("edgeway_node.pop", "delete,create"),
    ];
    let id = story.pop_id();
    story.changes(&replaced, "after replacing");
    assert_ne!(story.pop_id(), id);
    assert!(!story.data.join("pop").exists());

    // A cluster keeps what it was set up with.
    let other = parts(&story.data, 2).replace("cluster      = \"parts\"", "cluster      = \"no\"");
    story.terraform.write(&other).unwrap();
    let apply = ["apply", "-auto-approve", "-no-color"];
    let said = story.terraform.refused(&apply).unwrap();
    assert!(said.contains("Another cluster answers"), "{said}");

    story.write(2);
    let destroy = ["destroy", "-auto-approve", "-no-color"];
    story.terraform.run(&destroy).unwrap();
    assert_eq!(story.terraform.processes(), Vec::<u32>::new());
    assert!(std::fs::read_dir(&story.data).unwrap().next().is_none());
}

/// Data sources, functions and ephemerals say what is so.
async fn looked_at(story: &Story) {
    let outputs = story.terraform.outputs().unwrap();
    let health = &outputs["health"];
    assert_eq!(health["cluster"], "parts", "{health}");
    assert_eq!(health["leader"], 1, "{health}");
    assert_eq!(health["nodes"].as_array().unwrap().len(), 2, "{health}");
    assert!(outputs["regions"].to_string().contains("eu-1"));
    assert!(outputs["pops"].to_string().contains("north"));
    assert!(outputs["cluster"].to_string().contains("edgeway.test"));
    let functions = &outputs["functions"];
    assert_eq!(functions[0], "GET /pets/{id}");
    assert_eq!(functions[1], "eu-1");
    assert_eq!(functions[2].as_object().unwrap().len(), 2);

    // The ephemeral token was withdrawn when the run ended; what it admitted stays.
    let management = story.management();
    let list = "/edgeway/v1/tokens";
    let tokens = management.must(Method::GET, list, None).await.unwrap();
    assert_eq!(tokens["items"].as_array().unwrap().len(), 0, "{tokens}");
    // A value of an ephemeral is nowhere in the state.
    let path = format!(
        "/apikeys/{}?includeValue=true",
        outputs["key"].as_str().unwrap()
    );
    let key = management.must(Method::GET, &path, None).await.unwrap();
    let value = key["value"].as_str().unwrap();
    assert!(!value.is_empty());
    let state = story.terraform.run(&["state", "pull"]).unwrap();
    assert!(!state.contains(value));
}

/// What can be imported is read back as it is; what cannot says why.
fn imported(story: &Story) {
    let outputs = story.terraform.outputs().unwrap();
    let text = |name: &str| outputs[name].as_str().unwrap().to_owned();
    let program = tests::cluster::program().display().to_string();
    let names = [
        ("NODES", NODES),
        ("BOOTSTRAP", ""),
        ("TOKEN", ""),
        // What Terraform alone knows.
        ("REMOVE", "false"),
        ("stop_timeout = 29", ""),
        ("PREFIX", &prefix()),
        ("DATA", story.data.to_str().unwrap()),
        ("PROGRAM", &program),
        ("KEY_ID", &text("access_key_id")),
        ("SECRET", &text("secret_access_key")),
        ("POP_ID", &story.pop_id().to_string()),
    ];
    let whole = at(&filled(&format!("{HEAD}{IMPORTS}"), 1, &names[..1]), 1);
    let whole = filled(&whole, 1, &names[1..]);
    let other = Terraform::of(&whole).unwrap().unwrap();
    let actions = other.actions().unwrap();
    // `ops` is no part of the folder.
    let wanted = [
        ("edgeway_local_node.pop", "update"),
        ("edgeway_local_node.region", "update"),
    ];
    let actions: Vec<(&str, &str)> = actions
        .iter()
        .map(|(address, words)| (address.as_str(), words.as_str()))
        .collect();
    assert_eq!(actions, wanted);
    // Taken over without a restart.
    let before = (story.pid("region"), story.pid("pop"));
    other.apply().unwrap();
    assert!(other.actions().unwrap().is_empty());
    assert!(process::lives(before.0) && process::lives(before.1));

    for (address, why) in [
        (
            "edgeway_cluster_secrets.it",
            "Nothing gives the secrets out",
        ),
        ("edgeway_issued_certificate.it", "nowhere but in the state"),
    ] {
        other.write(&parts(&story.data, 1)).unwrap();
        let said = other.refused(&["import", "-no-color", address, "x"]);
        let said = said.unwrap();
        assert!(said.contains("cannot be imported"), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

/// What dies, is altered or removed by hand is put right.
async fn repaired(story: &Story) {
    // A process that was killed, and settings that somebody altered.
    let (pid, id) = (story.pid("pop"), story.pop_id());
    process::signal(pid, "KILL").unwrap();
    until("it is dead", Duration::from_secs(20), || async {
        (!process::lives(pid)).then_some(())
    })
    .await;
    let settings = story.data.join("pop/edgeway.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\n# by hand\n")).unwrap();
    let drift = [
        ("edgeway_local_node.pop", "update"),
        ("edgeway_node.pop", "update"),
    ];
    story.changes(&drift, "after repairing");
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), text);
    assert_eq!(story.pop_id(), id, "the same node");

    // A member that somebody removed: it cannot come back, and the diagnostic says what can.
    let path = format!("/edgeway/v1/nodes/{id}");
    let management = story.management();
    let removed = management.call(Method::DELETE, &path, None).await.unwrap();
    assert!(removed.status.is_success(), "{removed:?}");
    let actions = story.terraform.actions().unwrap();
    assert_eq!(actions["edgeway_node.pop"], "create");
    let apply = ["apply", "-auto-approve", "-no-color"];
    let said = story.terraform.refused(&apply).unwrap();
    assert!(
        said.contains("The node was removed from the cluster"),
        "{said}"
    );
    let replace = ["-replace=edgeway_local_node.pop"];
    story
        .terraform
        .run(&[&apply[..], &replace].concat())
        .unwrap();
    assert_ne!(story.pop_id(), id, "another node");
    story.assert_empty("after replacing by hand");
}
