//! The regions lose each other: nobody can change anything, and no request notices. Then they find
//! each other again.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::json;
use tests::{
    load::Steady,
    management::Management,
    until,
    wan::{cluster::Lab, place},
};

const SECONDS: u32 = 12;

/// A write waits for a leader before it is refused (10 s), and not twice.
const REFUSED_WITHIN: Duration = Duration::from_secs(14);
const PER_SECOND: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_requests_are_served_and_writes_refused() {
    let lab = Lab::start(2).await.unwrap();
    let api = lab.quick_api().await.unwrap();
    let host = lab.api_host(&api);
    let regions: Vec<usize> = place::REGIONS
        .iter()
        .map(|(name, _)| lab.wan.number(name).unwrap())
        .collect();
    let cut = |cut: bool| {
        for region in &regions {
            for other in regions.iter().filter(|other| *other != region) {
                lab.wan.links.change(*region, *other, |link| link.cut = cut);
            }
        }
    };

    // Each region is alone; every POP still reaches every region.
    cut(true);
    let loads: Vec<_> = place::POPS
        .iter()
        .map(|(pop, _)| {
            let load = Steady {
                addr: lab.http(pop).unwrap(),
                host: host.clone(),
                path: "/x".to_owned(),
                per_second: PER_SECOND,
                total: PER_SECOND * SECONDS,
            };
            (*pop, lab.wan.host(pop).unwrap().spawn(load.run()))
        })
        .collect();
    let writes = place::REGIONS.map(|(region, _)| {
        let lab = &lab;
        async move {
            let began = Instant::now();
            let status = write(lab, region, "refused").await;
            (region, status, began.elapsed())
        }
    });
    for (region, status, took) in futures_util::future::join_all(writes).await {
        println!("write at {region}: {status} after {took:?}");
        assert_eq!(status, 503, "{region}");
        assert!(took < REFUSED_WITHIN, "{region}: {took:?}");
    }
    for (pop, load) in loads {
        let outcome = load.await.unwrap();
        let failed = outcome.failed();
        println!(
            "{pop}: {} good, {} failed, p50 {} ms, p99 {} ms",
            outcome.good.load(Ordering::Relaxed),
            failed.len(),
            outcome.quantile_ms(0.5),
            outcome.quantile_ms(0.99),
        );
        assert!(failed.is_empty(), "{pop}: {:?}", failed.first());
    }

    cut(false);
    let began = Instant::now();
    until(
        "a write is taken again",
        Duration::from_secs(30),
        || async { (write(&lab, "eu-west-1", "taken").await == 201).then_some(()) },
    )
    .await;
    println!("a write is taken {:?} after mending", began.elapsed());
}

async fn write(lab: &Lab, region: &str, name: &str) -> u16 {
    let management: Management = lab.management(region).unwrap();
    let body = json!({ "name": name, "protocolType": "HTTP" });
    let host = lab.wan.host(region).unwrap();
    let call =
        host.spawn(async move { management.call(Method::POST, "/v2/apis", Some(body)).await });
    call.await.unwrap().unwrap().status.as_u16()
}
