//! The module `local` with a network namespace for each node, through what a cluster lives through:
//! used by a client of its network, grown and shrunk, set otherwise, cut short, robbed of a node's
//! disk, and destroyed without a trace.

use std::{
    path::PathBuf,
    process::{Child, Command},
    time::Duration,
};

use serde_json::{Value, json};
use tests::{configuration::Terraform, process, until};

/// The module with an API that answers `hello`.
const CLUSTER: &str = r#"
terraform {
  required_providers {
    edgeway = { source = "edgeway/edgeway" }
  }
}
variable "regions" { type = list(string) }
variable "pops" { type = list(string) }
variable "log" { type = string }
variable "data_dir" { type = string }
variable "program" { type = string }
variable "prefix" { type = string }
variable "tag" { type = string }

provider "edgeway" {
  alias = "machine"
}
provider "edgeway" {
  endpoints         = module.cluster.endpoints
  access_key_id     = module.cluster.access_key_id
  secret_access_key = module.cluster.secret_access_key
  ca_pem            = module.cluster.ca_certificate_pem
  wait_for          = "pops"
}
module "cluster" {
  source         = "../../modules/local"
  providers      = { edgeway = edgeway, edgeway.machine = edgeway.machine }
  data_dir       = var.data_dir
  program        = var.program
  regions        = [for name in var.regions : { name = name }]
  pops           = [for name in var.pops : { name = name }]
  log            = var.log
  address_prefix = var.prefix
  namespaces     = { prefix = "${var.tag}-", bridge = var.tag }
}
resource "edgeway_rest_api" "hello" {
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "hello", version = "1" }
    paths = { "/greeting" = { get = {
      responses = { "200" = { description = "It." } }
      "x-amazon-apigateway-integration" = {
        type             = "mock"
        requestTemplates = { "application/json" = jsonencode({ statusCode = 200 }) }
        responses = { default = {
          statusCode        = "200"
          responseTemplates = { "application/json" = "\"hello\"" }
        } }
      }
    } } }
  })
  depends_on = [module.cluster]
}
resource "edgeway_deployment" "hello" {
  rest_api_id = edgeway_rest_api.hello.id
  components  = [edgeway_rest_api.hello.revision]
}
resource "edgeway_stage" "live" {
  rest_api_id   = edgeway_rest_api.hello.id
  stage_name    = "live"
  deployment_id = edgeway_deployment.hello.id
}
data "edgeway_cluster_health" "it" {
  depends_on = [module.cluster]
}
output "host" {
  value = "${edgeway_rest_api.hello.id}.execute-api.r1-test.${module.cluster.base_domain}"
}
output "nodes" {
  value = module.cluster.nodes
}
output "health" {
  value = data.edgeway_cluster_health.it
}
output "ca" {
  value = module.cluster.ca_certificate_pem
}
"#;

fn ip(words: &[&str]) -> bool {
    let output = Command::new("ip").args(words).output().unwrap();
    output.status.success()
}

/// Namespaces and interfaces whose names begin so.
fn left(tag: &str) -> Vec<String> {
    let mut left = Vec::new();
    for words in [["netns", "list"].as_slice(), &["-br", "link", "show"]] {
        let output = Command::new("ip").args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ours = text.lines().filter(|line| line.starts_with(tag));
        left.extend(ours.map(str::to_owned));
    }
    left
}

/// Tells the names of this run from those of others.
fn tag() -> String {
    format!("et{}", std::process::id())
}

fn prefix() -> String {
    let pid = std::process::id();
    format!("10.{}.{}", 120 + pid % 100, (pid / 100) % 250)
}

struct Story {
    terraform: Terraform,
    data: PathBuf,
}

impl Story {
    fn begin() -> Option<Self> {
        let mut terraform = Terraform::of(CLUSTER).unwrap()?;
        let data = terraform.folder().join("data");
        terraform.set("program", tests::cluster::program().to_str().unwrap());
        terraform.set("data_dir", data.to_str().unwrap());
        terraform.set("prefix", &prefix());
        terraform.set("tag", &tag());
        let mut story = Self { terraform, data };
        story.size(3, 2);
        story.log("info,openraft=warn,access=off");
        Some(story)
    }

