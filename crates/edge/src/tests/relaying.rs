//! A POP that other POPs ask: whose calls it takes, where they go, and what it says when they fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use link::{CallHandler, CallMeta, NodeIdentity, PeerRole, Shed};
use model::NodeId;
use serve::{Body, Response};
use tokio::time::timeout;

use super::{
    read,
    regions::{Bench, HOST, OTHER_POP, PATIENCE, channel_body},
};

/// What the first POP says of a call.
fn meta(region: Option<&str>, relayed: bool) -> CallMeta {
    CallMeta {
        request_id: "first-pops-id".to_owned(),
        client: SocketAddr::from(([192, 0, 2, 1], 1_234)),
        scheme_https: true,
        deadline_ms: 30_000,
        trace: None,
        region_hint: region.map(str::to_owned),
        revision: 1,
        relayed,
    }
}

fn from(role: PeerRole) -> Arc<NodeIdentity> {
    Arc::new(NodeIdentity::new("c1", role, "pop-9", 59).unwrap())
}

/// A POP's handler for other POPs.
struct Asked(Arc<dyn CallHandler>);

impl Asked {
    fn of(bench: &Bench) -> Self {
        Self(bench.edge.relayed_calls())
    }

    async fn call(&self, (method, path): (Method, &str), region: &str, body: Body) -> Response {
        let request = request(method, path, body);
        let call = self
            .0
            .call(request, meta(Some(region), true), from(PeerRole::Pop));
        timeout(PATIENCE, call).await.unwrap()
    }
}

fn request(method: Method, path: &str, body: Body) -> serve::Request {
    let request = http::Request::builder().method(method).uri(path);
    // As the first POP has sent it.
    let request = request.header("host", HOST).header("via", "2 pop-1");
    request.body(body).unwrap()
}

fn counted(bench: &Bench, result: &str) -> u64 {
    bench.counted("edgeway_edge_relayed_calls_total", result)
}

#[tokio::test]
async fn a_call_goes_to_the_region_that_it_names_and_to_no_cache() {
    let bench = Bench::start(2).await;
    let asked = Asked::of(&bench);
    for (number, region) in ["r0", "r1", "r0"].into_iter().enumerate() {
        let response = asked
            .call((Method::GET, "/fresh"), region, Body::empty())
            .await;
        assert_eq!(response.headers()["apigw-requestid"], "first-pops-id");
        let seen = read(response).await;
        let expected = format!("{region} #{}", number / 2 + 1);
        assert_eq!((seen.status, seen.body), (StatusCode::OK, expected));
    }
    assert_eq!(
        (counted(&bench, "served"), counted(&bench, "refused")),
        (3, 0)
    );
    // It has kept nothing for its own clients.
    assert_eq!(
        bench.get("/fresh", &[]).await.cache(),
        "fwd=uri-miss; fwd-status=200; stored"
    );
}

#[tokio::test]
async fn only_pops_relay_and_only_what_says_so_and_where_to() {
    let bench = Bench::start(1).await;
    let asked = Asked::of(&bench);
    for (meta, role) in [
        (meta(Some("r0"), true), PeerRole::Region),
        (meta(Some("r0"), true), PeerRole::Dns),
        (meta(Some("r0"), false), PeerRole::Pop),
        (meta(None, true), PeerRole::Pop),
    ] {
        let request = request(Method::GET, "/plain", Body::empty());
        let response = timeout(PATIENCE, asked.0.call(request, meta, from(role)));
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        // It is not for the asking POP to try that again elsewhere.
        assert_eq!(response.extensions().get::<Shed>(), None);
    }
    assert_eq!(
        (counted(&bench, "refused"), bench.regions[0].calls()),
        (4, 0)
    );
}

