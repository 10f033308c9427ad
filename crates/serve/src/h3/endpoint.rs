//! The endpoint of one UDP socket: accepts connections and hands them to workers.
//!
//! It runs on the first worker and only sorts packets by connection id; everything that costs (the
//! handshake too) happens where a connection is handed to. Workers take
//! turns.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use quinn::{EndpointConfig, IdleTimeout, Incoming, ServerConfig, TransportConfig, VarInt};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::connection;
use super::session::ByName;
use crate::drain::Drain;
use crate::handler::Handler;
use crate::worker::Station;

/// Connections that wait for a worker; one more is refused.
const HANDED_MAX: usize = 1024;

/// Streams of one direction a client may have open: control, two of QPACK, and some it may try.
const UNI_STREAMS_MAX: u32 = 8;

/// Bytes that wait to be sent on one connection.
const SEND_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// Handshakes that wait to be looked at, and bytes of early packets kept for each and for all.
const INCOMING_MAX: usize = 4096;
const INCOMING_BYTES: u64 = 16 * 1024;
const INCOMING_BYTES_TOTAL: u64 = 16 * 1024 * 1024;

/// A UDP socket that is open but not yet in a runtime.
pub(crate) struct H3Socket {
    udp: UdpSocket,
    crypto: Arc<ByName>,
    desks: Vec<Desk>,
}

/// Where the endpoint leaves connections for one worker.
#[derive(Debug)]
pub(crate) struct Desk(mpsc::Sender<Arrival>);

/// Where a worker finds them.
#[derive(Debug)]
pub(crate) struct Handed(mpsc::Receiver<Arrival>);

/// A connection that has only just knocked.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) incoming: Incoming,
    pub(crate) shaking: Shaking,
}

/// Counts a handshake as under way for as long as it lives.
#[derive(Debug)]
pub(crate) struct Shaking(Arc<AtomicUsize>);

/// What all connections of one listener in one worker share.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) station: Arc<Station>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) drain: Drain,
    pub(crate) tasks: TaskTracker,
}

impl Desk {
    pub(crate) fn new() -> (Self, Handed) {
        let (desk, handed) = mpsc::channel(HANDED_MAX);
        (Self(desk), Handed(handed))
    }
}

impl H3Socket {
    pub(crate) const fn new(udp: UdpSocket, crypto: Arc<ByName>, desks: Vec<Desk>) -> Self {
        Self { udp, crypto, desks }
    }
}

impl std::fmt::Debug for H3Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H3Socket")
            .field("udp", &self.udp)
            .finish_non_exhaustive()
    }
}

impl Shaking {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Shaking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Starts HTTP/3 in a worker: its connections, and with `socket` the endpoint too.
pub(crate) fn serve(place: Place, handed: Handed, socket: Option<H3Socket>) {
    let tasks = place.tasks.clone();
    if let Some(socket) = socket {
        tasks.spawn(run_endpoint(socket, place.clone()));
    }
    tasks.spawn(take(handed, place));
}

/// Takes what the endpoint hands over, until it hands over no more.
async fn take(mut handed: Handed, place: Place) {
    while let Some(arrival) = handed.0.recv().await {
        place.station.metrics.accepted.inc();
        let Some(open) = place.station.enter() else {
            place.station.metrics.closed("connections_max");
            arrival.incoming.refuse();
            continue;
        };
        let life = connection::run(arrival, place.clone());
        place.tasks.spawn(async move {
            let _open = open;
            life.await;
        });
    }
}

async fn run_endpoint(socket: H3Socket, place: Place) {
    let H3Socket { udp, crypto, desks } = socket;
    let station = &place.station;
    let mut config = ServerConfig::with_crypto(crypto);
    config
        .transport_config(Arc::new(transport(station)))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = EndpointConfig::default();
    let endpoint = match quinn::Endpoint::new(endpoint, Some(config), udp, runtime) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            tracing::error!(listener = %station.name, %error, "listener lost its udp socket");
            return;
        }
    };
    let under_way = Arc::new(AtomicUsize::new(0));
    let mut turn = desks.iter().cycle();
    loop {
        let incoming = tokio::select! {
            biased;
            () = place.drain.begun() => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else {
            break;
        };
        let crowded = under_way.load(Relaxed) >= station.limits.h3_handshakes_unproven_max;
        if crowded && !incoming.remote_address_validated() {
            station.metrics.handshake_failed("retry_asked");
            // It may be retried: its address is not proven yet.
            let _ = incoming.retry();
            continue;
        }
        let arrival = Arrival {
            incoming,
            shaking: Shaking::begin(&under_way),
        };
        // A cycle of an empty list alone would end.
        let Some(desk) = turn.next() else {
            break;
        };
        if let Err(error) = desk.0.try_send(arrival) {
            station.metrics.closed("workers_busy");
            drop(error);
        }
    }
    // No new connection from here on, and the workers learn that none will be handed to them.
    endpoint.set_server_config(None);
    drop(desks);
    tokio::select! {
        biased;
        () = endpoint.wait_idle() => {}
        () = place.drain.expired() => endpoint.close(VarInt::from_u32(0x100), b"drained"),
    }
}

/// The windows are HTTP/2's: the same clients, the same memory.
fn transport(station: &Station) -> TransportConfig {
    let limits = &station.limits;
    let http = station.protocol.is_none();
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.h2_streams_max))
        .max_concurrent_uni_streams(VarInt::from_u32(if http { UNI_STREAMS_MAX } else { 0 }))
        .stream_receive_window(VarInt::from_u32(limits.h2_stream_window))
        .receive_window(VarInt::from_u32(limits.h2_connection_window))
        .send_window(SEND_WINDOW_BYTES)
        .keep_alive_interval(http.then_some(limits.h2_ping_interval))
        .max_idle_timeout(IdleTimeout::try_from(limits.idle_timeout).ok())
        .datagram_receive_buffer_size(None);
    transport
}
