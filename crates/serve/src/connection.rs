//! The beginning of a client connection: TLS handshake, protocol version, settings of the library.
//!
//! One task per connection (and per HTTP/2 stream) on the worker that accepted it. What happens
//! once both sides speak HTTP, and when the connection must end, is in `drive.rs`.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;
use tracing::debug_span;

use crate::door::Entered;
use crate::drain::Drain;
use crate::drive;
use crate::handler::{Conn, Handler};
use crate::handshake::{Rtt, Timed};
use crate::limits::Limits;
use crate::service::{self, Link};
use crate::tls::{self, Tcp};
use crate::vitals::Vitals;
use crate::wire::Wire;
use crate::worker::{Accepted, Station};

/// How every HTTP/2 connection begins (RFC 9113 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Room for the bytes that tell the version; usually the whole first request fits.
const FIRST_READ_BYTES: usize = 4096;

/// What the HTTP library allows by itself. Saying so makes it fill its table anew per request.
const HEADERS_MAX_OF_LIBRARY: usize = 100;

/// The smallest buffer the HTTP library works with.
const BUFFER_BYTES_MIN: usize = 8192;

/// Serves a connection from its acceptance to its end.
pub(crate) async fn run(accepted: Accepted) {
    let Accepted {
        mut socket,
        peer,
        at,
        station,
        handler,
        drain,
        tasks,
    } = accepted;
    // The address the client meant, where we listen on all addresses.
    let local = socket.local_addr().unwrap_or(station.local);
    let Some(entered) = enter(&mut socket, peer, &station, &drain).await else {
        return;
    };
    let peer = entered.peer;
    let conn = Conn {
        peer,
        endpoint: entered.endpoint,
        local,
        tls: None,
        listener: Arc::clone(&station.name),
        accepted: at,
        rtt: Rtt::default(),
    };
    let life = Life {
        station: Arc::clone(&station),
        handler,
        drain,
        tasks,
    };
    let Some(settings) = &station.tls else {
        return life.serve(socket, conn).await;
    };
    let Some(mut stream) = secure(socket, settings, peer, &life).await else {
        return;
    };
    if tls::was_challenge(stream.get_ref().1) {
        return answered_challenge(stream, &station).await;
    }
    let conn = Conn {
        tls: Some(tls::describe(stream.get_ref().1)),
        rtt: stream.get_mut().0.finish(),
        ..conn
    };
    if let Some(protocol) = &station.protocol {
        return protocol.converse(stream, conn, &life.drain).await;
    }
    life.serve(stream, conn).await;
}

/// Lets a connection in, or counts why not.
async fn enter(
    socket: &mut TcpStream,
    peer: SocketAddr,
    station: &Station,
    drain: &Drain,
) -> Option<Entered> {
    let patience = station.limits.head_timeout;
    let entered = tokio::select! {
        biased;
        entered = station.door.enter(socket, peer, patience) => entered,
        () = drain.begun() => Err("drain"),
    };
    let refused = |reason: &&'static str| {
        tracing::debug!(%peer, reason, "connection refused at the door");
        station.metrics.closed(reason);
    };
    entered.inspect_err(refused).ok()
}

/// Does the handshake within its time, or counts why it failed.
async fn secure(
    socket: TcpStream,
    settings: &Tcp,
    peer: SocketAddr,
    life: &Life,
) -> Option<TlsStream<Timed<TcpStream>>> {
    let station = &life.station;
    let handshake = shake(Timed::new(socket), settings);
    let handshake = tokio::time::timeout(station.limits.handshake_timeout, handshake);
    let failed = tokio::select! {
        biased;
        result = handshake => match result {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "tls handshake failed");
                tls::failure_reason(&error)
            }
            Err(_elapsed) => "timed_out",
        },
        () = life.drain.expired() => {
            station.metrics.closed("drain_expired");
            return None;
        }
    };
    station.metrics.handshake_failed(failed);
    None
}

/// Does the handshake, by the policy of the name that the client asks for.
async fn shake<S>(socket: S, settings: &Tcp) -> io::Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let begun = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    let config = Arc::clone(settings.of(begun.client_hello().server_name()));
    begun.into_stream(config).await
}

/// Ends a connection of which only the certificate was wanted. No data follows (RFC 8737, section
/// 3); the close is orderly, so that the client has read the certificate before.
async fn answered_challenge<S: AsyncWrite + Unpin>(mut stream: S, station: &Station) {
    let limit = station.limits.handshake_timeout;
    // An authority that is gone already has what it wanted.
    drop(tokio::time::timeout(limit, stream.shutdown()).await);
    station.metrics.closed("acme_challenge");
}

/// What stays the same over the life of a connection.
struct Life {
    station: Arc<Station>,
    handler: Arc<dyn Handler>,
    drain: Drain,
    tasks: TaskTracker,
}

