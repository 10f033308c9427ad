//! A firewall begins to drop UDP between a POP and every region: requests and configuration go on
//! over HTTP/2, and over QUIC again once it passes.

use std::{sync::atomic::Ordering, time::Duration};

use http::Method;
use serde_json::json;
use tests::{
    client,
    load::Steady,
    until,
    wan::{
        cluster::{BACKEND, Lab},
        place,
    },
};

const POP: &str = "paris";
const PER_SECOND: u32 = 40;
const SECONDS: u32 = 30;

/// The worker's connections and the node's own, one each to every region.
const CONNECTIONS: f64 = 2.0 * place::REGIONS.len() as f64;

/// The longest pause between two looks for QUIC is 15 s.
const LONG: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn where_udp_is_dropped_requests_and_configuration_go_on() {
    let lab = Lab::start(4).await.unwrap();
    let api = lab.quick_api().await.unwrap();
    carried(&lab, "quic").await;

    let load = Steady {
        addr: lab.http(POP).unwrap(),
        host: lab.api_host(&api),
        path: "/x".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * SECONDS,
    };
    let client = lab.wan.host("client").unwrap();
    let running = client.spawn(load.run());
    tokio::time::sleep(Duration::from_secs(2)).await;
    block(&lab, true);
    carried(&lab, "h2").await;

    // A change made now arrives, and the operator sees how.
    let made = change(&lab).await;
    let (addr, host) = (lab.http(POP).unwrap(), lab.api_host(&made));
    let serves = client.spawn(async move {
        until("the change is there", LONG, || async {
            let answer = client::get(addr, &host, "/x").await.unwrap();
            (answer.status() == 200).then_some(())
        })
        .await;
    });
    serves.await.unwrap();
    until("status says so", LONG, || async {
        let status = status(&lab).await;
        let nodes = status["nodes"].as_array().unwrap().clone();
        let node = nodes.into_iter().find(|node| node["place"] == POP).unwrap();
        let reached = node["overH2"].as_array().map_or(0, Vec::len);
        (reached == place::REGIONS.len()).then_some(())
    })
    .await;

    block(&lab, false);
    carried(&lab, "quic").await;
    let outcome = running.await.unwrap();
    let failed = outcome.failed();
    print_retries(&lab).await;
    println!(
        "{} good, {} failed, p50 {} ms, p99 {} ms, max {} ms",
        outcome.good.load(Ordering::Relaxed),
        failed.len(),
        outcome.quantile_ms(0.5),
        outcome.quantile_ms(0.99),
        outcome.quantile_ms(1.0),
    );
    assert!(failed.is_empty(), "{:?}", failed.first());
    let switches = "edgeway_link_transport_switches_total";
    for to in ["h2", "quic"] {
        let name = format!("{switches}{{to=\"{to}\"}}");
        assert!(metric(&lab, &name).await >= CONNECTIONS, "{name}");
    }
}

/// Drops UDP between the POP and the regions, or lets it pass.
fn block(lab: &Lab, no_udp: bool) {
    let pop = lab.wan.number(POP).unwrap();
    for (region, _) in place::REGIONS {
        let region = lab.wan.number(region).unwrap();
        let links = &lab.wan.links;
        links.change(pop, region, |link| link.no_udp = no_udp);
    }
}

/// Waits until all of the POP's connections go over `transport`, and none over another.
async fn carried(lab: &Lab, transport: &str) {
    let name = "edgeway_link_transport_connections";
    let of = |transport| format!("{name}{{side=\"client\",transport=\"{transport}\"}}");
    let other = if transport == "h2" { "quic" } else { "h2" };
    until(transport, LONG, || async {
        let there = metric(lab, &of(transport)).await;
        let not = metric(lab, &of(other)).await;
        (there >= CONNECTIONS && not == 0.0).then_some(())
    })
    .await;
}

/// What followed failed calls, for whoever reads a failed run.
async fn print_retries(lab: &Lab) {
    for result in ["made", "waited", "tries_max", "budget", "no_node", "unsafe"] {
        let name = format!("edgeway_edge_retries_total{{result=\"{result}\"}}");
        println!("retries, {result}: {}", metric(lab, &name).await);
    }
}

async fn metric(lab: &Lab, name: &str) -> f64 {
    let ops = lab.ops(POP).unwrap();
    let look = async move { client::get(ops, "node", "/metrics").await.unwrap() };
    let answer = lab.wan.host(POP).unwrap().spawn(look).await.unwrap();
    let text = String::from_utf8(answer.into_body().to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

async fn change(lab: &Lab) -> String {
    let region = place::REGIONS[0].0;
    let management = lab.management(region).unwrap();
    let target = format!("http://{BACKEND}");
    let body = json!({ "name": "later", "protocolType": "HTTP", "target": target });
    let call = async move { management.must(Method::POST, "/v2/apis", Some(body)).await };
    let answer = lab.wan.host(region).unwrap().spawn(call).await.unwrap();
    answer.unwrap()["apiId"].as_str().unwrap().to_owned()
}

async fn status(lab: &Lab) -> serde_json::Value {
    let region = place::REGIONS[0].0;
    let management = lab.management(region).unwrap();
    let look = async move { management.status().await.unwrap() };
    lab.wan.host(region).unwrap().spawn(look).await.unwrap()
}
