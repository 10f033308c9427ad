//! A second call when the first is late.

use std::time::Duration;

use http::Method;
use serve::Body;
use tokio::time::timeout;

use super::{
    read,
    regions::{Bench, PATIENCE},
};

/// Asks often enough that the POP knows what is late.
async fn learn(bench: &Bench) {
    for _ in 0..100 {
        bench.get("/plain", &[]).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    bench.get("/plain", &[]).await;
}

fn hedges(bench: &Bench, result: &str) -> u64 {
    let families = bench.registry.gather();
    let family = families
        .iter()
        .find(|family| family.name() == "edgeway_edge_hedges_total")
        .unwrap();
    let metric = family
        .get_metric()
        .iter()
        .find(|metric| metric.get_label()[0].value() == result);
    metric.map_or(0, |metric| counted(metric.get_counter().get_value()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small count"
)]
fn counted(value: f64) -> u64 {
    value as u64
}

#[tokio::test]
async fn a_late_get_is_answered_by_another_region_and_cancelled_at_the_first() {
    let bench = Bench::start(2).await;
    learn(&bench).await;
    let first = bench.first();
    bench.regions[1 - first].release();
    let slow = timeout(Duration::from_secs(2), bench.get("/slow", &[]));
    let seen = slow.await.unwrap();
    assert!(seen.body.starts_with(&format!("r{} ", 1 - first)));
    timeout(PATIENCE, bench.regions[first].wait_for_cancelled(1))
        .await
        .unwrap();
    assert_eq!(hedges(&bench, "won"), 1);
}

#[tokio::test]
async fn second_calls_stay_within_their_budget() {
    let bench = Bench::start(2).await;
    learn(&bench).await;
    let late: Vec<_> = (0..20)
        .map(|number| bench.spawn(Method::GET, &format!("/slow{number}"), Body::empty()))
        .collect();
    let withheld = async {
        while hedges(&bench, "budget") < 14 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, withheld).await.unwrap();
    for region in &bench.regions {
        region.release();
    }
    for task in late {
        assert_eq!(read(task.await.unwrap()).await.status, 200);
    }
    // 5 % of the 121 requests so far.
    assert_eq!(hedges(&bench, "won") + hedges(&bench, "lost"), 6);
}

#[tokio::test]
async fn a_request_with_an_effect_has_no_second_call() {
    let bench = Bench::start(2).await;
    learn(&bench).await;
    let first = bench.first();
    let others = bench.regions[1 - first].calls();
    let pending = bench.spawn(Method::POST, "/slow", Body::full("pay"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.regions[1 - first].calls(), others);
    bench.regions[first].release();
    assert_eq!(pending.await.unwrap().status(), 200);
}