/// Which protocol the first bytes speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    H1,
    H2,
    /// All bytes so far are the beginning of the HTTP/2 preface.
    Unclear,
}

impl Life {
    async fn serve<S>(self, mut socket: S, conn: Conn)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let vitals = Arc::new(Vitals::new(conn.accepted));
        let alpn = conn.tls.as_ref().and_then(|tls| tls.alpn);
        let (speaks, first) = match alpn {
            Some("h2") => (Speaks::H2, BytesMut::new()),
            Some(_) => (Speaks::H1, BytesMut::new()),
            None => match self.read_first(&mut socket).await {
                Some(first) => first,
                None => return,
            },
        };
        let link = Arc::new(Link {
            station: Arc::clone(&self.station),
            vitals: Arc::clone(&vitals),
            handler: Arc::clone(&self.handler),
            span: debug_span!(parent: None, "conn", peer = %conn.peer, listener = %conn.listener),
            conn: Arc::new(conn),
        });
        let service = service_fn(move |request| {
            let answer = service::answer(Arc::clone(&link), request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let first = first.freeze();
        match speaks {
            Speaks::H1 | Speaks::Unclear => {
                let io = TokioIo::new(Wire::h1(socket, first, Arc::clone(&vitals)));
                let conn = h1_settings(&self.station.limits).serve_connection(io, service);
                drive::drive(conn.with_upgrades(), &vitals, &self.station, &self.drain).await;
            }
            Speaks::H2 => {
                let io = TokioIo::new(Wire::h2(socket, first, Arc::clone(&vitals)));
                let conn = h2_settings(&self.station.limits, &self.tasks);
                let conn = conn.serve_connection(io, service);
                drive::drive(conn, &vitals, &self.station, &self.drain).await;
            }
        }
    }

    /// Reads until it is clear which version the client speaks. `None` if it says nothing in time
    /// or goes away.
    async fn read_first<S>(&self, socket: &mut S) -> Option<(Speaks, BytesMut)>
    where
        S: AsyncRead + Unpin,
    {
        let mut first = BytesMut::with_capacity(FIRST_READ_BYTES);
        let reading = async {
            loop {
                // An end here is left for the library to find: it treats what came as a request.
                let read = socket.read_buf(&mut first).await.ok()?;
                match speaks(&first) {
                    Speaks::Unclear if read > 0 => {}
                    _ if first.is_empty() => return None,
                    clear => return Some(clear),
                }
            }
        };
        let found = tokio::select! {
            biased;
            found = tokio::time::timeout(self.station.limits.idle_timeout, reading) => found,
            () = self.drain.begun() => return None,
        };
        match found {
            Ok(clear) => clear.map(|clear| (clear, first)),
            Err(_elapsed) => {
                self.station.metrics.closed("idle");
                None
            }
        }
    }
}

/// Spawns the streams of an HTTP/2 connection as tasks that the worker knows.
#[derive(Clone, Debug)]
pub(crate) struct Streams(TaskTracker);

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}

fn speaks(first: &[u8]) -> Speaks {
    if first.starts_with(H2_PREFACE) {
        Speaks::H2
    } else if H2_PREFACE.starts_with(first) {
        Speaks::Unclear
    } else {
        Speaks::H1
    }
}

/// Time limits are ours (see [`Vitals`]): the library's one would make no difference between a
/// slow head and an idle connection, and costs an allocation per request. `pipeline_flush` stays
/// off: with it the library keeps its last answer to itself (a 400, say) when bytes follow the
/// request that it does not read any more.
fn h1_settings(limits: &Limits) -> http1::Builder {
    let mut settings = http1::Builder::new();
    settings
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .half_close(false)
        .keep_alive(true)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(limits.head_bytes_max.max(BUFFER_BYTES_MIN));
    if limits.headers_max != HEADERS_MAX_OF_LIBRARY {
        settings.max_headers(limits.headers_max);
    }
    settings
}

fn h2_settings(limits: &Limits, tasks: &TaskTracker) -> http2::Builder<Streams> {
    let header_list = u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX);
    let mut settings = http2::Builder::new(Streams(tasks.clone()));
    settings
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams_max)
        .max_pending_accept_reset_streams(limits.h2_pending_resets_max)
        .max_local_error_reset_streams(limits.h2_error_resets_max)
        .max_header_list_size(header_list)
        .initial_stream_window_size(limits.h2_stream_window)
        .initial_connection_window_size(limits.h2_connection_window)
        .max_send_buf_size(limits.h2_send_buffer)
        .keep_alive_interval(limits.h2_ping_interval)
        .keep_alive_timeout(limits.h2_ping_timeout);
    settings
}