#[tokio::test]
async fn an_unknown_or_dead_region_is_said_to_be_unserved_and_no_other_is_asked() {
    let mut bench = Bench::start(2).await;
    let asked = Asked::of(&bench);
    bench.regions[0].kill();
    bench.wait_until_lost(1).await;
    for (unserved, region) in ["nowhere", "r0"].into_iter().enumerate() {
        let get = asked
            .call((Method::GET, "/plain"), region, Body::empty())
            .await;
        assert_eq!(get.status(), StatusCode::SERVICE_UNAVAILABLE, "{region}");
        assert_eq!(get.extensions().get::<Shed>(), Some(&Shed), "{region}");
        // What may have had an effect is answered for good.
        let post = asked
            .call((Method::POST, "/plain"), region, Body::full("pay"))
            .await;
        assert_eq!(post.status(), StatusCode::SERVICE_UNAVAILABLE, "{region}");
        assert_eq!(post.extensions().get::<Shed>(), None, "{region}");
        assert_eq!(counted(&bench, "unserved"), 2 * (unserved as u64 + 1));
    }
    assert_eq!(bench.regions[1].calls(), 0);
}

#[tokio::test]
async fn a_late_call_has_no_second_one_in_another_region() {
    let bench = Bench::start(2).await;
    let asked = Arc::new(Asked::of(&bench));
    // So many that the POP knows what is late.
    for _ in 0..100 {
        drop(
            read(
                asked
                    .call((Method::GET, "/plain"), "r0", Body::empty())
                    .await,
            )
            .await,
        );
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let withheld = || bench.counted("edgeway_edge_hedges_total", "no_node");
    let before = withheld();
    let late = Arc::clone(&asked);
    let late =
        tokio::spawn(async move { late.call((Method::GET, "/slow"), "r0", Body::empty()).await });
    bench.regions[0].wait_for_calls(101).await;
    let noticed = async {
        while withheld() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, noticed).await.unwrap();
    bench.regions[0].release();
    assert_eq!(read(late.await.unwrap()).await.body, "r0 #101");
    assert_eq!(bench.regions[1].calls(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_nobody_whole_and_is_not_sent_again() {
    let bench = Bench::start(1).await;
    let asked = Asked::of(&bench);
    let (sender, body) = channel_body();
    let breaking = async {
        sender.send(Ok(Bytes::from("half"))).await.unwrap();
        bench.regions[0].wait_for_calls(1).await;
        sender.send(Err("gone".into())).await.unwrap();
    };
    let call = asked.call((Method::POST, "/echo"), "r0", body);
    let (response, ()) = tokio::join!(call, breaking);
    // Either the head was there before the break, or there is none; the body never ends well.
    if response.status() == StatusCode::OK {
        let (_, body) = response.into_parts();
        let whole = timeout(PATIENCE, body.into_bytes(1 << 20)).await.unwrap();
        assert!(whole.is_err(), "{whole:?}");
    } else {
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.extensions().get::<Shed>(), None);
    }
    assert_eq!(bench.regions[0].calls(), 1);
}

#[tokio::test]
async fn a_pop_that_goes_away_takes_its_call_along() {
    let bench = Bench::start(1).await;
    let asked = Asked::of(&bench);
    let call = tokio::spawn(async move {
        asked
            .call((Method::GET, "/slow"), "r0", Body::empty())
            .await
    });
    bench.regions[0].wait_for_calls(1).await;
    call.abort();
    timeout(PATIENCE, bench.regions[0].wait_for_cancelled(1))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_another_pop_has_handed_over_is_not_handed_on() {
    // The other POP looks much nearer than the region, and never answers a call.
    let bench = Bench::start_with_other_pop(1).await;
    let asked = Asked::of(&bench);
    let own_calls_go_by_it = async {
        while bench.edge.order().via(NodeId(1)) != Some(NodeId(OTHER_POP)) {
            bench
                .edge
                .observe_pop(NodeId(OTHER_POP), Duration::from_millis(1));
            bench.edge.told(NodeId(OTHER_POP), &[(NodeId(1), 1_000)]);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, own_calls_go_by_it).await.unwrap();
    for number in 1..=3 {
        let response = asked
            .call((Method::GET, "/plain"), "r0", Body::empty())
            .await;
        assert_eq!(read(response).await.body, format!("r0 #{number}"));
    }
    let tried = counted(&bench, "answered") + counted(&bench, "failed");
    assert_eq!((counted(&bench, "served"), tried), (3, 0));
}
