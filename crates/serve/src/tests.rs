//! Tests over real sockets: a server in process on port 0, and clients that speak raw bytes.
//!
//! This file is the rig; each topic has its file below.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Version};
use prometheus::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};

use crate::{
    Body, BodyError, BoxFuture, Conn, Drain, Handler, Limits, ListenerSettings, Metrics, Request,
    Response, Server, Serving,
};

mod drain;
mod h2;
mod limits;
mod policies;
mod raw;
mod sessions;
mod tls;

/// No single step of a test takes longer.
const STEP_MAX: Duration = Duration::from_secs(10);

/// A running server with what tests need to look at.
struct Rig {
    addr: SocketAddr,
    drain: Drain,
    registry: Registry,
    serving: Serving,
    events: Arc<Events>,
}

/// What the handler tells the test, and the other way round.
#[derive(Debug)]
struct Events {
    /// A request reached `/wait`.
    waiting: Notify,
    /// A handler at `/wait` was dropped before it finished.
    dropped: Notify,
    /// Lets one request at `/wait` finish.
    release: Semaphore,
}

impl Rig {
    fn start() -> Self {
        Self::with(1, |_| {})
    }

    fn limited(limits: Limits) -> Self {
        Self::with(1, |settings| settings.limits = limits)
    }

    fn with(workers: usize, change: impl FnOnce(&mut ListenerSettings)) -> Self {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).expect("metrics");
        let mut settings = ListenerSettings::plain("test", "127.0.0.1:0".parse().expect("addr"));
        change(&mut settings);
        let bound = Server::bind(vec![settings], workers, &metrics).expect("bind");
        let addr = bound.address("test").expect("address");
        let events = Arc::new(Events {
            waiting: Notify::new(),
            dropped: Notify::new(),
            release: Semaphore::new(0),
        });
        let drain = Drain::new(Duration::from_secs(2));
        let for_handlers = Arc::clone(&events);
        let factory = move |worker: usize| -> Arc<dyn Handler> {
            Arc::new(Echo {
                worker,
                events: Arc::clone(&for_handlers),
            })
        };
        let serving = bound.serve(Arc::new(factory), &drain).expect("serve");
        Self {
            addr,
            drain,
            registry,
            serving,
            events,
        }
    }

    async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.addr).await.expect("connect"))
    }

    /// Sends bytes on a new connection, and reads until the server closes it.
    async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut raw = self.connect().await;
        raw.send(bytes).await;
        raw.rest().await
    }

    fn metric(&self, name: &str, label: &str) -> f64 {
        let name = format!("edgeway_serve_{name}");
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.into_iter().flat_map(|family| family.get_metric());
        metrics
            .filter(|metric| {
                label.is_empty() || metric.get_label().iter().any(|pair| pair.value() == label)
            })
            .map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
            .sum()
    }

    /// Waits until a metric has a value.
    async fn wait_metric(&self, name: &str, label: &str, value: f64) {
        let reached = async {
            while (self.metric(name, label) - value).abs() > 0.1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(STEP_MAX, reached).await;
        assert!(
            reached.is_ok(),
            "{name} {label} is {}",
            self.metric(name, label)
        );
    }
}

/// A client that knows nothing of HTTP.
struct Raw(TcpStream);

impl Raw {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("send");
    }

    /// Everything until the server closes.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(STEP_MAX, self.0.read_to_end(&mut bytes)).await;
        read.expect("the server closes in time").expect("no reset");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads until the text ends with `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        let reading = async {
            while !bytes.ends_with(end.as_bytes()) {
                bytes.push(self.0.read_u8().await.expect("more bytes"));
            }
        };
        let read = tokio::time::timeout(STEP_MAX, reading).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(read.is_ok(), "no {end:?} after {text:?}");
        text
    }
}

/// Answers by path; see `handle`.
struct Echo {
    worker: usize,
    events: Arc<Events>,
}

/// Tells that a request was dropped before its end.
struct Watch<'a>(Option<&'a Events>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(events) = self.0 {
            events.dropped.notify_one();
        }
    }
}

impl Handler for Echo {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match request.uri().path() {
                "/wait" => self.wait().await,
                "/early" => Response::new(Body::full("early")),
                "/chunks" => Response::new(Body::chunks(Arc::from([
                    Bytes::from_static(b"one "),
                    Bytes::new(),
                    Bytes::from_static(b"two"),
                ]))),
                "/big" => Response::new(Body::full(vec![b'x'; 32 * 1024 * 1024])),
                "/strange" => strange(),
                _ => self.echo(request, &conn).await,
            }
        })
    }
}

impl Echo {
    async fn wait(&self) -> Response {
        let mut watch = Watch(Some(&self.events));
        self.events.waiting.notify_one();
        self.events.release.acquire().await.expect("open").forget();
        watch.0 = None;
        Response::new(Body::full("waited"))
    }

    async fn echo(&self, request: Request, conn: &Conn) -> Response {
        let (parts, body) = request.into_parts();
        let host = parts.headers.get("host").cloned();
        let bytes = match body.into_bytes(usize::MAX).await {
            Ok(bytes) => bytes,
            Err(error) => {
                let error = BodyError::of(&*error).expect("a body error");
                let mut response = Response::new(Body::full(error.reason()));
                *response.status_mut() = error.status();
                return response;
            }
        };
        let mut response = Response::new(Body::full(bytes));
        let headers = response.headers_mut();
        headers.insert(
            "x-host",
            host.unwrap_or_else(|| HeaderValue::from_static("none")),
        );
        headers.insert("x-worker", HeaderValue::from(self.worker));
        let seen = format!("{} {}", parts.method, parts.uri);
        headers.insert("x-request", seen.parse().expect("a value"));
        if let Some(tls) = &conn.tls {
            let sni = tls.sni.clone().unwrap_or_default();
            headers.insert("x-sni", sni.parse().expect("a value"));
            headers.insert("x-tls", HeaderValue::from_static(tls.version));
        }
        response
    }
}

/// A response as another transport or a careless upstream would give it.
fn strange() -> Response {
    let mut response = Response::new(Body::full("strange"));
    *response.version_mut() = Version::HTTP_3;
    *response.status_mut() = StatusCode::CREATED;
    for name in [
        "connection",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
        "proxy-connection",
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static("x"));
    }
    response
}
