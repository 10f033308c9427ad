//! A second call when the first is late.

use std::time::{Duration, Instant};

use http::Method;
use serve::Body;
use tokio::time::timeout;

use super::{
    read,
    regions::{Bench, PATIENCE, Region},
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
    bench.counted("edgeway_edge_hedges_total", result)
}

#[tokio::test]
async fn a_late_get_is_answered_by_another_region_and_cancelled_at_the_first() {
    let bench = Bench::start(2).await;
    learn(&bench).await;
    let (first, before) = (bench.first(), hedges(&bench, "won"));
    bench.regions[1 - first].release();
    // Nobody but the other region answers.
    let slow = timeout(PATIENCE, bench.get("/slow", &[]));
    let seen = slow.await.unwrap();
    assert!(seen.body.starts_with(&format!("r{} ", 1 - first)));
    timeout(PATIENCE, bench.regions[first].wait_for_cancelled(1))
        .await
        .unwrap();
    assert_eq!(hedges(&bench, "won"), before + 1);
}

/// The budget counts the requests of this long; a run that takes longer is none of its cases.
const WINDOW: Duration = Duration::from_secs(9);

/// How many second calls there were for 121 requests, all within the time of the budget; `None` if
/// the machine stood still for too long to say.
async fn second_calls() -> Option<u64> {
    let (bench, start) = (Bench::start(2).await, Instant::now());
    learn(&bench).await;
    let calls = || bench.regions.iter().map(Region::calls).sum::<usize>();
    // What stalled while it learned was late, too.
    let (calls_before, withheld_before) = (calls(), hedges(&bench, "budget"));
    let late: Vec<_> = (0..20)
        .map(|number| bench.spawn(Method::GET, &format!("/slow{number}"), Body::empty()))
        .collect();
    // Each of them has had a second call, or was told that there is none.
    let decided = async {
        loop {
            let withheld = hedges(&bench, "budget") - withheld_before;
            let second = (calls() - calls_before).saturating_sub(20);
            if second + usize::try_from(withheld).unwrap() >= 20 || hedges(&bench, "no_node") > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, decided).await.unwrap();
    let in_time = start.elapsed() < WINDOW && hedges(&bench, "no_node") == 0;
    for region in &bench.regions {
        region.release();
    }
    for task in late {
        assert_eq!(read(task.await.unwrap()).await.status, 200);
    }
    let made = ["won", "lost", "failed"].map(|result| hedges(&bench, result));
    in_time.then(|| made.iter().sum())
}

#[tokio::test]
async fn second_calls_stay_within_their_budget() {
    for _ in 0..5 {
        if let Some(made) = second_calls().await {
            // 5 % of the 121 requests so far.
            assert_eq!(made, 6);
            return;
        }
    }
    panic!("the machine stands still for seconds, again and again");
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
