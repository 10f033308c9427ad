//! Regions that tests can steer and kill, and a POP in front of them.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use link::{
    Authority, CallHandler, CallMeta, CredentialStore, Expected, LinkContext, LinkLimits, Listener,
    LoadReport, NodeIdentity, PeerRole, PeersSeen, ProbeOutcome, ProbeReport, ProbeState, Services,
    Transport,
};
use model::{EdgeApi, EdgeView, NodeId, Place, PlaceNode, Revision};
use serve::{Body, BoxError, BoxFuture, Conn, Drain, Handler, Request, Response};
use steer::region::Standing;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Edge, EdgeParts, EdgeSettings};

/// An API that both test views know.
pub(super) const HOST: &str = "aaaaaaaaaa.execute-api.r0.edgeway.test";
/// No step of a test takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const PROBE_EVERY: Duration = Duration::from_millis(50);
/// The node of a region that never answers.
const GHOST: u64 = 99;
/// The node of another POP that never answers.
pub(super) const OTHER_POP: u64 = 60;

/// A region in a runtime of its own.
pub(super) struct Region {
    addr: SocketAddr,
    runtime: Option<Runtime>,
    state: Arc<State>,
}

struct State {
    name: String,
    calls: watch::Sender<usize>,
    cancelled: watch::Sender<usize>,
    released: watch::Sender<bool>,
    feed: std::sync::Mutex<Option<mpsc::Sender<Result<Bytes, BoxError>>>>,
    killed: AtomicBool,
}

impl State {
    /// A body that the test feeds.
    fn stream(&self) -> Body {
        let (sender, body) = channel_body();
        *self.feed.lock().unwrap() = Some(sender);
        body
    }
}

impl Region {
    fn start(ca: &Authority, index: usize) -> Self {
        let name = format!("r{index}");
        let identity = NodeIdentity::new("c1", PeerRole::Region, &*name, index as u64 + 1);
        let context = context(ca, &identity.unwrap(), PATIENCE);
        let state = Arc::new(State {
            name,
            calls: watch::Sender::new(0),
            cancelled: watch::Sender::new(0),
            released: watch::Sender::new(false),
            feed: std::sync::Mutex::default(),
            killed: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let load = LoadReport {
            in_flight: 0,
            limit: 100,
            service_p50_us: 100,
        };
        let probe = move || ProbeState {
            load,
            revision: 1,
            draining: false,
        };
        let answer: Arc<dyn CallHandler> = Arc::new(Answering(Arc::clone(&state)));
        let services = Services::new()
            .with_call(answer)
            .with_probe(Arc::new(probe));
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), context).unwrap();
        let drain = Drain::new(Duration::from_secs(1));
        let addr = listener
            .serve(services, PeersSeen::new(), drain)
            .unwrap()
            .local_addr();
        Self {
            addr,
            runtime: Some(runtime),
            state,
        }
    }

    /// Ends it without a word to anybody.
    pub(super) fn kill(&mut self) {
        self.state.killed.store(true, Ordering::Release);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(super) fn calls(&self) -> usize {
        *self.state.calls.borrow()
    }

    pub(super) async fn wait_for_calls(&self, count: usize) {
        let mut calls = self.state.calls.subscribe();
        let enough = timeout(PATIENCE, calls.wait_for(|calls| *calls >= count)).await;
        enough.unwrap().unwrap();
    }

    pub(super) async fn wait_for_cancelled(&self, count: usize) {
        let mut cancelled = self.state.cancelled.subscribe();
        cancelled
            .wait_for(|cancelled| *cancelled >= count)
            .await
            .unwrap();
    }

    /// Lets the slow paths answer.
    pub(super) fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// Feeds the body of `/slow-stream`; dropping the sender ends it.
    pub(super) fn feed(&self) -> mpsc::Sender<Result<Bytes, BoxError>> {
        self.state.feed.lock().unwrap().take().unwrap()
    }

    /// As `feed`, if somebody has asked.
    pub(super) fn try_feed(&self) -> Option<mpsc::Sender<Result<Bytes, BoxError>>> {
        self.state.feed.lock().unwrap().take()
    }

    /// Lets the slow paths wait again.
    pub(super) fn hold(&self) {
        self.state.released.send_replace(false);
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Answering(Arc<State>);

/// Counts a call that was given up.
struct Cancelled<'a>(&'a State, bool);

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.cancelled.send_modify(|count| *count += 1);
        }
    }
}

