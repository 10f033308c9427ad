//! A connector that has been taken over: the identity is good, what speaks is not ours. It can lie
//! about the upstreams of its own name, and nothing else may come of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use link::{
    CallHandler, CallMeta, Expected, NodeIdentity, Peer, PeerRole, ProbeState, RpcHandler,
    RpcRefusal, Service, Services, Transport,
};
use model::codec;
use serve::{Body, BoxFuture, Drain};

use super::{
    backend::counted,
    connectors::{Hub, context, echoing, orders},
    harness::eventually,
};
use crate::{OfferedUpstream, UpstreamHealth, upstream::UpstreamError};

/// Of a list of offers that is read.
const OFFERS_BYTES_MAX: usize = 512 * 1024;

type Answer = dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// What a program that holds a connector's identity may do instead.
struct Hostile {
    offers: std::sync::Mutex<Bytes>,
    answer: Box<Answer>,
    calls: AtomicUsize,
    revision: AtomicUsize,
}

/// It, connected.
struct Connected {
    hostile: Arc<Hostile>,
    _peer: Peer,
    _transport: Transport,
}

fn offer(name: &str, reason: &str) -> OfferedUpstream {
    OfferedUpstream {
        name: name.to_owned(),
        health: UpstreamHealth::Healthy,
        reason: reason.to_owned(),
    }
}

fn encoded(offers: &[OfferedUpstream]) -> Bytes {
    codec::encode(codec::Kind::Other, &offers.to_vec())
        .unwrap()
        .into()
}

fn orders_only() -> Bytes {
    encoded(&[offer("orders", "")])
}

impl Hostile {
    fn new<F, A>(offers: Bytes, answer: F) -> Arc<Self>
    where
        F: Fn(Request<Body>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Arc::new(Self {
            offers: std::sync::Mutex::new(offers),
            answer: Box::new(move |request| Box::pin(answer(request))),
            calls: AtomicUsize::new(0),
            revision: AtomicUsize::new(0),
        })
    }

    /// Dials the hub under this identity. Probes are answered unless it is `mute`.
    fn connect(self: Arc<Self>, hub: &Hub, who: (PeerRole, &str, u64), mute: bool) -> Connected {
        let (role, place, node) = who;
        let own = context(&hub.authority, (role, place), node);
        let transport = Transport::client(None, own, Drain::new(Duration::from_secs(1))).unwrap();
        let mut services = Services::new()
            .with_call(Arc::clone(&self) as Arc<dyn CallHandler>)
            .with_rpc(Service::Cluster, Arc::clone(&self) as Arc<dyn RpcHandler>);
        if !mute {
            let state = Arc::clone(&self);
            services = services.with_probe(Arc::new(move || ProbeState {
                revision: state.revision.load(Ordering::Relaxed) as u64,
                ..ProbeState::default()
            }));
        }
        let expected = Expected::role(PeerRole::Region);
        let peer = transport.connect_serving(hub.addr, expected, services);
        Connected {
            hostile: self,
            _peer: peer,
            _transport: transport,
        }
    }
}

impl CallHandler for Hostile {
    fn call(
        &self,
        request: Request<Body>,
        _: CallMeta,
        _: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response<Body>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        (self.answer)(request)
    }
}

impl RpcHandler for Hostile {
    fn rpc(
        &self,
        _: Option<Arc<NodeIdentity>>,
        _: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        let offers = self.offers.lock().unwrap().clone();
        Box::pin(async move { Ok(offers) })
    }
}

fn empty_answer() -> impl Fn(Request<Body>) -> std::future::Ready<Response<Body>> {
    |_| std::future::ready(Response::new(Body::empty()))
}

fn refused(hub: &Hub) -> f64 {
    let families = hub.registry.gather();
    let family = families
        .iter()
        .find(|family| family.name() == "edgeway_region_connector_offers_refused_total");
    let metric = family.and_then(|family| family.get_metric().first());
    metric.map_or(0.0, |metric| metric.get_counter().get_value())
}

