//! The life of one HTTP/3 connection: handshake, requests, idle time, drain.
//!
//! Each request is a task of its own (`request.rs`). This decides only when the connection ends:
//! by the client's wish, when it is idle too long, when it resets too much, or when the drain asks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h3::error::Code;
use h3::server::RequestResolver;
use quinn::{Incoming, VarInt};
use tokio_util::task::TaskTracker;
use tracing::debug_span;

use super::endpoint::{Arrival, Place};
use super::quic::Connection;
use super::request;
use super::watched::Last;
use crate::handler::Conn;
use crate::handshake::Rtt;
use crate::limits::Limits;
use crate::service::Link;
use crate::tls;
use crate::vitals::Vitals;

/// Bytes that a head may take beyond its limit: Huffman codes, names, frames of other kinds.
const HEAD_SLACK_BYTES: usize = 64 * 1024;

/// Time for the last packets of a drained connection, in round trips, and at most.
const LAST_ROUND_TRIPS: u32 = 2;
const LAST_PACKETS_MAX: Duration = Duration::from_secs(1);

/// How a connection's requests ended, to tell a client that only starts and resets them, or sends
/// what cannot be answered.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    begun: AtomicU32,
    unwanted: AtomicU32,
}

/// Serves a connection from its first packet to its end.
pub(crate) async fn run(arrival: Arrival, place: Place) {
    let at = Instant::now();
    let Arrival { incoming, shaking } = arrival;
    let station = Arc::clone(&place.station);
    // The address the client meant, where we listen on all addresses.
    let local = incoming.local_ip().map_or(station.local, |ip| {
        SocketAddr::new(ip, station.local.port())
    });
    let peer = incoming.remote_address();
    let Some(quic) = shake(incoming, &place).await else {
        return;
    };
    drop(shaking);
    if let Some(protocol) = &station.protocol {
        return protocol.exchange(quic, (peer, local, at), place).await;
    }
    let conn = Arc::new(Conn {
        peer,
        endpoint: None,
        local,
        tls: Some(tls::describe_quic(&quic)),
        // QUIC has just timed its handshake.
        rtt: Rtt::of(quic.rtt()),
        listener: Arc::clone(&station.name),
        accepted: at,
    });
    let link = Arc::new(Link {
        vitals: Arc::new(Vitals::new(at)),
        handler: Arc::clone(&place.handler),
        span: debug_span!("conn", %peer, listener = %station.name, version = "h3"),
        conn,
        station,
    });
    serve(quic, link, place).await;
}

/// Does the handshake. `None` if it failed, which has been counted.
async fn shake(incoming: Incoming, place: &Place) -> Option<quinn::Connection> {
    let (metrics, limits) = (&place.station.metrics, &place.station.limits);
    let peer = incoming.remote_address();
    let handshake = async {
        let connecting = incoming.accept()?;
        connecting.await
    };
    let shaken = tokio::select! {
        biased;
        shaken = tokio::time::timeout(limits.handshake_timeout, handshake) => shaken,
        () = place.drain.expired() => {
            metrics.closed("drain_expired");
            return None;
        }
    };
    let reason = match shaken {
        Ok(Ok(quic)) => return Some(quic),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "quic handshake failed");
            failure_reason(&error)
        }
        Err(_elapsed) => "timed_out",
    };
    metrics.handshake_failed(reason);
    None
}

