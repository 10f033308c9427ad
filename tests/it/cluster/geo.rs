//! A file of locations stands in where the configuration says nothing of a client.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    process::Command,
    time::Duration,
};

use tests::{
    cluster::{Cluster, program},
    mmdb, until,
};

/// Of which the cluster's own configuration knows nothing: one near its first POP, one near its
/// second, one that the file does not have.
const NEW_YORK: &str = "100.64.1.0/24";
const PARIS: &str = "100.64.2.0/24";
const NOWHERE: &str = "100.64.9.0/24";

/// Told by the configuration to be in New York; the file says Paris.
const CONFIGURED: &str = "198.51.100.0/24";

fn dig(cluster: &Cluster, host: &str, prefix: &str) -> Option<IpAddr> {
    let dns = cluster.ready.dns;
    let output = Command::new("dig")
        .arg(format!("@{}", dns.ip()))
        .args(["-p", &dns.port().to_string()])
        .args(["+tries=1", "+time=5", "+short"])
        .args([&format!("+subnet={prefix}"), host])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// Adds the setting to a section of a node's file.
pub(super) fn set(config: &Path, section: &str, file: &Path) {
    let text = std::fs::read_to_string(config).unwrap();
    let head = format!("[{section}]\n");
    assert!(text.contains(&head), "{text}");
    let line = format!("{head}geo_database = \"{}\"\n", file.display());
    std::fs::write(config, text.replacen(&head, &line, 1)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_locations_leads_clients_of_whom_nothing_else_is_known() {
    let mut cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let apis = management
        .must(http::Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let host = cluster.host(apis["items"][0]["apiId"].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("city.mmdb");
    let networks = [
        (Ipv4Addr::new(100, 64, 1, 0), 24, 40.7, -74.0),
        (Ipv4Addr::new(100, 64, 2, 0), 24, 48.9, 2.4),
        (Ipv4Addr::new(198, 51, 100, 0), 24, 48.9, 2.4),
    ];
    std::fs::write(&file, mmdb::file(&networks)).unwrap();

    let dns = cluster.ready.dns_node.clone();
    set(&dns.config, "dns", &file);
    cluster.kill(dns.pid).unwrap();
    cluster.restart(&dns.config).unwrap();
    let pop = |number: usize| IpAddr::from(cluster.ready.pops[number].public);
    for (prefix, number) in [(NEW_YORK, 0), (PARIS, 1), (CONFIGURED, 0)] {
        let what = format!("{prefix} is led to POP {number}");
        until(&what, Duration::from_secs(60), || async {
            (dig(&cluster, &host, prefix) == Some(pop(number))).then_some(())
        })
        .await;
    }

    // The region that explains has the same file.
    let region = cluster.ready.regions[0].clone();
    set(&region.config, "region", &file);
    cluster.kill(region.pid).unwrap();
    cluster.restart(&region.config).unwrap();
    for (prefix, because) in [
        (PARIS, "the nearest by the location database; scope /24"),
        (CONFIGURED, "the nearest by coordinates"),
        (NOWHERE, "nothing is known of the client"),
    ] {
        let what = format!("{prefix}: {because}");
        let why = until(&what, Duration::from_secs(60), || async {
            let why = explain(&cluster, &host, prefix)?;
            why.contains(because).then_some(why)
        })
        .await;
        println!("{why}");
    }
}

fn explain(cluster: &Cluster, host: &str, prefix: &str) -> Option<String> {
    let output = Command::new(program())
        .args(["explain", "dns", host, "--from", prefix, "--ready-file"])
        .arg(cluster.ready_file())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(said)
}
