//! Both halves of the way into private networks, over real links on loopback.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use link::{
    Authority, CredentialStore, Expected, LinkContext, LinkLimits, Listener, Metrics, NodeIdentity,
    Peer, PeerRole, PeersSeen, Services, Transport,
};
use plan::region::{Origin, Way};
use prometheus::Registry;
use serve::{Body, Drain};

use super::{backend::Backend, harness::eventually};
use crate::{
    Connector, ConnectorSettings, Connectors, Elsewhere, HealthCheck, Upstream, UpstreamHealth,
    UpstreamTls, upstream::UpstreamError,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A region node that connectors connect to.
pub(super) struct Hub {
    pub(super) authority: Authority,
    pub(super) addr: std::net::SocketAddr,
    pub(super) connectors: Arc<Connectors>,
    pub(super) registry: Registry,
    /// What connectors trust besides the system's authorities, PEM.
    pub(super) trusted: Option<Vec<u8>>,
    pub(super) drain: Drain,
}

/// A connector and what ends it.
pub(super) struct Far {
    _peer: Peer,
    transport: Transport,
    drain: Drain,
    leaving: Drain,
}

pub(super) fn context(
    authority: &Authority,
    (role, place): (PeerRole, &str),
    node: u64,
) -> LinkContext {
    let identity = NodeIdentity::new("test", role, place, node).unwrap();
    let credentials = authority.issue_node(&identity, DAY, SystemTime::now());
    LinkContext {
        credentials: CredentialStore::new(credentials.unwrap()).unwrap(),
        limits: Arc::new(LinkLimits::default()),
        metrics: Metrics::unregistered(),
    }
}

impl Hub {
    pub(super) fn start() -> Self {
        let authority = Authority::create("test", DAY, SystemTime::now()).unwrap();
        let drain = Drain::new(Duration::from_secs(1));
        let any = ([127, 0, 0, 1], 0).into();
        let own = context(&authority, (PeerRole::Region, "us-east-1"), 1);
        let listener = Listener::bind(any, own).unwrap();
        let addr = listener.local_addr();
        let seen = PeersSeen::new();
        drop(listener.serve(Services::new(), Arc::clone(&seen), drain.clone()));
        let registry = Registry::new();
        let connectors = Connectors::new(&registry).unwrap();
        drop(drain.spawn(Arc::clone(&connectors).follow(seen, drain.clone())));
        Self {
            authority,
            addr,
            connectors,
            registry,
            trusted: None,
            drain,
        }
    }

    /// A connector of this name with one upstream, `orders`; returns once it is connected.
    pub(super) async fn connector(&self, name: &str, node: u64, upstream: Upstream) -> Far {
        let drain = Drain::new(Duration::from_secs(1));
        let leaving = Drain::new(Duration::ZERO);
        let own = context(&self.authority, (PeerRole::Connector, name), node);
        let transport = Transport::client(None, own, drain.clone()).unwrap();
        let settings = ConnectorSettings {
            upstreams: vec![upstream],
            in_flight_max: 10,
            extra_ca_pem: self.trusted.clone(),
        };
        let ends = (drain.clone(), leaving.clone());
        let connector = Connector::new(settings, &Registry::new(), ends).unwrap();
        connector.watch_upstreams();
        let expected = Expected::role(PeerRole::Region);
        // One that answers nothing, as those over which a connector reports.
        let _reports = transport.connect(self.addr, expected.clone());
        let peer = transport.connect_serving(self.addr, expected, connector.services());
        eventually(|| {
            self.connectors
                .sights()
                .iter()
                .any(|sight| sight.node == node)
        })
        .await;
        Far {
            _peer: peer,
            transport,
            drain,
            leaving,
        }
    }

    pub(super) async fn call(
        &self,
        name: &str,
        upstream: &str,
        request: Request<Body>,
    ) -> Result<Response<Body>, UpstreamError> {
        let way = Way {
            connectors: [name.into()].into(),
            upstream: upstream.into(),
            keeps_host: false,
        };
        self.connectors.call(&origin(None), &way, request).await
    }

    /// As `get`, of an integration with `https` whose certificate must have this name.
    pub(super) async fn get_secure(
        &self,
        name: &str,
        server_name: &str,
    ) -> Result<StatusCode, UpstreamError> {
        let way = Way {
            connectors: [name.into()].into(),
            upstream: "orders".into(),
            keeps_host: false,
        };
        let request = Request::get("/hello").body(Body::empty()).unwrap();
        let origin = origin(Some(server_name));
        let answer = self.connectors.call(&origin, &way, request).await;
        answer.map(|answer| answer.status())
    }

    pub(super) async fn get(
        &self,
        name: &str,
        upstream: &str,
    ) -> Result<StatusCode, UpstreamError> {
        let request = Request::get("/hello").body(Body::empty()).unwrap();
        let answer = self.call(name, upstream, request).await;
        answer.map(|answer| answer.status())
    }
}

fn origin(server_name: Option<&str>) -> Origin {
    Origin {
        https: server_name.is_some(),
        host: "orders.internal".into(),
        port: 80,
        server_name: server_name.map(Into::into),
        authority: "orders.internal".into(),
        tls: Default::default(),
        via: None,
    }
}

pub(super) fn orders(backend: &Backend) -> Upstream {
    Upstream {
        name: "orders".to_owned(),
        host: backend.addr.ip().to_string(),
        port: backend.addr.port(),
        tls: UpstreamTls::Asked,
        server_name: None,
        health: None,
    }
}

/// Says what it got.
pub(super) async fn echoing() -> Backend {
    Backend::http(|request| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        let forbidden = request
            .headers()
            .keys()
            .any(|name| name.as_str().starts_with("edgeway"));
        Response::new(Body::full(format!("{host} {forbidden}")))
    })
    .await
}