impl CallHandler for Answering {
    fn call(
        &self,
        request: Request,
        meta: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response> {
        assert_eq!((from.role, from.place.as_str()), (PeerRole::Pop, "pop-1"));
        let state = &self.0;
        let mut number = 0;
        state.calls.send_modify(|calls| {
            *calls += 1;
            number = *calls;
        });
        let guard = Cancelled(state, false);
        Box::pin(async move {
            let mut guard = guard;
            let response = answer(state, number, request, &meta).await;
            guard.1 = true;
            response
        })
    }
}

async fn answer(state: &State, number: usize, request: Request, meta: &CallMeta) -> Response {
    assert!(request.headers()["via"].to_str().unwrap().contains("pop-1"));
    let path = request.uri().path().to_owned();
    if path.starts_with("/slow") {
        state
            .released
            .subscribe()
            .wait_for(|released| *released)
            .await
            .unwrap();
    }
    if path == "/wrong-tag" && request.headers().contains_key("if-none-match") {
        let confirmed = http::Response::builder().status(StatusCode::NOT_MODIFIED);
        return confirmed
            .header("etag", "\"other\"")
            .body(Body::empty())
            .unwrap();
    }
    if path.starts_with("/confirm") && request.headers().contains_key("if-none-match") {
        let confirmed = http::Response::builder().status(StatusCode::NOT_MODIFIED);
        let confirmed = confirmed
            .header("cache-control", "max-age=600")
            .header("x-new", "1");
        return confirmed.body(Body::empty()).unwrap();
    }
    if let Some(range) = request.headers().get("range") {
        // What a backend that knows ranges says.
        let part = http::Response::builder().status(StatusCode::PARTIAL_CONTENT);
        let part = part.header("content-range", "bytes 0-1/6");
        let part = part.header("cache-control", "max-age=600");
        return part
            .header("x-asked", range)
            .body(Body::full("pa"))
            .unwrap();
    }
    let mut response = http::Response::builder()
        .header("apigw-requestid", &meta.request_id)
        .header("keep-alive", "timeout=5")
        .header("content-type", "text/plain")
        .header("etag", "\"tag\"");
    for (name, value) in headers_of(&path) {
        response = response.header(*name, *value);
    }
    if request.method() == Method::HEAD {
        let length = format!("{} #{number}", state.name).len();
        response = response.header("content-length", length);
    }
    if path == "/error" || (path == "/on-error" && number > 1) {
        response = response.status(StatusCode::BAD_GATEWAY);
    }
    let body = match path.as_str() {
        "/echo" => request.into_body(),
        "/stream" => {
            let (sender, body) = channel_body();
            let _ = sender.send(Ok(Bytes::from("begin"))).await;
            // Never ends by itself.
            std::mem::forget(sender);
            body
        }
        "/slow-stream" => state.stream(),
        "/sized-stream" => sized(state.stream(), 10),
        "/text" | "/confirmed-text" | "/fixed-text" => Body::full(super::codings::text()),
        "/numbers" => Body::full(super::ranges::numbers()),
        _ => Body::full(format!("{} #{number}", state.name)),
    };
    response.body(body).unwrap()
}

/// What the answers on a path say of themselves.
fn headers_of(path: &str) -> &'static [(&'static str, &'static str)] {
    match path {
        "/fresh" | "/slow" | "/stream" => &[("cache-control", "max-age=600")],
        "/tagged" => &[
            ("cache-control", "max-age=600"),
            ("cache-tag", "blue, green"),
        ],
        "/text" => &[("cache-control", "max-age=600")],
        "/fixed-text" => &[("cache-control", "max-age=600, no-transform")],
        "/confirmed-text" => &[("cache-control", "max-age=1, stale-while-revalidate=0")],
        "/slow-stream" | "/sized-stream" | "/numbers" => &[("cache-control", "max-age=600")],
        "/while" => &[("cache-control", "max-age=1, stale-while-revalidate=600")],
        "/on-error" | "/slow-on-error" => &[("cache-control", "max-age=1, stale-if-error=600")],
        "/short" | "/confirm" | "/wrong-tag" => &[("cache-control", "max-age=1")],
        "/short-strict" => &[("cache-control", "max-age=1, must-revalidate")],
        "/vary" => &[
            ("cache-control", "max-age=600"),
            ("vary", "accept-language"),
        ],
        "/moved" => &[("location", "/fresh?a=1"), ("content-location", "fresh")],
        "/moved-stream" => &[("location", "/sized-stream")],
        "/private" | "/slow-private" => &[("cache-control", "private, max-age=600")],
        "/cookie" => &[("cache-control", "max-age=600"), ("set-cookie", "a=b")],
        "/error" => &[("cache-control", "max-age=600")],
        _ => &[],
    }
}

