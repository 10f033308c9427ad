//! The real Prometheus scrapes a real cluster: what alerts and dashboards ask for is there, and no
//! alert fires while all is well. (What makes them fire: `deploy/prometheus/alerts_test.yml`.)

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use http::Method;
use serde_json::{Value, json};
use tests::{backend::Backend, client, cluster::Cluster, until};

use super::operations::free_port;

/// What a healthy cluster has nothing to say about: counters that begin with their first event, and
/// gauges of what is not in use. Everything else that is asked for has a value.
const SILENT: [&str; 8] = [
    "edgeway_acme_orders_total",
    "edgeway_caps_share_per_mille",
    "edgeway_connector_upstream_healthy",
    "edgeway_dns_limited_total",
    "edgeway_node_revisions_refused_total",
    "edgeway_node_rollout_steps_total",
    "edgeway_region_limited_requests_total",
    "edgeway_region_stage_cache_requests_total",
];

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_dashboards_have_data() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let management = cluster.management(0);
    let api = management.quick_api("seen", &backend.url()).await.unwrap();
    let broken = management.quick_api("broken", "http://127.0.0.1:1").await;
    let hosts = [cluster.host(&api), cluster.host(&broken.unwrap())];
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(&cluster, folder.path());

    let mut wanted: BTreeSet<String> = dashboards();
    wanted.extend(selectors(
        &fs::read_to_string(deploy("prometheus/alerts.yml")).unwrap(),
    ));
    assert!(wanted.len() > 40, "{wanted:?}");
    let limit = Duration::from_secs(60);
    until("everything that is asked for is there", limit, || async {
        traffic(&cluster, &hosts).await;
        let told = json!({ "description": "a change for the ledger to write" });
        drop(
            management
                .call(Method::PATCH, &format!("/v2/apis/{api}"), Some(told))
                .await,
        );
        let mut missing = BTreeSet::new();
        for query in &wanted {
            if !prometheus.has(query).await && !is_silent(query) {
                missing.insert(query.clone());
            }
        }
        if !missing.is_empty() {
            println!("not yet: {missing:?}");
        }
        missing.is_empty().then_some(())
    })
    .await;

    // Each rule can be evaluated, and none fires at once.
    until("every rule has been evaluated", limit, || async {
        let rules = prometheus.rules().await;
        let at_once = rules.iter().filter(|rule| rule["duration"] == 0);
        let fired: Vec<&Value> = at_once.filter(|rule| rule["state"] == "firing").collect();
        assert!(fired.is_empty(), "{fired:?}");
        let good = rules.iter().filter(|rule| rule["health"] == "ok").count();
        (good > 15 && good == rules.len()).then_some(())
    })
    .await;
}

fn deploy(file: &str) -> std::path::PathBuf {
    tests::folder().join("../deploy").join(file)
}

fn is_silent(query: &str) -> bool {
    SILENT.iter().any(|name| query.contains(name))
}

/// Some of everything that panels show: misses, hits, names, changes.
async fn traffic(cluster: &Cluster, [host, broken]: &[String; 2]) {
    for pop in &cluster.ready.pops {
        for path in ["/cached", "/cached", "/none"] {
            drop(client::get(pop.http, host, path).await);
        }
        drop(client::get(pop.http, "nobody.example", "/").await);
        drop(client::get(pop.http, broken, "/").await);
    }
    drop(client::get(cluster.ready.regions[0].http, host, "/direct").await);
    let dns = cluster.ready.dns;
    let mut dig = Command::new("dig");
    dig.arg(format!("@{}", dns.ip()))
        .args(["-p", &dns.port().to_string()]);
    dig.args(["+tries=1", "+time=2", host]);
    dig.stdout(Stdio::null()).status().unwrap();
}

/// Queries of all panels.
fn dashboards() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(deploy("grafana")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let board: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                found.insert(target["expr"].as_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// The series that rules look at: a name, and labels if there are any.
fn selectors(text: &str) -> BTreeSet<String> {
    let rules = text.lines().filter(|line| {
        let line = line.trim_start();
        let told = [
            "#",
            "summary:",
            "description:",
            "runbook:",
            "- alert:",
            "- name:",
        ];
        !told.iter().any(|start| line.starts_with(start))
    });
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    for line in rules {
        let mut rest = line;
        while let Some(at) = rest.find(word) {
            rest = &rest[at..];
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after;
            let ours = ["edgeway_", "process_"]
                .iter()
                .any(|start| name.starts_with(start));
            if !ours && name != "up" {
                continue;
            }
            let labels = after
                .strip_prefix('{')
                .and_then(|labels| labels.split_once('}'));
            let labels = labels.map(|(labels, _)| format!("{{{labels}}}"));
            found.insert(format!("{name}{}", labels.unwrap_or_default()));
        }
    }
    found
}

/// A server of its own, with the configuration of `deploy/` but for addresses and pace.
struct Prometheus {
    addr: SocketAddr,
    process: Child,
}

impl Prometheus {
    fn start(cluster: &Cluster, folder: &Path) -> Self {
        let shipped = fs::read_to_string(deploy("prometheus/prometheus.yml")).unwrap();
        let mut config: Value = yaml_serde::from_str(&shipped).unwrap();
        config["global"]["scrape_interval"] = "1s".into();
        config["global"]["evaluation_interval"] = "1s".into();
        config["rule_files"][0] = deploy("prometheus/alerts.yml").to_str().unwrap().into();
        let ready = &cluster.ready;
        let regions = ready.regions.iter().map(|node| &node.metrics);
        let urls = regions.chain(ready.pops.iter().map(|node| &node.metrics));
        let addrs = urls.chain([&ready.dns_node.metrics]).map(|url| {
            let addr = url.trim_start_matches("http://");
            Value::from(addr.split('/').next().unwrap())
        });
        let targets = json!([{ "targets": addrs.collect::<Vec<_>>() }]);
        config["scrape_configs"][0]["static_configs"] = targets;
        let file = folder.join("prometheus.yml");
        // JSON is YAML.
        fs::write(&file, config.to_string()).unwrap();
        let addr = free_port();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .args(["--log.level=error"])
            .current_dir(folder)
            .spawn()
            .expect("`cargo xtask setup` installs prometheus");
        Self { addr, process }
    }

    /// Whether a query gives a number.
    async fn has(&self, query: &str) -> bool {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let Some(answer) = self.get(&path).await else {
            return false;
        };
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let samples = answer["data"]["result"].as_array();
        samples
            .into_iter()
            .flatten()
            .any(|sample| sample["value"][1] != "NaN")
    }

    async fn rules(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/rules").await.unwrap_or_default();
        let groups = answer["data"]["groups"].as_array().cloned();
        let groups = groups.unwrap_or_default().into_iter();
        groups
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let answer = client::get(self.addr, "prometheus", path).await.ok()?;
        serde_json::from_slice(answer.body()).ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn escaped(query: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let one = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    query.bytes().map(one).collect()
}
