//! Certificates by ACME, from Debian's `pebble`, validated through the cluster's own DNS and
//! listeners, and seen in handshakes at every POP and region.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{
    client,
    cluster::Cluster,
    management::Management,
    pebble::{Pebble, PebbleSettings},
    until,
};

use super::domains::{domain, doors, leaf, map, write};

/// Seconds; long enough for slow machines.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
    cluster: Cluster,
    management: Management,
    pebble: Pebble,
    api: String,
}

impl Scene {
    /// One POP, so that pebble, which knows one port for all addresses, finds it.
    async fn start(regions: u8, life: Duration) -> Self {
        let cluster = Cluster::start_with(regions, 1).await.unwrap();
        let pop = cluster.ready.pops[0].clone();
        let pebble = Pebble::start(PebbleSettings {
            dns: cluster.ready.dns,
            http_port: pop.http.port(),
            tls_port: pop.https.port(),
            life,
        })
        .await
        .unwrap();
        let management = cluster.management(0);
        let backend = format!("http://{}", cluster.ready.sample_backend);
        let api = management.quick_api("shop", &backend).await.unwrap();
        let zone = json!({"records": []});
        write(
            &management,
            Method::PUT,
            "/edgeway/v1/zones/shop.test",
            zone,
        )
        .await;
        let settings = json!({
            "directory": pebble.directory(),
            "contact": ["mailto:ops@shop.test"],
            "rootsPem": pebble.directory_root(),
        });
        write(&management, Method::PUT, "/edgeway/v1/acme", settings).await;
        Self {
            cluster,
            management,
            pebble,
            api,
        }
    }

    /// Asks for a certificate and makes the domain with it; the certificate's path.
    async fn order(&self, name: &str, challenge: &str) -> String {
        let body = json!({"acme": {"names": [name], "challenge": challenge}});
        let path = "/edgeway/v1/certificates";
        let made = write(&self.management, Method::POST, path, body).await;
        assert_eq!(made["status"], "PENDING_VALIDATION", "{made}");
        assert_eq!(made["acme"]["state"], "WAITING_FOR_DOMAIN", "{made}");
        let arn = made["certificateArn"].as_str().unwrap();
        domain(&self.management, name, arn, "EDGE").await;
        map(&self.management, name, &self.api, "").await;
        format!("{path}/{}", made["certificateId"].as_str().unwrap())
    }

    async fn show(&self, path: &str) -> Value {
        let shown = self.management.must(Method::GET, path, None).await;
        shown.unwrap()
    }

    async fn issued(&self, path: &str) -> Value {
        let what = format!("{path} is issued");
        let state = || async {
            let shown = self.show(path).await;
            let failed = shown["acme"]["lastError"].as_str();
            assert!(failed.is_none(), "{shown}\n{}", self.pebble.log());
            (shown["acme"]["state"] == "ISSUED").then_some(shown)
        };
        until(&what, PATIENCE, state).await
    }

    /// Every door answers with one certificate of pebble's, and the API behind it.
    async fn served(&self, name: &str) {
        let root = self.pebble.root_pem().await.unwrap();
        let mut seen = Vec::new();
        for door in doors(&self.cluster) {
            let leaf = until("pebble's certificate", Duration::from_secs(5), || async {
                leaf(door, name, &root).await.ok()
            });
            seen.push(leaf.await);
            let answer = client::get_h2(door, name, "/hello", &root).await.unwrap();
            assert_eq!(answer.status(), 200, "{door} {answer:?}");
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{name}: doors have different certificates");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_challenge_leads_to_a_certificate_on_every_node() {
    let scene = Scene::start(2, Duration::from_secs(90 * 24 * 3600)).await;
    let began = std::time::Instant::now();
    for (name, challenge) in [
        ("file.shop.test", "http-01"),
        ("hand.shop.test", "tls-alpn-01"),
        ("text.shop.test", "dns-01"),
        ("*.shop.test", "dns-01"),
    ] {
        let path = scene.order(name, challenge).await;
        let shown = scene.issued(&path).await;
        println!(
            "{challenge} {name}: issued {:?} into the test",
            began.elapsed()
        );
        assert_eq!(shown["status"], "ISSUED", "{shown}");
        assert_eq!(shown["expiresInDays"], 89, "{shown}");
        assert_eq!(shown["inUseBy"], json!([name]), "{shown}");
        scene.served(&name.replace('*', "any")).await;
    }
    // Nothing of the orders is left behind: a challenge that is over reaches the API.
    let pop = scene.cluster.ready.pops[0].http;
    let path = "/.well-known/acme-challenge/other";
    let answer = client::get(pop, "file.shop.test", path).await.unwrap();
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["path"], path);
    // Nobody but a validating authority is answered with this protocol.
    let root = scene.pebble.root_pem().await.unwrap();
    let pop = scene.cluster.ready.pops[0].https;
    let shaken = client::tls(pop, "file.shop.test", &root, "acme-tls/1").await;
    assert!(shaken.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_lived_certificate_is_renewed_by_the_next_leader() {
    let scene = Scene::start(3, Duration::from_secs(24)).await;
    let name = "brief.shop.test";
    let path = scene.order(name, "http-01").await;
    scene.issued(&path).await;
    scene.served(name).await;
    let root = scene.pebble.root_pem().await.unwrap();
    let pop = scene.cluster.ready.pops[0].https;
    let first = leaf(pop, name, &root).await.unwrap();
    // The one that ordered it dies; the next leader renews.
    let status = scene.management.status().await.unwrap();
    let leader = status["raft"]["leader"].as_u64().unwrap();
    let regions = &scene.cluster.ready.regions;
    let dead = regions.iter().position(|one| one.node_id == leader);
    let dead = dead.unwrap();
    scene.cluster.kill(regions[dead].pid).unwrap();
    until("another certificate", PATIENCE, || async {
        // At no time is there none.
        let seen = leaf(pop, name, &root).await.unwrap();
        (seen != first).then_some(())
    })
    .await;
    let other = scene.cluster.management((dead + 1) % 3);
    let shown = other.must(Method::GET, &path, None).await.unwrap();
    assert_eq!(shown["acme"]["lastError"], Value::Null, "{shown}");
    println!("renewed after the leader's death: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_why_and_waits() {
    let scene = Scene::start(1, Duration::from_secs(3600)).await;
    // In no zone of ours, so pebble is refused an address.
    let path = scene.order("nowhere.test", "http-01").await;
    let shown = until("the order fails", PATIENCE, || async {
        let shown = scene.show(&path).await;
        (shown["acme"]["state"] == "BACKING_OFF").then_some(shown)
    })
    .await;
    println!("{shown:#}");
    assert_eq!(shown["status"], "PENDING_VALIDATION");
    assert_eq!(shown["acme"]["attempts"], 1);
    let why = shown["acme"]["lastError"].as_str().unwrap();
    assert!(why.contains("nowhere.test"), "{why}");
    assert!(shown["acme"]["nextAttempt"].is_string());
}