    fn size(&mut self, regions: u8, pops: u8) {
        let names = |letter: &str, count| -> Vec<String> {
            (1..=count).map(|at| format!("{letter}{at}-test")).collect()
        };
        let regions = json!(names("r", regions)).to_string();
        self.terraform.set("regions", &regions);
        self.terraform
            .set("pops", &json!(names("p", pops)).to_string());
    }

    fn log(&mut self, filter: &str) {
        self.terraform.set("log", filter);
    }

    fn apply(&self, what: &str) {
        let begun = std::time::Instant::now();
        self.terraform.apply().unwrap();
        println!("{what}: {:?}", begun.elapsed());
    }

    fn assert_empty(&self, when: &str) {
        let actions = self.terraform.actions().unwrap();
        assert!(actions.is_empty(), "{when}: {actions:?}");
    }

    fn node(&self, name: &str) -> Value {
        let outputs = self.terraform.outputs().unwrap();
        outputs["nodes"][name].clone()
    }

    /// Whether all live, and how many vote.
    fn assert_healthy(&self, voters: usize, when: &str) {
        let refresh = ["apply", "-refresh-only", "-auto-approve", "-no-color"];
        self.terraform.run(&refresh).unwrap();
        let health = self.terraform.outputs().unwrap()["health"].clone();
        assert_eq!(health["healthy"], true, "{when}: {health}");
        let found = health["voters"].as_array().unwrap().len();
        assert_eq!(found, voters, "{when}: {health}");
    }

    /// What a client in a namespace of the same network gets from a POP.
    fn greeting(&self) -> String {
        let outputs = self.terraform.outputs().unwrap();
        let host = outputs["host"].as_str().unwrap();
        let ca = self.terraform.folder().join("ca.pem");
        std::fs::write(&ca, outputs["ca"].as_str().unwrap()).unwrap();
        let client = Client::join();
        client.fetch(
            host,
            &format!("{}.101:8443", prefix()),
            ca.to_str().unwrap(),
        )
    }

    /// Starts an apply and cuts it short once a process of the new node is there.
    async fn cut_short(&self, folder: &str, signal: &str) {
        let apply = ["apply", "-auto-approve", "-no-color"];
        let mut run = self.terraform.start(&apply).unwrap();
        let settings = self.data.join(folder).join("edgeway.toml");
        let wanted = settings.to_str().unwrap();
        until(
            "the new node's process",
            Duration::from_secs(120),
            || async { started(wanted).then_some(()) },
        )
        .await;
        // It may have ended by itself, on a machine that was stalled.
        drop(process::signal(run.id(), signal));
        ended(&mut run).await;
    }
}

/// Whether a process was started with these settings.
fn started(settings: &str) -> bool {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut lines = numbers.map(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline"));
        String::from_utf8_lossy(&line.unwrap_or_default()).into_owned()
    });
    lines.any(|line| line.contains("start\0--config\0") && line.contains(settings))
}

