//! Every connection is lost at once, and comes back; every region stands still, and goes on.

use http::Method;
use link::ProbeOutcome;
use model::NodeId;
use serve::Body;
use tokio::time::timeout;

use super::read;
use super::regions::{Bench, PATIENCE};

#[tokio::test]
async fn a_request_waits_for_a_connection_when_all_have_just_gone() {
    let bench = Bench::start(2).await;
    for _ in 0..5 {
        for node in [1, 2] {
            bench.edge.mark_down(NodeId(node));
        }
        // No connection is there now, and the regions live.
        assert_eq!(bench.get("/plain", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn the_only_region_is_not_given_up_when_it_stands_still() {
    let bench = Bench::start(1).await;
    let pending = bench.spawn(Method::POST, "/slow", Body::full("pay"));
    bench.regions[0].wait_for_calls(1).await;
    // At once, so that no good probe comes between.
    for _ in 0..5 {
        bench.edge.observe(NodeId(1), &ProbeOutcome::Down);
    }
    assert!(!bench.edge.order().any_live());
    // What comes now is sent there, too.
    let other = bench.spawn(Method::POST, "/slow", Body::full("pay"));
    bench.regions[0].wait_for_calls(2).await;
    bench.regions[0].release();
    for waiting in [pending, other] {
        let seen = read(timeout(PATIENCE, waiting).await.unwrap().unwrap()).await;
        assert_eq!(seen.status, 200);
    }
}