/// A body that a test feeds; it ends when the sender is dropped.
pub(super) fn channel_body() -> (mpsc::Sender<Result<Bytes, BoxError>>, Body) {
    let (sender, receiver) = mpsc::channel(4);
    let frames = futures_util::stream::unfold(receiver, async |mut receiver| {
        let part: Result<Bytes, BoxError> = receiver.recv().await?;
        Some((part.map(Frame::data), receiver))
    });
    (sender, Body::wrap(StreamBody::new(Box::pin(frames))))
}

/// Announces the length of `body`.
fn sized(body: Body, length: u64) -> Body {
    Body::wrap(Announced(body, length))
}

struct Announced(Body, u64);

impl http_body::Body for Announced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.1)
    }
}

fn context(ca: &Authority, identity: &NodeIdentity, connect_timeout: Duration) -> LinkContext {
    let credentials = ca.issue_node(identity, DAY, SystemTime::now()).unwrap();
    let limits = LinkLimits {
        connect_timeout,
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(100),
        ..LinkLimits::default()
    };
    LinkContext {
        credentials: CredentialStore::new(credentials).unwrap(),
        limits: Arc::new(limits),
        metrics: link::Metrics::unregistered(),
    }
}

/// A POP with its regions.
pub(super) struct Bench {
    pub(super) edge: Arc<Edge>,
    pub(super) regions: Vec<Region>,
    pub(super) registry: prometheus::Registry,
    handler: Arc<dyn Handler>,
    views: watch::Sender<Arc<EdgeView>>,
    drain: Drain,
}

impl Bench {
    pub(super) async fn start(count: usize) -> Self {
        Self::make(count, None, None).await
    }

    /// With calls by way of another POP, which does not answer.
    pub(super) async fn start_with_other_pop(count: usize) -> Self {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = silent.local_addr().unwrap();
        let bench = Self::make(count, None, Some(addr)).await;
        let drain = bench.drain.clone();
        bench.drain.spawn(async move {
            drain.begun().await;
            drop(silent);
        });
        bench
    }

    /// With one more region, which looks best and does not exist.
    pub(super) async fn start_with_ghost(count: usize) -> Self {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        Self::make(count, Some(silent), None).await
    }