async fn ended(run: &mut Child) {
    let (pid, mut code) = (run.id(), None);
    let limit = Duration::from_secs(120);
    let begun = std::time::Instant::now();
    while code.is_none() && begun.elapsed() < limit {
        code = run.try_wait().unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(code.is_some(), "terraform {pid} goes on");
}

/// A namespace on the cluster's bridge that goes with the value.
struct Client(String);

impl Client {
    fn join() -> Self {
        let (name, bridge) = (format!("{}-client", tag()), tag());
        let outside = format!("c{}", std::process::id());
        let client = Self(name.clone());
        let address = format!("{}.250/24", prefix());
        assert!(ip(&["netns", "add", &name]));
        let pair = ["link", "add", outside.as_str(), "type", "veth", "peer"];
        let inside = ["name", "eth0", "netns", name.as_str()];
        assert!(ip(&[pair.as_slice(), &inside].concat()));
        assert!(ip(&["link", "set", &outside, "master", &bridge, "up"]));
        let within = ["-n", name.as_str()];
        assert!(ip(&[
            within.as_slice(),
            &["addr", "add", &address, "dev", "eth0"]
        ]
        .concat()));
        assert!(ip(
            &[within.as_slice(), &["link", "set", "eth0", "up"]].concat()
        ));
        client
    }

    fn fetch(&self, host: &str, pop: &str, ca: &str) -> String {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.0, "curl", "--silent", "--show-error"])
            .args(["--fail", "--max-time", "20", "--cacert", ca])
            .args(["--connect-to", &format!("::{pop}")])
            .arg(format!("https://{host}/live/greeting"))
            .output()
            .unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{problem}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // At once, instead of when the kernel has taken the namespace apart.
        ip(&["link", "del", &format!("c{}", std::process::id())]);
        ip(&["netns", "del", &self.0]);
    }
}

/// What a failed test leaves.
struct Sweep;

impl Drop for Sweep {
    fn drop(&mut self) {
        for line in left(&tag()) {
            let name = line.split_whitespace().next().unwrap_or_default();
            ip(&["netns", "del", name]);
            ip(&["link", "del", name]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_in_namespaces_grows_shrinks_heals_and_leaves_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: network namespaces need root");
        return;
    }
    let Some(mut story) = Story::begin() else {
        return;
    };
    let sweep = Sweep;

    story.apply("three regions, two POPs, DNS");
    assert_eq!(story.terraform.processes().len(), 6);
    assert_eq!(story.greeting(), "\"hello\"");
    story.assert_empty("after making");

    // A region more, in a run that is interrupted; the next one completes it.
    story.size(4, 2);
    story.cut_short("region-r4-test", "INT").await;
    story.apply("the fourth region, after an interruption");
    story.assert_empty("after growing");
    story.assert_healthy(4, "after growing");
    // A POP more, in a run that is killed: the process that nobody knows of is taken over.
    story.size(4, 3);
    story.cut_short("pop-p3-test", "KILL").await;
    story.apply("the third POP, after a killed run");
    story.assert_empty("after a killed run");
    assert_eq!(story.terraform.processes().len(), 8);
    // And back, several at once.
    story.size(3, 2);
    story.apply("back to three regions and two POPs");
    story.assert_empty("after shrinking");
    story.assert_healthy(3, "after shrinking");
    assert_eq!(story.terraform.processes().len(), 6);

    // Other settings: every process is another one, every node the same.
    let before = story.node("region-r2-test");
    story.log("info,openraft=error,access=off");
    story.apply("other settings");
    let after = story.node("region-r2-test");
    assert_ne!(after["pid"], before["pid"]);
    assert_eq!(after["id"], before["id"]);
    assert_eq!(story.greeting(), "\"hello\"");

    // A region's machine is lost with its disk: another node takes its place.
    let pid = u32::try_from(after["pid"].as_u64().unwrap()).unwrap();
    process::signal(pid, "KILL").unwrap();
    until("it is dead", Duration::from_secs(20), || async {
        (!process::lives(pid)).then_some(())
    })
    .await;
    std::fs::remove_dir_all(story.data.join("region-r2-test")).unwrap();
    story.apply("another node for a lost one");
    let other = story.node("region-r2-test");
    assert_ne!(other["id"], after["id"]);
    story.assert_empty("after a loss");
    story.assert_healthy(3, "after a loss");
    assert_eq!(story.greeting(), "\"hello\"", "nothing was lost");

    let begun = std::time::Instant::now();
    let destroy = ["destroy", "-auto-approve", "-no-color"];
    story.terraform.run(&destroy).unwrap();
    println!("destroyed: {:?}", begun.elapsed());
    assert_eq!(story.terraform.processes(), Vec::<u32>::new());
    assert!(std::fs::read_dir(&story.data).unwrap().next().is_none());
    assert_eq!(left(&tag()), Vec::<String>::new());
    drop(sweep);
}