/// Why the loop of a connection ended.
enum End {
    /// The client closed it, or it failed.
    Gone,
    /// Nothing is left to do.
    Finished,
    Closed(&'static str, Code),
}

async fn serve(quic: quinn::Connection, link: Arc<Link>, place: Place) {
    let head_bytes = link.limits().head_bytes_max;
    let adapter = Connection::new(quic.clone(), head_bytes.saturating_add(HEAD_SLACK_BYTES));
    let last = adapter.last();
    let mut builder = h3::server::builder();
    builder
        .max_field_section_size(head_bytes as u64)
        .send_grease(false);
    let Ok(h3) = builder.build::<_, Bytes>(adapter).await else {
        return;
    };
    let mut life = Life {
        h3,
        last,
        link: Arc::clone(&link),
        place,
        requests: TaskTracker::new(),
        tally: Arc::default(),
        closing: false,
    };
    let end = life.run().await;
    match end {
        End::Gone => {}
        End::Finished => {
            // The client should read our GOAWAY before the connection is gone.
            let pause = (quic.rtt() * LAST_ROUND_TRIPS).min(LAST_PACKETS_MAX);
            tokio::time::sleep(pause).await;
        }
        End::Closed(reason, code) => {
            link.station.metrics.closed(reason);
            quic.close(code_of(code), reason.as_bytes());
        }
    }
}

struct Life {
    h3: h3::server::Connection<Connection, Bytes>,
    last: Last,
    link: Arc<Link>,
    place: Place,
    requests: TaskTracker,
    tally: Arc<Tally>,
    /// A GOAWAY has been sent.
    closing: bool,
}

impl Life {
    async fn run(&mut self) -> End {
        let drain = self.place.drain.clone();
        let requests = self.requests.clone();
        loop {
            let wake = self.idle_at();
            tokio::select! {
                biased;
                () = drain.expired() => return End::Closed("drain_expired", Code::H3_NO_ERROR),
                () = drain.begun(), if !self.closing => {
                    if self.go_away().await.is_err() {
                        return End::Gone;
                    }
                }
                () = requests.wait(), if self.closing => return End::Finished,
                accepted = self.h3.accept() => match accepted {
                    Ok(Some(resolver)) => self.begin(resolver),
                    Ok(None) => return End::Finished,
                    Err(error) => {
                        tracing::debug!(peer = %self.link.conn.peer, %error, "connection ended");
                        return End::Gone;
                    }
                },
                () = tokio::time::sleep_until(wake.into()), if !self.closing => {
                    if self.link.vitals.is_idle() && self.idle_at() <= Instant::now() {
                        self.link.station.metrics.closed("idle");
                        if self.go_away().await.is_err() {
                            return End::Gone;
                        }
                    }
                }
            }
            if self.tally.is_flood(self.link.limits()) {
                return End::Closed("reset_flood", Code::H3_EXCESSIVE_LOAD);
            }
        }
    }

    /// Asks the client for no more requests, and lets those finish that it has sent.
    async fn go_away(&mut self) -> Result<(), h3::error::ConnectionError> {
        self.closing = true;
        self.requests.close();
        self.h3.shutdown(0).await
    }

    /// When the connection has been idle for too long, if nothing happens until then.
    fn idle_at(&self) -> Instant {
        let limits = self.link.limits();
        self.link.vitals.deadline(limits).map_or_else(
            || Instant::now() + limits.idle_timeout,
            |(deadline, _)| deadline,
        )
    }

    fn begin(&self, resolver: RequestResolver<Connection, Bytes>) {
        let Some(watched) = self.last.take() else {
            return;
        };
        self.tally.begun.fetch_add(1, Relaxed);
        let turn = request::run(
            resolver,
            watched,
            Arc::clone(&self.link),
            Arc::clone(&self.tally),
        );
        self.place.tasks.spawn(self.requests.track_future(turn));
    }
}

impl Tally {
    /// A request got no whole answer, by the client's doing or for an answer that broke off.
    pub(crate) fn unwanted(&self) {
        self.unwanted.fetch_add(1, Relaxed);
    }

    fn is_flood(&self, limits: &Limits) -> bool {
        let unwanted = self.unwanted.load(Relaxed);
        unwanted > limits.h3_resets_max && unwanted > self.begun.load(Relaxed) / 2
    }
}

fn code_of(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

fn failure_reason(error: &quinn::ConnectionError) -> &'static str {
    use quinn::ConnectionError as Lost;
    match error {
        Lost::VersionMismatch => "incompatible",
        Lost::TransportError(_) => "misbehaved",
        Lost::ConnectionClosed(_) | Lost::ApplicationClosed(_) => "alert",
        Lost::Reset | Lost::LocallyClosed => "closed",
        Lost::TimedOut => "timed_out",
        Lost::CidsExhausted => "other",
    }
}
