//! What a stranger sees first: the cluster serves, through every door.

use std::{collections::BTreeSet, process::Command, time::Duration};

use tests::{
    client,
    cluster::{Cluster, program},
    until,
};

use super::region_of;

/// Output of a command that must succeed.
fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{errors}");
    text
}

fn all_nodes_live(cluster: &Cluster) {
    let ready = cluster.ready_file();
    let mut status = Command::new(program());
    let status = output(
        status
            .args(["status", "--json", "--ready-file"])
            .arg(&ready),
    );
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["nodes"].as_array().unwrap().len(), 6, "{status:#}");
    for node in status["nodes"].as_array().unwrap() {
        assert_eq!(node["live"], true, "{node}");
    }
    assert_eq!(
        status["raft"]["voters"].as_array().unwrap().len(),
        3,
        "{status:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_answers() {
    let cluster = Cluster::start().await.unwrap();
    all_nodes_live(&cluster);
    let management = cluster.management(0);
    let apis = management
        .must(http::Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let api = apis["items"][0]["apiId"].as_str().unwrap().to_owned();
    let host = cluster.host(&api);
    let authority = cluster.authority_pem().unwrap();

    for pop in &cluster.ready.pops {
        let answer = client::get(pop.http, &host, "/hello?x=1").await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body["path"], "/hello");
        assert_eq!(body["query"], "x=1");
        assert!(region_of(&answer).is_some(), "{:?}", answer.headers());
        let answer = client::get_h2(pop.https, &host, "/hello", &authority)
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        curl(&cluster, pop.https, &host);
    }
    for region in &cluster.ready.regions {
        let answer = client::get(region.http, &host, "/regional").await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let answer = client::get_h2(region.https, &host, "/regional", &authority)
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    dns_answers_two_pops(&cluster, &host).await;
    metrics(&cluster).await;

    let mut table = Command::new(program());
    let table = output(
        table
            .args(["status", "--ready-file"])
            .arg(cluster.ready_file()),
    );
    assert!(table.contains("pop-2"), "{table}");
}

/// The stock client, over TLS, with either protocol.
fn curl(cluster: &Cluster, addr: std::net::SocketAddr, host: &str) {
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let mut curl = Command::new("curl");
        let seen = output(
            curl.args(["-sS", flag, "--max-time", "20", "-o", "/dev/null"])
                .args(["-w", "%{http_code} %{http_version}", "--cacert"])
                .arg(&cluster.ready.ca_file)
                .args(["--connect-to", &format!("::{addr}")])
                .arg(format!("https://{host}/hello")),
        );
        assert_eq!(seen, format!("200 {version}"));
    }
}

async fn dns_answers_two_pops(cluster: &Cluster, host: &str) {
    let dns = cluster.ready.dns;
    let ask = |prefix: &str| {
        let mut dig = Command::new("dig");
        dig.arg(format!("@{}", dns.ip()))
            .args(["-p", &dns.port().to_string()]);
        dig.args([
            "+tries=1",
            "+time=5",
            "+short",
            &format!("+subnet={prefix}"),
            host,
        ]);
        output(&mut dig).trim().to_owned()
    };
    let pops = || cluster.ready.pops.iter().map(|pop| pop.public.to_string());
    // POPs count as living once a region has heard of them, which takes a moment.
    until(
        "two prefixes lead to two POPs",
        Duration::from_secs(20),
        || async {
            let answers: BTreeSet<String> = ["198.51.100.0/24", "203.0.113.0/24"]
                .map(&ask)
                .into_iter()
                .collect();
            (answers == pops().collect()).then_some(())
        },
    )
    .await;
    let name = format!("nothing.{}", cluster.ready.base_domain);
    let mut dig = Command::new("dig");
    dig.arg(format!("@{}", dns.ip()))
        .args(["-p", &dns.port().to_string(), "+tcp", &name]);
    let answer = output(&mut dig);
    assert!(
        answer.contains("status: NXDOMAIN") && answer.contains("SOA"),
        "{answer}"
    );
}

async fn metrics(cluster: &Cluster) {
    let ready = &cluster.ready;
    let regions = ready.regions.iter().map(|region| &region.metrics);
    let pops = ready.pops.iter().map(|pop| &pop.metrics);
    for url in regions.chain(pops).chain([&ready.dns_node.metrics]) {
        let addr = url
            .trim_start_matches("http://")
            .trim_end_matches("/metrics");
        let answer = client::get(addr.parse().unwrap(), addr, "/metrics")
            .await
            .unwrap();
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(
            text.contains("edgeway_") && text.contains("process_cpu"),
            "{url}: {text}"
        );
    }
}
