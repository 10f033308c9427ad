//! A change is on every POP soon after it is committed, wherever it was made.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use tests::{
    client,
    wan::{
        cluster::{BACKEND, Lab},
        place,
    },
};

/// Changes, made in one region after the other.
const TRIES: usize = 100;

/// Above what the farthest POP takes on a very busy machine.
const MEDIAN_MAX: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_on_every_pop_soon_after_its_commit() {
    let lab = Lab::start(3).await.unwrap();
    lab.quick_api().await.unwrap();
    let (mut after_answer, mut after_request) = (Vec::new(), Vec::new());
    for number in 0..TRIES {
        let region = place::REGIONS[number % place::REGIONS.len()].0;
        let management = lab.management(region).unwrap();
        let body = json!({
            "name": format!("change-{number}"),
            "protocolType": "HTTP",
            "target": format!("http://{BACKEND}"),
        });
        let requested = Instant::now();
        let call = lab.wan.host(region).unwrap().spawn(async move {
            management
                .must(Method::POST, "/v2/apis", Some(body))
                .await
                .unwrap()
        });
        let api = call.await.unwrap()["apiId"].as_str().unwrap().to_owned();
        // The region answers once it has seen the commit, so this is never before it.
        let answered = Instant::now();
        let host = lab.api_host(&api);
        let mut looks = tokio::task::JoinSet::new();
        for (pop, _) in place::POPS {
            let (addr, host) = (lab.http(pop).unwrap(), host.clone());
            let look = lab.wan.host(pop).unwrap().spawn(serves(addr, host));
            looks.spawn(async move { look.await.unwrap() });
        }
        let served = looks.join_all().await;
        let last = served.into_iter().max().unwrap();
        println!(
            "{region}: answered after {:?}, on every POP after {:?}",
            answered - requested,
            last - requested
        );
        after_answer.push(last.saturating_duration_since(answered));
        after_request.push(last - requested);
    }
    for (since, all) in [
        ("the answer", &mut after_answer),
        ("the request", &mut after_request),
    ] {
        all.sort_unstable();
        println!(
            "on every POP after {since}: p50 {:?}, p90 {:?}, p99 {:?}, max {:?}",
            all[TRIES / 2],
            all[TRIES * 9 / 10],
            all[TRIES * 99 / 100 - 1],
            all[TRIES - 1]
        );
    }
    // What must hold at p99 (a second) is printed: a machine that stands still may not fail this.
    let median = after_answer[TRIES / 2];
    assert!(median < MEDIAN_MAX, "{median:?}");
}

/// When the POP first serves the API: asked on the POP's own host, answered by a region.
async fn serves(addr: std::net::SocketAddr, host: String) -> Instant {
    loop {
        let answer = client::get(addr, &host, "/x").await.unwrap();
        if answer.status() == 200 {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
