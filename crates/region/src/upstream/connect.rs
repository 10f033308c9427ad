//! A new connection to a backend: name, TCP, TLS, HTTP.
//!
//! The task that drives the connection belongs to the drain: it ends with its connection, at the
//! latest when the drain's time is over.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use plan::region::Origin;
use prometheus::IntGauge;
use rustls_pki_types::ServerName;
use serve::{Body, Drain};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{BackendTls, UpstreamError, resolve::Resolver};

/// What sends requests over a new connection.
pub(super) enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// Opens connections for one worker.
pub(super) struct Connector {
    resolver: Resolver,
    tls: Arc<BackendTls>,
    timeout: Duration,
    drain: Drain,
    open: IntGauge,
    /// Turns the addresses of a name, so that all of them get connections.
    turn: AtomicUsize,
}

/// A backend that answers pings is alive, however long its answer takes.
const H2_PING_EVERY: Duration = Duration::from_secs(20);
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);
const H2_STREAM_WINDOW: u32 = 1 << 20;
const H2_CONNECTION_WINDOW: u32 = 16 << 20;

impl Connector {
    pub(super) fn new(
        resolver: Resolver,
        tls: Arc<BackendTls>,
        timeout: Duration,
        drain: Drain,
        open: IntGauge,
    ) -> Self {
        Self {
            resolver,
            tls,
            timeout,
            drain,
            open,
            turn: AtomicUsize::new(0),
        }
    }

    /// Opens a connection. If dropped, so is what was opened.
    pub(super) async fn connect(&self, origin: &Origin) -> Result<Sender, UpstreamError> {
        match tokio::time::timeout(self.timeout, self.connect_untimed(origin)).await {
            Ok(result) => result,
            Err(_) => Err(UpstreamError::ConnectTimeout),
        }
    }

    async fn connect_untimed(&self, origin: &Origin) -> Result<Sender, UpstreamError> {
        let addresses = self.resolver.addresses(origin).await?;
        let tcp = self.connect_tcp(&addresses).await?;
        if !origin.https {
            return self.http1(tcp).await;
        }
        let name = origin.server_name.as_deref().unwrap_or(&origin.host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| UpstreamError::Tls)?;
        let tls = self.tls.config(&origin.tls).map_err(|error| {
            tracing::warn!(host = %origin.host, %error, "tls with backend cannot be set up");
            UpstreamError::Tls
        })?;
        let stream = TlsConnector::from(tls)
            .connect(name, tcp)
            .await
            .map_err(|error| {
                tracing::debug!(host = %origin.host, %error, "tls with backend failed");
                UpstreamError::Tls
            })?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream).await
        } else {
            self.http1(stream).await
        }
    }

    /// Tries each address in turn; a dead one gets its share of the time and no more.
    async fn connect_tcp(&self, addresses: &[SocketAddr]) -> Result<TcpStream, UpstreamError> {
        let count = addresses.len().max(1);
        let share = self.timeout / u32::try_from(count).unwrap_or(u32::MAX);
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let mut failure = UpstreamError::Unreachable;
        for address in addresses.iter().cycle().skip(first).take(count) {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Small requests must not wait for an acknowledgement.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => {
                    tracing::debug!(%address, %error, "backend cannot be connected to");
                    failure = UpstreamError::Unreachable;
                }
                Err(_) => failure = UpstreamError::ConnectTimeout,
            }
        }
        Err(failure)
    }

    async fn http1<S>(&self, stream: S) -> Result<Sender, UpstreamError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| UpstreamError::of(&error))?;
        self.drive(connection);
        Ok(Sender::Http1(sender))
    }

    async fn http2<S>(&self, stream: S) -> Result<Sender, UpstreamError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http2::Builder::new(DrainExecutor(self.drain.clone()))
            .timer(TokioTimer::new())
            .keep_alive_interval(H2_PING_EVERY)
            .keep_alive_timeout(H2_PING_TIMEOUT)
            .initial_stream_window_size(H2_STREAM_WINDOW)
            .initial_connection_window_size(H2_CONNECTION_WINDOW)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = handshake.map_err(|error| UpstreamError::of(&error))?;
        self.drive(connection);
        Ok(Sender::Http2(sender))
    }

    fn drive<C>(&self, connection: C)
    where
        C: Future<Output = hyper::Result<()>> + Send + 'static,
    {
        let drain = self.drain.clone();
        let open = Open::count(&self.open);
        self.drain.spawn(async move {
            if let Some(Err(error)) = until_expired(&drain, connection).await {
                tracing::debug!(%error, "connection to backend ended");
            }
            drop(open);
        });
    }
}

/// Runs a task's only future until it ends, or until the drain's time is over (none).
///
/// A task keeps its waker, so that the drain needs to be polled only to register it. Later one
/// load tells whether it is over; polling it at every step would take a shared lock.
async fn until_expired<F: Future>(drain: &Drain, future: F) -> Option<F::Output> {
    let (mut future, mut expired) = (pin!(future), pin!(drain.expired()));
    let mut registered = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        if !registered {
            registered = true;
            return expired.as_mut().poll(cx).map(|()| None);
        }
        if drain.has_expired() {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

/// Counts a connection for as long as it is open.
struct Open(IntGauge);

impl Open {
    fn count(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Lets HTTP/2 spawn what it needs, under the drain.
#[derive(Clone)]
struct DrainExecutor(Drain);

impl<F> hyper::rt::Executor<F> for DrainExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        let drain = self.0.clone();
        self.0.spawn(async move {
            until_expired(&drain, future).await;
        });
    }
}