    async fn make(
        count: usize,
        ghost: Option<std::net::UdpSocket>,
        other_pop: Option<SocketAddr>,
    ) -> Self {
        let ca = Authority::create("c1", 365 * DAY, SystemTime::now()).unwrap();
        let regions: Vec<Region> = (0..count).map(|index| Region::start(&ca, index)).collect();
        let ghost_addr = ghost.as_ref().map(|socket| socket.local_addr().unwrap());
        let (views, receiver) = watch::channel(Arc::new(view(&regions, ghost_addr, other_pop)));
        let pop = NodeIdentity::new("c1", PeerRole::Pop, "pop-1", 50).unwrap();
        let (registry, drain) = (
            prometheus::Registry::new(),
            Drain::new(Duration::from_secs(1)),
        );
        // Who does not answer is given up soon; who is slow on a slow machine is not.
        let soon = Duration::from_millis(500);
        let connect_timeout = if ghost.is_some() { soon } else { PATIENCE };
        let link = context(&ca, &pop, connect_timeout);
        let parts = EdgeParts {
            views: receiver,
            link: link.clone(),
            registry: &registry,
            drain: drain.clone(),
        };
        let mut settings = EdgeSettings::new("pop-1", 1);
        settings.debug_headers = true;
        settings.relay = other_pop.is_some();
        // Who waits for another's answer does so on a slow machine, too.
        settings.fill_wait = PATIENCE;
        let edge = Edge::new(settings, parts).unwrap();
        let handler = edge.factory().make(0);
        let bench = Self {
            edge,
            regions,
            registry,
            handler,
            views,
            drain,
        };
        if let Some(socket) = ghost {
            bench.haunt(socket);
            bench.wait_until(|order| order.any_live()).await;
        }
        let transport = Transport::client(None, link, bench.drain.clone()).unwrap();
        for (index, region) in bench.regions.iter().enumerate() {
            let node = index as u64 + 1;
            if other_pop.is_some() {
                bench.remove_far(node);
            } else {
                bench.probe(&transport, node, region);
            }
        }
        let live = count + usize::from(ghost_addr.is_some());
        bench
            .wait_until(|order| standing(order, Standing::Live) == live)
            .await;
        bench
    }

    fn probe(&self, transport: &Transport, node: u64, region: &Region) {
        let (edge, drain) = (Arc::clone(&self.edge), self.drain.clone());
        let expected = Expected::node(PeerRole::Region, &*region.state.name, node);
        let peer = transport.connect(region.addr, expected);
        let state = Arc::clone(&region.state);
        self.drain.spawn(async move {
            let mut outcomes = peer.probes(PROBE_EVERY);
            while let Some(outcome) = outcomes.recv().await {
                if drain.has_begun() {
                    return;
                }
                // A machine that stalls loses probes, too; a region dies only when a test kills it.
                let lost = !matches!(outcome, ProbeOutcome::Report(_));
                if !lost || state.killed.load(Ordering::Acquire) {
                    edge.observe(NodeId(node), &outcome);
                }
            }
        });
    }

    /// Reports probes of a region as if it were far away.
    fn remove_far(&self, node: u64) {
        let (edge, drain) = (Arc::clone(&self.edge), self.drain.clone());
        self.drain.spawn(async move {
            let far = ProbeOutcome::Report(report(Duration::from_millis(400)));
            while !drain.has_begun() {
                edge.observe(NodeId(node), &far);
                tokio::time::sleep(PROBE_EVERY).await;
            }
        });
    }

    /// Reports good probes of a node that does not answer.
    fn haunt(&self, socket: std::net::UdpSocket) {
        let (edge, drain) = (Arc::clone(&self.edge), self.drain.clone());
        self.drain.spawn(async move {
            let report = report(Duration::from_micros(10));
            while !drain.has_begun() {
                edge.observe(NodeId(GHOST), &ProbeOutcome::Report(report));
                tokio::time::sleep(PROBE_EVERY).await;
            }
            drop(socket);
        });
    }

    /// Regions that nobody has killed are alive, however long the machine has stood still.
    fn revive(&self) {
        let killed = |region: &Region| region.state.killed.load(Ordering::Acquire);
        if self.edge.order().any_live() || self.regions.iter().any(killed) {
            return;
        }
        for index in 0..self.regions.len() {
            let report = ProbeOutcome::Report(report(Duration::from_millis(1)));
            self.edge.observe(NodeId(index as u64 + 1), &report);
        }
    }

