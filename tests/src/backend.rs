//! A backend that tests look into: it counts, echoes, makes and checks large bodies, and notices
//! when the gateway goes away.
//!
//! Large bodies are a repeated pattern whose every byte follows from its position, so both ends
//! check all of it without holding it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::issuer::Issued;

type BoxBody = UnsyncBoxBody<Bytes, Infallible>;

/// What a broken backend says.
pub const BROKEN: &str = "broken by order\n";

/// Counts of what happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that arrived.
    pub requests: AtomicU64,
    /// Requests given up by the caller before they were answered (`/hang`).
    pub cancelled: AtomicU64,
    /// Makes the tagged answers fail.
    pub failing: std::sync::atomic::AtomicBool,
    /// Makes all answers a 500 with the body [`BROKEN`].
    pub broken: std::sync::atomic::AtomicBool,
    /// Bytes of request bodies.
    pub received: AtomicU64,
}

/// A backend on a port of its own; lives as long as the test.
#[derive(Debug)]
pub struct Backend {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What happened.
    pub counts: Arc<Counts>,
}

impl Backend {
    /// Begins to serve on the current runtime.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// As `start`, at this address.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn start_at(addr: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counts = Arc::clone(&shared);
                drop(stream.set_nodelay(true));
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&counts)));
                    let serving = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service);
                    drop(serving.await);
                });
            }
        });
        Ok(Self { addr, counts })
    }

    /// As `start_at`, over TLS with this certificate.
    ///
    /// # Errors
    /// When the address is taken, or the certificate is none.
    pub async fn start_secure(addr: SocketAddr, issued: &Issued) -> anyhow::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(issued.server_config()?));
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counts, acceptor) = (Arc::clone(&shared), acceptor.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(|request| answer(request, Arc::clone(&counts)));
                    let serving = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service);
                    drop(serving.await);
                });
            }
        });
        Ok(Self { addr, counts })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

async fn answer(
    request: Request<Incoming>,
    counts: Arc<Counts>,
) -> Result<Response<BoxBody>, Infallible> {
    counts.requests.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path().to_owned();
    let response = match path
        .trim_matches('/')
        .split('/')
        .collect::<Vec<_>>()
        .as_slice()
    {
        _ if counts.broken.load(Ordering::Relaxed) => {
            failed(StatusCode::INTERNAL_SERVER_ERROR, BROKEN)
        }
        // A body of so many bytes.
        ["bytes", length] => {
            let length = length.parse().unwrap_or(0);
            Response::new(Pattern::new(length).boxed_unsync())
        }
        // Says how many bytes came and whether each was as expected.
        ["check"] => {
            let (length, right) = check(request.into_body(), &counts).await;
            text(&format!("{length} {right}"))
        }
        ["echo"] => {
            let whole = request.into_body().collect().await;
            let whole = whole.map(http_body_util::Collected::to_bytes);
            Response::new(http_body_util::Full::new(whole.unwrap_or_default()).boxed_unsync())
        }
        ["cached", ..] => {
            let mut response = text("may be cached\n");
            let control = http::HeaderValue::from_static("max-age=60");
            response.headers_mut().insert("cache-control", control);
            response
        }
        // Stale after a second, and better than an error for ten minutes.
        ["tagged", ..] if counts.failing.load(Ordering::Relaxed) => {
            failed(StatusCode::SERVICE_UNAVAILABLE, "broken\n")
        }
        ["tagged", ..] => {
            let mut response = text("may be cached\n");
            let control = http::HeaderValue::from_static("max-age=1, stale-if-error=600");
            let tags = http::HeaderValue::from_static("blue, green");
            response.headers_mut().insert("cache-control", control);
            response.headers_mut().insert("cache-tag", tags);
            response
        }
        ["hang"] => {
            let guard = Cancelled(Some(Arc::clone(&counts)));
            tokio::time::sleep(Duration::from_secs(60)).await;
            guard.done();
            text("late\n")
        }
        ["status", code] => {
            let mut response = text("as asked\n");
            *response.status_mut() = code
                .parse()
                .ok()
                .and_then(|c| StatusCode::from_u16(c).ok())
                .unwrap_or_default();
            response
        }
        _ => {
            let line = format!("{} {}\n", request.method(), request.uri());
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| {
                format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
            });
            text(&(line + &headers.collect::<String>()))
        }
    };
    Ok(response)
}

fn text(text: &str) -> Response<BoxBody> {
    Response::new(http_body_util::Full::new(Bytes::from(text.to_owned())).boxed_unsync())
}

fn failed(status: StatusCode, body: &str) -> Response<BoxBody> {
    let mut response = text(body);
    *response.status_mut() = status;
    response
}

/// Counts a future that was dropped before it was done.
struct Cancelled(Option<Arc<Counts>>);

impl Cancelled {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some(counts) = &self.0 {
            counts.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn check(mut body: Incoming, counts: &Counts) -> (u64, bool) {
    let (mut at, mut right) = (0_u64, true);
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        right &= is_pattern(at, &data);
        at += data.len() as u64;
        counts.received.store(at, Ordering::Relaxed);
    }
    (at, right)
}

/// Reads a pattern to its end, and gives its length.
///
/// # Errors
/// When it breaks off, or a byte is not what it should be.
pub async fn read_pattern(mut body: Incoming) -> anyhow::Result<u64> {
    let mut at = 0_u64;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            anyhow::ensure!(is_pattern(at, &data), "wrong bytes at {at}");
            at += data.len() as u64;
        }
    }
    Ok(at)
}

/// Whether `data` is what a pattern has at `at`.
#[must_use]
pub fn is_pattern(mut at: u64, mut data: &[u8]) -> bool {
    while !data.is_empty() {
        let expected = piece(at, data.len() as u64);
        let (head, rest) = data.split_at(expected.len());
        if head != expected {
            return false;
        }
        at += head.len() as u64;
        data = rest;
    }
    true
}

/// One period: 65,521 is prime, so that no buffer size divides it.
const PERIOD: usize = 65_521;

static PATTERN: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(PERIOD).collect()
});

fn piece(at: u64, most: u64) -> Bytes {
    let from = usize::try_from(at % PERIOD as u64).unwrap_or(0);
    let length = (PERIOD - from).min(usize::try_from(most).unwrap_or(PERIOD));
    PATTERN.slice(from..from + length)
}

/// A body of so many bytes of the pattern.
#[derive(Debug)]
pub struct Pattern {
    at: u64,
    length: u64,
}

impl Pattern {
    /// `length` bytes.
    #[must_use]
    pub const fn new(length: u64) -> Self {
        Self { at: 0, length }
    }
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.at == self.length {
            return Poll::Ready(None);
        }
        let piece = piece(self.at, self.length - self.at);
        self.at += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.at)
    }
}
