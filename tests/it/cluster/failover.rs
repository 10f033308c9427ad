//! The region a POP prefers dies without warning: nobody who sends GETs sees it.

use std::time::Duration;

use tests::{backend::Backend, client, cluster::Cluster, load::Steady, until};

use super::region_of;

const PER_SECOND: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_region_fails_no_get_and_is_used_again_when_it_returns() {
    let mut cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("steady", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    let preferred = region_of(&client::get(pop, &host, "/x").await.unwrap()).unwrap();
    let victim = cluster
        .ready
        .regions
        .iter()
        .find(|region| region.name == preferred);
    let victim = victim.unwrap().clone();
    println!("{} prefers {preferred}", cluster.ready.pops[0].name);

    let load = |seconds: u32| Steady {
        addr: pop,
        host: host.clone(),
        path: "/x".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * seconds,
    };
    let running = tokio::spawn(load(8).run());
    until("the load runs", Duration::from_secs(5), || async {
        (backend
            .counts
            .requests
            .load(std::sync::atomic::Ordering::Relaxed)
            > 1_000)
            .then_some(())
    })
    .await;
    cluster.kill(victim.pid).unwrap();
    let outcome = running.await.unwrap();
    let failed = outcome.failed();
    println!(
        "killed {preferred}: {} good, {} failed, p50 {} ms, p99 {} ms, max {} ms",
        outcome.good.load(std::sync::atomic::Ordering::Relaxed),
        failed.len(),
        outcome.quantile_ms(0.5),
        outcome.quantile_ms(0.99),
        outcome.quantile_ms(1.0),
    );
    assert!(
        failed.is_empty(),
        "{} failed, first: {:?}",
        failed.len(),
        failed.first()
    );
    let now = region_of(&client::get(pop, &host, "/x").await.unwrap()).unwrap();
    assert_ne!(now, preferred);

    // It returns under load. Which region is nearest is a matter of microseconds on one machine,
    // so the others are made to drain by dying: what is left to use is the one that returned.
    let running = tokio::spawn(load(8).run());
    cluster.restart(&victim.config).unwrap();
    let returned = victim.http;
    until(
        "the region serves again",
        Duration::from_secs(20),
        || async {
            let answer = client::get(returned, &host, "/x").await.ok()?;
            (answer.status() == 200).then_some(())
        },
    )
    .await;
    let outcome = running.await.unwrap();
    let failed = outcome.failed();
    assert!(
        failed.is_empty(),
        "{} failed, first: {:?}",
        failed.len(),
        failed.first()
    );
    for other in cluster.ready.regions.clone() {
        if other.name != preferred {
            cluster.kill(other.pid).unwrap();
        }
    }
    until(
        "the POP uses the region that returned",
        Duration::from_secs(20),
        || async {
            let answer = client::get(pop, &host, "/x").await.ok()?;
            (answer.status() == 200 && region_of(&answer)? == preferred).then_some(())
        },
    )
    .await;
}
