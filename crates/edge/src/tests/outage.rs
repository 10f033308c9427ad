//! Every connection is lost at once, and comes back.

use model::NodeId;

use super::regions::Bench;

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