#[tokio::test]
async fn what_is_offered_is_reached_and_nothing_else() {
    let (hub, backend) = (Hub::start(), echoing().await);
    assert_eq!(
        hub.get("office", "orders").await,
        Err(UpstreamError::NoConnector)
    );
    let _far = hub.connector("office", 7, orders(&backend)).await;
    let mut request = Request::get("/hello").body(Body::empty()).unwrap();
    // What a client says of these is not taken for the region's word.
    request
        .headers_mut()
        .insert("edgeway-upstream", "secret".parse().unwrap());
    let answer = hub.call("office", "orders", request).await.unwrap();
    let body = answer.into_body().into_bytes(100).await.unwrap();
    assert_eq!(body, Bytes::from_static(b"orders.internal false"));
    assert_eq!(
        hub.get("office", "secret").await,
        Err(UpstreamError::NotOffered)
    );
    assert_eq!(
        hub.get("home", "orders").await,
        Err(UpstreamError::NoConnector)
    );
    hub.drain.finish().await;
}

#[tokio::test]
async fn a_fault_of_the_backend_is_told_as_it_is() {
    let hub = Hub::start();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    drop(silent);
    let upstream = Upstream {
        name: "orders".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        tls: UpstreamTls::Asked,
        server_name: None,
        health: Some(HealthCheck {
            path: "/".to_owned(),
            interval: Duration::from_millis(20),
            timeout: Duration::from_secs(5),
        }),
    };
    let _far = hub.connector("office", 7, upstream).await;
    assert_eq!(
        hub.get("office", "orders").await,
        Err(UpstreamError::Unreachable)
    );
    let health = || hub.connectors.sights()[0].upstreams[0].health;
    eventually(|| health() == UpstreamHealth::Unhealthy).await;
    // Tried in spite of that: the check may be what is wrong.
    assert_eq!(
        hub.get("office", "orders").await,
        Err(UpstreamError::Unreachable)
    );
    hub.drain.finish().await;
}