#[tokio::test]
async fn what_it_says_of_itself_is_kept_within_limits() {
    let (hub, backend) = (Hub::start(), echoing().await);
    let _good = hub.connector("office", 1, orders(&backend)).await;
    let many: Vec<_> = (0..1_001).map(|at| offer(&format!("u{at}"), "")).collect();
    let mut before = 0.0;
    for (node, bad) in [
        encoded(&many),
        encoded(&[offer("\u{1b}[2J", "")]),
        encoded(&[offer("orders", "a\nconnector 9 forged: connected")]),
        encoded(&[offer("orders", &"x".repeat(65))]),
        encoded(&[offer("", "")]),
        encoded(&[offer(&"x".repeat(256), "")]),
        Bytes::from_static(b"no list"),
        Bytes::from(vec![0; OFFERS_BYTES_MAX + 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let hostile = Hostile::new(bad, empty_answer());
        let who = (PeerRole::Connector, "office", 100 + node as u64);
        let _connected = hostile.connect(&hub, who, false);
        eventually(|| refused(&hub) > before).await;
        before = refused(&hub);
        assert_eq!(hub.connectors.sights().len(), 1, "offers {node}");
        assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    }
    // The longest good list is one.
    let long = |at: usize| offer(&format!("{at:0>255}"), &"x".repeat(64));
    let most = encoded(&(0..1_000).map(long).collect::<Vec<_>>());
    assert!(most.len() <= OFFERS_BYTES_MAX);
    let who = (PeerRole::Connector, "office", 200);
    let _most = Hostile::new(most, empty_answer()).connect(&hub, who, false);
    eventually(|| hub.connectors.sights().len() == 2).await;
    hub.drain.finish().await;
}

#[tokio::test]
async fn offers_that_turn_bad_end_its_use() {
    let hub = Hub::start();
    let who = (PeerRole::Connector, "office", 7);
    let connected = Hostile::new(orders_only(), empty_answer()).connect(&hub, who, false);
    eventually(|| hub.connectors.sights().len() == 1).await;
    assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    *connected.hostile.offers.lock().unwrap() = Bytes::from_static(b"?");
    connected.hostile.revision.fetch_add(1, Ordering::Relaxed);
    eventually(|| hub.connectors.sights().is_empty()).await;
    assert!(refused(&hub) > 0.0);
    hub.drain.finish().await;
}

#[tokio::test]
async fn traffic_of_another_place_never_comes_to_it() {
    let (hub, backend) = (Hub::start(), echoing().await);
    let evil = Hostile::new(orders_only(), empty_answer());
    let _evil = Arc::clone(&evil).connect(&hub, (PeerRole::Connector, "evil", 8), false);
    // Not a connector at all, whatever it offers and whatever its place is called.
    let pop = Hostile::new(orders_only(), empty_answer());
    let _pop = Arc::clone(&pop).connect(&hub, (PeerRole::Pop, "office", 9), false);
    let region = Hostile::new(orders_only(), empty_answer());
    let _region = Arc::clone(&region).connect(&hub, (PeerRole::Region, "office", 10), false);
    eventually(|| hub.connectors.sights().len() == 1).await;
    let none = Err(UpstreamError::NoConnector);
    assert_eq!(hub.get("office", "orders").await, none);
    let _office = hub.connector("office", 7, orders(&backend)).await;
    for _ in 0..20 {
        assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    }
    for who in [&evil, &pop, &region] {
        assert_eq!(who.calls.load(Ordering::Relaxed), 0);
    }
    // Who names it gets it.
    assert_eq!(hub.get("evil", "orders").await, Ok(StatusCode::OK));
    assert_eq!(evil.calls.load(Ordering::Relaxed), 1);
    hub.drain.finish().await;
}

/// Calls `office` where a hostile connector answers so.
async fn answered(
    answer: impl Fn() -> Response<Body> + Send + Sync + 'static,
) -> Result<Response<Body>, UpstreamError> {
    let hub = Hub::start();
    let who = (PeerRole::Connector, "office", 7);
    let hostile = Hostile::new(orders_only(), move |_| std::future::ready(answer()));
    let _connected = hostile.connect(&hub, who, false);
    eventually(|| hub.connectors.sights().len() == 1).await;
    let request = Request::get("/hello").body(Body::empty()).unwrap();
    let answer = hub.call("office", "orders", request).await;
    hub.drain.begin();
    answer
}

#[tokio::test]
async fn heads_that_are_none_are_faults() {
    for status in [100, 101, 103, 199] {
        let answer = answered(move || {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        });
        let error = answer.await.map(|answer| answer.status());
        assert_eq!(error, Err(UpstreamError::Malformed), "{status}");
    }
    let large = answered(|| {
        let large = "x".repeat(200 * 1024);
        let response = Response::builder().header("x-large", large);
        response.body(Body::empty()).unwrap()
    });
    assert_eq!(large.await.unwrap_err(), UpstreamError::Malformed);
    let many = answered(|| {
        let mut response = Response::builder();
        for at in 0..300 {
            response = response.header(format!("x-{at}"), "1");
        }
        response.body(Body::empty()).unwrap()
    });
    assert_eq!(many.await.unwrap_err(), UpstreamError::Malformed);
}

#[tokio::test]
async fn what_belongs_to_a_connection_is_taken_out() {
    let answer = answered(|| {
        let response = Response::builder()
            .header("connection", "x-named, close")
            .header("x-named", "1")
            .header("transfer-encoding", "chunked")
            .header("upgrade", "websocket")
            .header("keep-alive", "timeout=1")
            .header("x-own", "1");
        response.body(Body::full("whole")).unwrap()
    });
    let answer = answer.await.unwrap();
    let names: Vec<_> = answer
        .headers()
        .keys()
        .map(http::HeaderName::as_str)
        .collect();
    assert_eq!(names, ["x-own"]);
}

/// Pieces of its body, each 64 KiB: 16 GiB.
const PIECES: usize = 1 << 18;
/// What one stream may carry that is not read, with what waits at either end.
const UNREAD_BYTES_MAX: usize = 40 << 20;

#[tokio::test]
async fn an_endless_body_waits_for_its_reader() {
    let (hub, taken) = (Hub::start(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&taken);
    let hostile = Hostile::new(orders_only(), move |_| {
        let body = counted(PIECES, 64 * 1024, Arc::clone(&count));
        std::future::ready(Response::new(body))
    });
    let who = (PeerRole::Connector, "office", 7);
    let _connected = hostile.connect(&hub, who, false);
    eventually(|| hub.connectors.sights().len() == 1).await;
    let request = Request::get("/hello").body(Body::empty()).unwrap();
    let answer = hub.call("office", "orders", request).await.unwrap();
    let mut body = answer.into_body();
    let mut read = 0;
    while read < 64 << 20 {
        let frame = body.frame().await.unwrap().unwrap();
        read += frame.into_data().map_or(0, |data| data.len());
        assert!(taken.load(Ordering::Relaxed) < read + UNREAD_BYTES_MAX);
    }
    // Whoever has read enough is done with it.
    drop(body);
    let request = Request::get("/hello").body(Body::empty()).unwrap();
    drop(hub.call("office", "orders", request).await.unwrap());
    assert!(taken.load(Ordering::Relaxed) < read + 2 * UNREAD_BYTES_MAX);
    hub.drain.finish().await;
}

/// A call that its connector never answers, over a connection that answers no probe either: as when
/// the network has been cut, but for good.
#[tokio::test]
async fn a_call_over_a_silent_connection_is_made_elsewhere_if_it_may_be() {
    let (hub, backend) = (Hub::start(), echoing().await);
    let silent = Hostile::new(orders_only(), |_| std::future::pending());
    let who = (PeerRole::Connector, "office", 7);
    let _silent = Arc::clone(&silent).connect(&hub, who, true);
    eventually(|| hub.connectors.sights().len() == 1).await;
    let posted = AtomicBool::new(false);
    let reading = hub.get("office", "orders");
    let posting = async {
        let mut request = Request::new(Body::full("order"));
        *request.method_mut() = Method::POST;
        let answer = hub.call("office", "orders", request).await;
        posted.store(true, Ordering::Relaxed);
        answer
    };
    let coming = async {
        eventually(|| silent.calls.load(Ordering::Relaxed) == 2).await;
        hub.connector("office", 8, orders(&backend)).await
    };
    let both = async { tokio::join!(reading, coming) };
    tokio::select! {
        (answer, _far) = both => assert_eq!(answer, Ok(StatusCode::OK)),
        answer = posting => panic!("what must not be repeated was: {answer:?}"),
    }
    assert!(!posted.load(Ordering::Relaxed));
    // New calls do not go there at all.
    let before = silent.calls.load(Ordering::Relaxed);
    hub.drain.finish().await;
    assert_eq!(before, 2);
}