    async fn wait_until(&self, when: impl Fn(&steer::region::Order) -> bool) {
        let reached = async {
            while !when(&self.edge.order()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap();
    }

    pub(super) async fn wait_until_lost(&self, count: usize) {
        self.wait_until(|order| standing(order, Standing::Lost) == count)
            .await;
    }

    /// A counter by its only label.
    pub(super) fn counted(&self, name: &str, label: &str) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let mut metrics = family.unwrap().get_metric().iter();
        let metric = metrics.find(|metric| metric.get_label()[0].value() == label);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        metric.map_or(0, |metric| metric.get_counter().get_value() as u64)
    }

    pub(super) async fn wait_until_dead(&self) {
        let all = self.regions.len();
        self.wait_until(|order| standing(order, Standing::Lost) == all)
            .await;
    }

    /// The index of the region that gets requests now.
    pub(super) fn first(&self) -> usize {
        let order = self.edge.order();
        let node = order.candidates().next().unwrap().node;
        usize::try_from(node.0).unwrap() - 1
    }

    /// Puts a new deployment in use.
    pub(super) async fn deploy(&self) {
        let mut view = EdgeView::clone(&self.views.borrow());
        view.revision.0 += 1;
        for api in view.apis.values_mut() {
            api.generation += 1;
        }
        let (revision, mut plans) = (view.revision, self.edge.plans());
        self.views.send_replace(Arc::new(view));
        let done = plans.wait_for(|plan| plan.revision() == revision);
        timeout(PATIENCE, done).await.unwrap().unwrap();
    }

    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> BoxFuture<'_, Response> {
        self.revive();
        self.handler
            .handle(request(method, path, headers, body), conn())
    }

    /// As `send`, in a task of its own.
    pub(super) fn spawn(&self, method: Method, path: &str, body: Body) -> JoinHandle<Response> {
        self.revive();
        let (handler, request) = (Arc::clone(&self.handler), request(method, path, &[], body));
        tokio::spawn(async move { handler.handle(request, conn()).await })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

/// What a healthy region answers to a probe.
fn report(rtt: Duration) -> ProbeReport {
    let load = LoadReport {
        in_flight: 0,
        limit: 100,
        service_p50_us: 1,
    };
    ProbeReport {
        rtt,
        load,
        revision: 1,
        draining: false,
    }
}

fn standing(order: &steer::region::Order, standing: Standing) -> usize {
    order
        .candidates()
        .filter(|one| one.standing == standing)
        .count()
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Request {
    let mut request = http::Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", HOST);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

fn conn() -> Arc<Conn> {
    let (peer, local) = (([127, 0, 0, 1], 1_000).into(), ([127, 0, 0, 1], 80).into());
    Arc::new(Conn::plain(peer, local, "http".into(), Instant::now()))
}

fn view(regions: &[Region], ghost: Option<SocketAddr>, other_pop: Option<SocketAddr>) -> EdgeView {
    let mut view = EdgeView {
        revision: Revision(1),
        cluster: "c1".into(),
        base_domain: "edgeway.test".into(),
        ..EdgeView::default()
    };
    let named = regions.iter().enumerate();
    let named = named.map(|(at, region)| (region.state.name.clone(), at as u64 + 1, region.addr));
    let ghost = ghost.map(|addr| ("ghost".to_owned(), GHOST, addr));
    for (name, id, link) in named.chain(ghost) {
        let node = PlaceNode {
            id: NodeId(id),
            link,
            public: vec![],
        };
        view.regions.insert(
            name,
            Place {
                location: None,
                nodes: vec![node],
            },
        );
    }
    if let Some(link) = other_pop {
        let node = PlaceNode {
            id: NodeId(OTHER_POP),
            link,
            public: vec![],
        };
        let place = Place {
            location: None,
            nodes: vec![node],
        };
        view.pops.insert("pop-2".to_owned(), place);
    }
    let api = |disabled| EdgeApi {
        default_endpoint_disabled: disabled,
        generation: 1,
    };
    view.apis.insert("aaaaaaaaaa".into(), api(false));
    view.apis.insert("bbbbbbbbbb".into(), api(true));
    view
}