#[tokio::test]
async fn a_connector_that_leaves_is_not_chosen() {
    let (hub, backend) = (Hub::start(), echoing().await);
    let first = hub.connector("office", 7, orders(&backend)).await;
    let _second = hub.connector("office", 8, orders(&backend)).await;
    first.leaving.begin();
    eventually(|| hub.connectors.sights().iter().any(|sight| sight.draining)).await;
    for _ in 0..4 {
        assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    }
    // Refused before anything is done: nothing is lost when a probe has not told it yet.
    first.drain.begin();
    assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    first.drain.finish().await;
    first.transport.close().await;
    eventually(|| hub.connectors.sights().len() == 1).await;
    assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    hub.drain.finish().await;
}

/// Answers from the second request on; the first hangs until its connector is gone.
async fn hanging(seen: Arc<AtomicUsize>) -> Backend {
    Backend::http(move |_| {
        let number = seen.fetch_add(1, Ordering::Relaxed);
        async move {
            if number == 0 {
                std::future::pending::<()>().await;
            }
            Response::new(Body::empty())
        }
    })
    .await
}

#[tokio::test]
async fn what_is_lost_is_sent_again_only_if_it_may_be() {
    for (method, expected) in [
        (Method::GET, Ok(StatusCode::OK)),
        (Method::POST, Err(UpstreamError::Closed)),
    ] {
        let hub = Hub::start();
        let seen = Arc::new(AtomicUsize::new(0));
        let backend = hanging(Arc::clone(&seen)).await;
        let first = hub.connector("office", 7, orders(&backend)).await;
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        let calling = hub.call("office", "orders", request);
        let losing = async {
            eventually(|| seen.load(Ordering::Relaxed) == 1).await;
            let second = hub.connector("office", 8, orders(&backend)).await;
            first.transport.close().await;
            second
        };
        let (answer, _second) = tokio::join!(calling, losing);
        assert_eq!(answer.map(|answer| answer.status()), expected);
        hub.drain.finish().await;
    }
}

#[tokio::test]
async fn a_connection_that_has_just_gone_is_waited_for() {
    let (hub, backend) = (Hub::start(), echoing().await);
    let mut far = hub.connector("office", 7, orders(&backend)).await;
    let mut answers = Vec::new();
    // A machine that stands still for seconds lets the wait end before the connection is back.
    while !answers.contains(&Ok(StatusCode::OK)) && answers.len() < 5 {
        far.transport.close().await;
        eventually(|| hub.connectors.sights().is_empty()).await;
        let calling = hub.get("office", "orders");
        let (answer, back) = tokio::join!(calling, hub.connector("office", 7, orders(&backend)));
        answers.push(answer);
        far = back;
    }
    assert_eq!(answers.last(), Some(&Ok(StatusCode::OK)), "{answers:?}");
    // One that was never there is not.
    assert_eq!(
        hub.get("home", "orders").await,
        Err(UpstreamError::NoConnector)
    );
    hub.drain.finish().await;
}

/// Knows nobody but counts how often it is asked.
struct Nobody(AtomicUsize);

impl Elsewhere for Nobody {
    fn nodes(&self, connectors: &[Box<str>], upstream: &str) -> Vec<Peer> {
        assert_eq!((&*connectors[0], upstream), ("office", "orders"));
        self.0.fetch_add(1, Ordering::Relaxed);
        Vec::new()
    }
}

#[tokio::test]
async fn others_are_asked_only_for_what_is_not_here() {
    let (hub, backend) = (Hub::start(), echoing().await);
    let nobody = Arc::new(Nobody(AtomicUsize::new(0)));
    hub.connectors
        .set_elsewhere(Arc::clone(&nobody) as Arc<dyn Elsewhere>);
    assert_eq!(
        hub.get("office", "orders").await,
        Err(UpstreamError::NoConnector)
    );
    assert_eq!(nobody.0.load(Ordering::Relaxed), 1);
    let _far = hub.connector("office", 7, orders(&backend)).await;
    assert_eq!(hub.get("office", "orders").await, Ok(StatusCode::OK));
    assert_eq!(nobody.0.load(Ordering::Relaxed), 1);
    hub.drain.finish().await;
}
