//! Rates and quotas across region nodes: clients at five POPs and three regions at once, a leader
//! that dies, a node that starts again.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Method, Request};
use serde_json::{Value, json};
use tests::{
    client::{Http1, Whole},
    cluster::Cluster,
    management::Management,
    until,
};

/// What came back to all clients together.
#[derive(Debug, Default)]
struct Tally {
    admitted: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
}

impl Tally {
    fn counts(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        (read(&self.admitted), read(&self.refused), read(&self.other))
    }
}

/// Clients that go on until they are told to stop.
struct Clients {
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    running: tokio::task::JoinSet<()>,
    began: Instant,
}

impl Clients {
    /// One client at each address, each with so many requests a second at most.
    fn start(at: &[SocketAddr], host: &str, key: &str, each: u32) -> Self {
        let (tally, stop) = (Arc::<Tally>::default(), Arc::<AtomicBool>::default());
        let mut running = tokio::task::JoinSet::new();
        for addr in at.iter().copied() {
            let (tally, stop) = (Arc::clone(&tally), Arc::clone(&stop));
            let (host, key) = (host.to_owned(), key.to_owned());
            running.spawn(async move {
                let mut kept = None;
                while !stop.load(Ordering::SeqCst) {
                    let next = tokio::time::Instant::now() + Duration::from_secs(1) / each;
                    let status = one(&mut kept, addr, &host, &key).await;
                    let count = match status {
                        Some(200) => &tally.admitted,
                        Some(429) => &tally.refused,
                        _ => &tally.other,
                    };
                    count.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep_until(next).await;
                }
            });
        }
        Self {
            tally,
            stop,
            running,
            began: Instant::now(),
        }
    }

    /// Ends them; what came back, and how long it took to the last answer.
    async fn end(self) -> (Arc<Tally>, Duration) {
        self.stop.store(true, Ordering::SeqCst);
        self.running.join_all().await;
        (self.tally, self.began.elapsed())
    }
}

async fn one(kept: &mut Option<Http1>, addr: SocketAddr, host: &str, key: &str) -> Option<u16> {
    let request = Request::get("/prod")
        .header("host", host)
        .header("x-api-key", key)
        .body(Whole::default())
        .unwrap();
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => Http1::open(addr).await.ok()?,
    };
    let sent = tokio::time::timeout(Duration::from_secs(10), connection.send(request)).await;
    let answer = sent.ok()?.ok()?;
    *kept = Some(connection);
    Some(answer.status().as_u16())
}

/// A mock API whose stage `prod` wants a key.
async fn api(management: &Management) -> String {
    let put = async |path: &str, body: Value| {
        management
            .must(Method::PUT, path, Some(body))
            .await
            .unwrap();
    };
    let body = json!({ "name": "limited" });
    let made = management
        .must(Method::POST, "/restapis", Some(body))
        .await
        .unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let root = made["rootResourceId"].as_str().unwrap();
    let method = format!("/restapis/{id}/resources/{root}/methods/GET");
    let wants = json!({ "authorizationType": "NONE", "apiKeyRequired": true });
    put(&method, wants).await;
    let mock = json!({
        "type": "MOCK",
        "requestTemplates": { "application/json": "{\"statusCode\": 200}" },
    });
    put(&format!("{method}/integration"), mock).await;
    put(&format!("{method}/responses/200"), json!({})).await;
    put(&format!("{method}/integration/responses/200"), json!({})).await;
    let path = format!("/restapis/{id}/deployments");
    management
        .must(Method::POST, &path, Some(json!({ "stageName": "prod" })))
        .await
        .unwrap();
    id
}

/// A key in a plan of its own: its value, its id and the plan's, once all nodes know them.
async fn key(management: &Management, api: &str, limits: Value) -> (String, String, String) {
    let post = async |path: &str, body: Value| {
        let answer = management.call(Method::POST, path, Some(body)).await;
        let answer = answer.unwrap();
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer
    };
    let made = post("/apikeys", json!({ "enabled": true })).await.body;
    let (id, value) = (
        made["id"].as_str().unwrap(),
        made["value"].as_str().unwrap(),
    );
    let mut plan = json!({ "name": "p", "apiStages": [{ "apiId": api, "stage": "prod" }] });
    for (name, limit) in limits.as_object().unwrap() {
        plan[name] = limit.clone();
    }
    let plan = post("/usageplans", plan).await.body;
    let plan = plan["id"].as_str().unwrap();
    let link = json!({ "keyId": id, "keyType": "API_KEY" });
    let linked = post(&format!("/usageplans/{plan}/keys"), link).await;
    let revision = linked.headers.get("x-edgeway-revision").unwrap();
    let revision = revision.to_str().unwrap().parse().unwrap();
    management.wait(revision).await.unwrap();
    (value.to_owned(), id.to_owned(), plan.to_owned())
}

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
    let api = api(&management).await;
    let host = cluster.host(&api);
    let pops = cluster.ready.pops.iter().map(|pop| pop.http);
    let regions = cluster.ready.regions.iter().map(|region| region.http);
    let all: Vec<SocketAddr> = pops.chain(regions).collect();
    println!("| rate | burst | asked/s | seconds | allowed | admitted | refused | over |");
    for (rate, burst) in [(5_u64, 10_u64), (50, 50)] {
        let throttle = json!({ "throttle": { "rateLimit": rate, "burstLimit": burst } });
        let (value, id, plan) = key(&management, &api, throttle).await;
        let clients = Clients::start(&all, &host, &value, 40);
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
        // A machine that stalls for seconds is a partition: then it is at most twice as much.
        assert!(
            admitted as f64 <= 2.0 * allowed + 9.0,
            "{admitted} of {allowed}"
        );
        assert!(admitted >= burst / 3, "{admitted} of {allowed}");
        assert!(refused > 0);
        // A POP may have asked two regions for one client.
        let known = agreed(&cluster, &plan, &id, admitted).await;
        println!("GetUsage: {known} at every region");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_survives_its_leader_and_a_restart() {
    let mut cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let api = api(&management).await;
    let host = cluster.host(&api);
    let quota = json!({ "quota": { "limit": 300, "period": "MONTH" } });
    let (value, id, plan) = key(&management, &api, quota).await;
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
    // Used up: a hundred refusals and not one admitted.
    let mut last = (0, 0);
    until("the rest is used", Duration::from_secs(30), || {
        let (admitted, refused, _) = clients.tally.counts();
        if admitted != last.0 {
            last = (admitted, refused);
        }
        let done = (refused >= last.1 + 100).then_some(());
        async move { done }
    })
    .await;
    let second = clients.end().await.0.counts().0;
    println!("quota 300: {first} before the leader died, {second} after");
    // Ten per cent, and what a node may spend on credit.
    assert!(first + second <= 300 + 30 + 9, "{first} + {second}");
    assert!(first + second >= 200, "{first} + {second}");
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
