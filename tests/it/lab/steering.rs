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

/// How often the region is cut off at most.
const ROUNDS: usize = 3;

/// Requests that make sure by which region they go.
const MANY: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_by_the_nearest_region_and_a_cut_one_is_not_noticed() {
    let lab = Lab::start(1).await.unwrap();
    let api = lab.quick_api().await.unwrap();
    let host = lab.api_host(&api);

    // Each POP by its nearest region, as the client sees it.
    for ((pop, _), (region, _)) in place::POPS.iter().zip(place::REGIONS) {
        wait_for(&lab, pop, region, (&host, 1)).await;
    }

    // Lyon by Paris by Dublin; then Dublin is cut off, and comes back.
    let load = Steady {
        addr: lab.http("paris").unwrap(),
        host: host.clone(),
        path: "/x".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * 10,
    };
    // A machine that stands still for a second loses every region at once. One good round shows
    // that requests need not fail; a fault of ours would show in all of them.
    for round in 1..=ROUNDS {
        wait_for(&lab, "paris", "eu-west-1", (&host, MANY)).await;
        let (failed, added) = cut(&lab, &load, round).await;
        if failed.is_empty() && added < 1_000 {
            return;
        }
        println!(
            "round {round}: p99 rose by {added} ms, first failure {:?}",
            failed.first()
        );
    }
    panic!("requests to {BACKEND} failed or waited in each of {ROUNDS} rounds");
}

/// Waits until most of `count` requests at a POP go by this region, as the client sees it. A POP
/// that has just started moves when it is sure; a region that was away gets its share little by
/// little.
async fn wait_for(lab: &Lab, pop: &str, region: &'static str, (host, count): (&str, usize)) {
    let (addr, host) = (lab.http(pop).unwrap(), host.to_owned());
    let what = format!("{pop} goes by {region}");
    let settled = lab.wan.host("client").unwrap().spawn(async move {
        until(&what, Duration::from_secs(90), || async {
            let mut by_it = 0;
            for _ in 0..count {
                let answer = client::get(addr, &host, "/x").await.ok()?;
                by_it += usize::from(region_of(&answer).as_deref() == Some(region));
            }
            (by_it * 10 >= count * 9).then_some(())
        })
        .await;
    });
    settled.await.unwrap();
}

/// Runs the load as it is, and again with the region cut off after 2 s; gives what failed, and by
/// how much p99 rose, in milliseconds.
async fn cut(lab: &Lab, load: &Steady, round: usize) -> (Vec<String>, u64) {
    let client = lab.wan.host("client").unwrap();
    let short = Steady {
        total: PER_SECOND * 5,
        ..load.clone()
    };
    let whole = client.spawn(short.run()).await.unwrap();
    let running = client.spawn(load.clone().run());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let region = lab.wan.number("eu-west-1").unwrap();
    lab.wan.links.cut_off(region, true);
    let cut = running.await.unwrap();
    lab.wan.links.cut_off(region, false);
    for (name, outcome) in [("whole", &whole), ("Dublin cut off after 2 s", &cut)] {
        println!(
            "round {round}, {name}: {} good, {} failed, p50 {} ms, p99 {} ms, max {} ms",
            outcome.good.load(Ordering::Relaxed),
            outcome.failed().len(),
            outcome.quantile_ms(0.5),
            outcome.quantile_ms(0.99),
            outcome.quantile_ms(1.0),
        );
    }
    let before = whole.quantile_ms(0.99);
    let added = cut.quantile_ms(0.99).saturating_sub(before);
    ([whole.failed(), cut.failed()].concat(), added)
}
