//! A region that listens and a POP that dials, with handlers that tests can steer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use serve::{Body, BoxFuture, Drain};

use super::between::Between;
use crate::*;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
/// No test step may take longer.
pub(super) const STEP: Duration = Duration::from_secs(60);

/// Every test runs on one thread, as a worker does.
pub(super) fn run(test: impl Future<Output = ()>) {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(STEP, test).await.expect("test hangs") });
}

thread_local! {
    static BLOCKED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `test` once with UDP, and once where it does not pass between the two of a [`pair`].
pub(super) fn run_both<F: Future<Output = ()>>(test: impl Fn() -> F) {
    for blocked in [false, true] {
        BLOCKED.set(blocked);
        run(test());
    }
}

pub(super) fn authority() -> Authority {
    Authority::create("c1", 365 * DAY, SystemTime::now()).unwrap()
}

pub(super) fn region() -> NodeIdentity {
    NodeIdentity::new("c1", PeerRole::Region, "us-east-1", 1).unwrap()
}

pub(super) fn pop() -> NodeIdentity {
    NodeIdentity::new("c1", PeerRole::Pop, "fra", 2).unwrap()
}

/// Limits with which failures show quickly.
pub(super) fn limits() -> LinkLimits {
    LinkLimits {
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(100),
        steady_after: Duration::ZERO,
        ..LinkLimits::default()
    }
}

pub(super) fn context(ca: &Authority, who: &NodeIdentity, limits: LinkLimits) -> LinkContext {
    let credentials = ca.issue_node(who, DAY, SystemTime::now()).unwrap();
    LinkContext {
        credentials: CredentialStore::new(credentials).unwrap(),
        limits: Arc::new(limits),
        metrics: Metrics::unregistered(),
    }
}

pub(super) struct Region {
    pub(super) addr: SocketAddr,
    pub(super) drain: Drain,
    pub(super) seen: Arc<PeersSeen>,
    pub(super) serving: Serving,
    between: Option<Between>,
}

pub(super) fn listen_at(addr: SocketAddr, context: LinkContext, services: Services) -> Region {
    let listener = Listener::bind(addr, context).unwrap();
    let (drain, seen) = (Drain::new(Duration::from_secs(1)), PeersSeen::new());
    let serving = listener
        .serve(services, Arc::clone(&seen), drain.clone())
        .unwrap();
    Region {
        addr: serving.local_addr(),
        drain,
        seen,
        serving,
        between: None,
    }
}

pub(super) fn listen(context: LinkContext, services: Services) -> Region {
    listen_at("127.0.0.1:0".parse().unwrap(), context, services)
}

pub(super) fn dial(context: LinkContext) -> Transport {
    Transport::client(None, context, Drain::new(Duration::from_secs(5))).unwrap()
}

/// A region with `services` and a connected POP.
pub(super) async fn pair(services: Services, limits: LinkLimits) -> (Region, Transport, Peer) {
    let ca = authority();
    let listening = context(&ca, &region(), limits.clone());
    let mut region = listen(listening, services);
    let mut addr = region.addr;
    let (mut wanted, mut over) = (limits, LinkTransport::Quic);
    if BLOCKED.get() {
        let between = Between::new(region.addr, false).await;
        addr = between.addr;
        wanted.fallback_after = Duration::from_millis(10);
        wanted.connect_timeout = Duration::from_secs(20);
        over = LinkTransport::Http2;
        region.between = Some(between);
    }
    let transport = dial(context(&ca, &pop(), wanted));
    let peer = transport.connect(addr, Expected::place(PeerRole::Region, "us-east-1"));
    peer.ready().await.unwrap();
    assert_eq!(peer.transport(), Some(over));
    (region, transport, peer)
}

pub(super) fn meta() -> CallMeta {
    CallMeta {
        request_id: "r-1".into(),
        client: "198.51.100.7:1234".parse().unwrap(),
        scheme_https: true,
        deadline_ms: 10_000,
        trace: None,
        region_hint: None,
        revision: 3,
        relayed: false,
    }
}

pub(super) fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .header("host", "api.test")
        .body(Body::empty())
        .unwrap()
}

pub(super) fn post(path: &str, body: Body) -> Request<Body> {
    Request::post(path)
        .header("host", "api.test")
        .body(body)
        .unwrap()
}

pub(super) type Answer =
    dyn Fn(Request<Body>, CallMeta) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// A call handler from a closure; counts what it was asked.
pub(super) struct Calls {
    answer: Box<Answer>,
    pub(super) asked: AtomicUsize,
}

pub(super) fn calls<F, R>(answer: F) -> Arc<Calls>
where
    F: Fn(Request<Body>, CallMeta) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let answer = move |request, meta| -> BoxFuture<'static, Response<Body>> {
        Box::pin(answer(request, meta))
    };
    Arc::new(Calls {
        answer: Box::new(answer),
        asked: AtomicUsize::new(0),
    })
}

impl CallHandler for Calls {
    fn call(
        &self,
        request: Request<Body>,
        meta: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response<Body>> {
        assert_eq!(*from, pop());
        self.asked.fetch_add(1, Ordering::SeqCst);
        (self.answer)(request, meta)
    }
}

/// Answers with the request's own body, streamed.
pub(super) fn echo() -> Services {
    Services::new().with_call(calls(|request, _| async {
        Response::new(request.into_body())
    }))
}

pub(super) fn text(response: &str) -> Services {
    let response = Bytes::copy_from_slice(response.as_bytes());
    Services::new().with_call(calls(move |_, _| {
        let body = Body::full(response.clone());
        async { Response::new(body) }
    }))
}

/// Answers rpcs with the message reversed, refuses the empty one.
pub(super) struct Reverse;

impl RpcHandler for Reverse {
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        Box::pin(async move {
            if body.is_empty() {
                return Err(RpcRefusal::new(7, format!("empty from {from:?}")));
            }
            Ok(body.iter().rev().copied().collect())
        })
    }
}

/// Sets a flag when dropped.
pub(super) struct OnDrop(pub(super) Arc<tokio::sync::Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect(what);
}
