//! Rates and quotas across region nodes: clients at five POPs and three regions at once, a leader
//! that dies, a node that starts again.

use std::{net::SocketAddr, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{
    cluster::Cluster,
    limited::{Clients, Holder},
    management::Management,
    until,
};

/// What GetUsage says a key has used, over the last days.
async fn used(management: &Management, plan: &str, key: &str) -> u64 {
    let now = std::time::SystemTime::now();
    let day = |days: u64| {
        let at = now - Duration::from_secs(days * 86_400);
        let at: time::OffsetDateTime = at.into();
        at.date().to_string()
    };
    let path = format!(
        "/usageplans/{plan}/usage?startDate={}&endDate={}",
        day(1),
        day(0)
    );
    let usage = management.must(Method::GET, &path, None).await.unwrap();
    let days = usage["values"][key].as_array().unwrap().iter();
    days.map(|day| day[0].as_u64().unwrap()).sum()
}

/// Waits until all regions know of so many requests, and of the same.
async fn agreed(cluster: &Cluster, plan: &str, key: &str, least: u64) -> u64 {
    until("usage is told", Duration::from_secs(40), || async {
        let mut known = Vec::new();
        for region in 0..cluster.ready.regions.len() {
            known.push(used(&cluster.management(region), plan, key).await);
        }
        let first = known[0];
        (first >= least && known.iter().all(|one| *one == first)).then_some(first)
    })
    .await
}

fn leader_of(status: &Value) -> Option<u64> {
    status["raft"]["leader"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_for_five_pops_and_three_regions_together() {
    let cluster = Cluster::start_with(3, 5).await.unwrap();
    let management = cluster.management(0);
    let api = tests::limited::api(&management).await.unwrap();
    let host = cluster.host(&api);
    let pops = cluster.ready.pops.iter().map(|pop| pop.http);
    let regions = cluster.ready.regions.iter().map(|region| region.http);
    let all: Vec<SocketAddr> = pops.chain(regions).collect();
    println!("| rate | burst | asked/s | seconds | allowed | admitted | refused | over |");
    for (rate, burst) in [(5_u64, 10_u64), (50, 50)] {
        let throttle = json!({ "throttle": { "rateLimit": rate, "burstLimit": burst } });
        let holder = Holder::new(&management, &api, &throttle).await.unwrap();
        let clients = Clients::start(&all, &host, &holder.value, 40);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (tally, took) = clients.end().await;
        let (admitted, refused, other) = tally.counts();
        let seconds = took.as_secs_f64();
        let allowed = burst as f64 + rate as f64 * seconds;
        println!(
            "| {rate} | {burst} | {:.0} | {seconds:.1} | {allowed:.0} | {admitted} | {refused} | \
             {:+.1} % | {other} had no answer",
            (admitted + refused) as f64 / seconds,
            (admitted as f64 / allowed - 1.0) * 100.0,
        );
        // However the machine stalls.
        assert!(admitted as f64 <= 1.1 * allowed, "{admitted} of {allowed}");
        assert!(admitted >= burst / 3, "{admitted} of {allowed}");
        assert!(refused > 0);
        // A POP may have asked two regions for one client.
        let known = agreed(&cluster, &holder.plan, &holder.key, admitted).await;
        println!("GetUsage: {known} at every region");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_survives_its_leader_and_a_restart() {
    let mut cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let api = tests::limited::api(&management).await.unwrap();
    let host = cluster.host(&api);
    let quota = json!({ "quota": { "limit": 300, "period": "MONTH" } });
    let holder = Holder::new(&management, &api, &quota).await.unwrap();
    let (value, id, plan) = (holder.value, holder.key, holder.plan);
    let nodes = cluster.ready.regions.clone();
    let at = |node: &tests::cluster::Region| node.http;
    let all: Vec<SocketAddr> = nodes.iter().map(at).collect();
    // About half of it is used up, and everybody knows.
    let clients = Clients::start(&all, &host, &value, 50);
    until("half is used", Duration::from_secs(20), || async {
        (clients.tally.counts().0 >= 120).then_some(())
    })
    .await;
    let first = clients.end().await.0.counts().0;
    agreed(&cluster, &plan, &id, first).await;
    let status = management.status().await.unwrap();
    let leader = leader_of(&status).unwrap();
    let dead = nodes
        .iter()
        .position(|node| node.node_id == leader)
        .unwrap();
    cluster.kill(nodes[dead].pid).unwrap();
    let left: Vec<SocketAddr> = nodes
        .iter()
        .filter(|node| node.node_id != leader)
        .map(at)
        .collect();
    let other = (0..3).find(|region| *region != dead).unwrap();
    let management = cluster.management(other);
    until("another leads", Duration::from_secs(20), || async {
        let status = management.status().await.ok()?;
        leader_of(&status).filter(|now| *now != leader)
    })
    .await;
    let clients = Clients::start(&left, &host, &value, 50);
    // Used up: a hundred refusals and not one admitted. For some seconds after the loss the nodes
    // have little to spend, too, but by then most of the quota is not used.
    let mut last = (0, 0);
    until("the rest is used", Duration::from_secs(30), || {
        let (admitted, refused, _) = clients.tally.counts();
        if admitted != last.0 {
            last = (admitted, refused);
        }
        let most = first + admitted >= 200;
        let done = (most && refused >= last.1 + 100).then_some(());
        async move { done }
    })
    .await;
    let second = clients.end().await.0.counts().0;
    println!("quota 300: {first} before the leader died, {second} after");
    // All was told before the leader died.
    assert!(first + second <= 300 + 30, "{first} + {second}");
    // The node that was the leader learns what it missed, and knows its own counts again.
    cluster.restart(&nodes[dead].config).unwrap();
    let management = cluster.management(dead);
    until("all is known again", Duration::from_secs(30), || async {
        let path = format!("/usageplans/{plan}");
        management.must(Method::GET, &path, None).await.ok()?;
        (used(&management, &plan, &id).await >= first + second).then_some(())
    })
    .await;
}
