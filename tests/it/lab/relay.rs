//! Two legs are shorter than one: requests go by another POP, and go on when the straight way is
//! cut.

use std::{sync::atomic::Ordering, time::Duration};

use tests::{
    client,
    load::Steady,
    until,
    wan::{cluster::Lab, place},
};

const ASKING: &str = "paris";
const ASKED: &str = "new-york";
const REGION: &str = "us-east-1";
const PER_SECOND: u32 = 20;
const SECONDS: u32 = 10;
const LONG: Duration = Duration::from_secs(90);

/// How often the straight way is cut at most: a machine that stands still for seconds silences
/// every POP at once.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_by_another_pop_and_go_on_when_the_straight_way_is_cut() {
    let lab = Lab::start_with(5, "relay = \"auto\"\n").await.unwrap();
    let api = lab.quick_api().await.unwrap();
    let host = lab.api_host(&api);
    let client = lab.wan.host("client").unwrap();
    let near = client.spawn(steady(&lab, &host, 3).run()).await.unwrap();

    // 200 ms to every region straight; 40 ms to the other POP, and 60 from there.
    straight(&lab, Duration::from_millis(100), false);
    distance(&lab, ASKED, ASKING, 20);
    distance(&lab, ASKED, REGION, 30);
    relayed(&lab, &host).await;
    let far = client.spawn(steady(&lab, &host, 5).run()).await.unwrap();
    let (near, far) = (near.quantile_ms(0.5), far.quantile_ms(0.5));
    println!("p50 {near} ms; with every region 200 ms away, and 100 by {ASKED}: {far} ms");

    let mut failed = Vec::new();
    for round in 1..=ROUNDS {
        relayed(&lab, &host).await;
        let before = relays(&lab).await;
        let running = client.spawn(steady(&lab, &host, SECONDS).run());
        tokio::time::sleep(Duration::from_secs(2)).await;
        straight(&lab, Duration::from_millis(100), true);
        let outcome = running.await.unwrap();
        let more = relays(&lab).await - before;
        println!(
            "round {round}, straight way cut after 2 s: {} good, {} failed, {more} relayed, \
             p50 {} ms, p99 {} ms, max {} ms",
            outcome.good.load(Ordering::Relaxed),
            outcome.failed().len(),
            outcome.quantile_ms(0.5),
            outcome.quantile_ms(0.99),
            outcome.quantile_ms(1.0),
        );
        straight(&lab, Duration::from_millis(100), false);
        failed = outcome.failed();
        // Most went that way: nothing else leads to a region.
        if failed.is_empty() && more >= f64::from(PER_SECOND * (SECONDS - 4)) {
            return;
        }
    }
    panic!(
        "requests failed in each of {ROUNDS} rounds: {:?}",
        failed.first()
    );
}

/// Sets the way from the asking POP to every region.
fn straight(lab: &Lab, latency: Duration, cut: bool) {
    let pop = lab.wan.number(ASKING).unwrap();
    for (region, _) in place::REGIONS {
        let region = lab.wan.number(region).unwrap();
        lab.wan.links.change(pop, region, |link| {
            link.latency = latency;
            link.cut = cut;
        });
    }
}

/// Sets the latency between two hosts, one way.
fn distance(lab: &Lab, one: &str, other: &str, ms: u64) {
    let (one, other) = (lab.wan.number(one), lab.wan.number(other));
    let latency = Duration::from_millis(ms);
    lab.wan
        .links
        .change(one.unwrap(), other.unwrap(), |link| link.latency = latency);
}

/// Waits until requests go by another POP.
async fn relayed(lab: &Lab, name: &str) {
    let host = lab.wan.host("client").unwrap();
    let addr = lab.http(ASKING).unwrap();
    until("requests go by another POP", LONG, || async {
        let before = relays(lab).await;
        let name = name.to_owned();
        let many = async move {
            for _ in 0..10 {
                drop(client::get(addr, &name, "/x").await);
            }
        };
        host.spawn(many).await.unwrap();
        (relays(lab).await - before >= 10.0).then_some(())
    })
    .await;
}

fn steady(lab: &Lab, host: &str, seconds: u32) -> Steady {
    Steady {
        addr: lab.http(ASKING).unwrap(),
        host: host.to_owned(),
        path: "/x".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * seconds,
    }
}

/// Calls that another POP answered, as the asking POP counts them.
async fn relays(lab: &Lab) -> f64 {
    let name = "edgeway_edge_relayed_calls_total{result=\"answered\"}";
    let ops = lab.ops(ASKING).unwrap();
    let look = async move { client::get(ops, "node", "/metrics").await.unwrap() };
    let answer = lab.wan.host(ASKING).unwrap().spawn(look).await.unwrap();
    let text = String::from_utf8(answer.into_body().to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}
