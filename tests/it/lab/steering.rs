//! Requests go by the nearest region, and a region that is cut off is not noticed.

use std::{sync::atomic::Ordering, time::Duration};

use tests::{
    client,
    load::Steady,
    until,
    wan::{
        cluster::{BACKEND, Lab},
        place,
    },
};

use crate::cluster::region_of;

const PER_SECOND: u32 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_by_the_nearest_region_and_a_cut_one_is_not_noticed() {
    let lab = Lab::start(1).await.unwrap();
    let api = lab.quick_api().await.unwrap();
    let host = lab.api_host(&api);

    // Each POP by its nearest region, as the client sees it.
    for ((pop, _), (region, _)) in place::POPS.iter().zip(place::REGIONS) {
        let (addr, host) = (lab.http(pop).unwrap(), host.clone());
        let client = lab.wan.host("client").unwrap();
        // A POP that has just started may have met another region first, and moves when it is sure.
        let what = format!("{pop} goes by {region}");
        let settled = client.spawn(async move {
            until(&what, Duration::from_secs(20), || async {
                let answer = client::get(addr, &host, "/x").await.unwrap();
                assert_eq!(answer.status(), 200, "{answer:?}");
                (region_of(&answer)? == region).then_some(())
            })
            .await;
        });
        settled.await.unwrap();
    }

    // Lyon by Paris by Dublin; then Dublin is cut off.
    let load = Steady {
        addr: lab.http("paris").unwrap(),
        host: host.clone(),
        path: "/x".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * 5,
    };
    let client = lab.wan.host("client").unwrap();
    let whole = client.spawn(load.clone().run()).await.unwrap();
    let running = client.spawn(
        Steady {
            total: PER_SECOND * 12,
            ..load
        }
        .run(),
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    let region = lab.wan.number("eu-west-1").unwrap();
    lab.wan.links.cut_off(region, true);
    let cut = running.await.unwrap();
    for (name, outcome) in [("whole", &whole), ("Dublin cut off after 2 s", &cut)] {
        println!(
            "{name}: {} good, {} failed, p50 {} ms, p99 {} ms, max {} ms",
            outcome.good.load(Ordering::Relaxed),
            outcome.failed().len(),
            outcome.quantile_ms(0.5),
            outcome.quantile_ms(0.99),
            outcome.quantile_ms(1.0),
        );
    }
    assert!(whole.failed().is_empty(), "{:?}", whole.failed().first());
    assert!(cut.failed().is_empty(), "{:?}", cut.failed().first());
    let added = cut
        .quantile_ms(0.99)
        .saturating_sub(whole.quantile_ms(0.99));
    assert!(added < 1_000, "p99 rose by {added} ms ({BACKEND})");
}
