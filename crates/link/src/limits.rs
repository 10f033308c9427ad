//! Every limit of the link, with its default and what happens when it is hit.
//!
//! They are fixed for the life of a [`Transport`](crate::Transport) or
//! [`Listener`](crate::Listener); nothing here is negotiated with the peer.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The limits of one node's links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// Time for one attempt to connect; then the peer is down.
    pub connect_timeout: Duration,
    /// Time a listener gives a client to finish the handshake; then it is dropped.
    pub handshake_timeout: Duration,
    /// The round trip assumed before one is known; the first packet is repeated after three of
    /// it. Below QUIC's 333 ms, so that a node that has just started is found soon.
    pub initial_rtt: Duration,
    /// Silence after which a connection is dead.
    pub idle_timeout: Duration,
    /// How often a silent connection is kept alive; well below `idle_timeout`.
    pub keep_alive: Duration,
    /// Bytes in flight towards us on one stream before the sender waits.
    pub stream_window: u32,
    /// Bytes in flight towards us on one connection before the sender waits.
    pub connection_window: u32,
    /// Bytes written and not yet acknowledged on one connection before a write waits.
    pub send_window: u64,
    /// Bytes that may be on the way before the path is known: 32 packets, so that an answer of
    /// 32 kB needs one round trip on a fresh connection.
    pub initial_window: u64,
    /// What decides how much may be on the way after that.
    pub congestion: Congestion,
    /// Streams a peer may have open at once; its next one waits.
    pub streams_max: u32,
    /// The UDP socket buffers asked for, in bytes; the operating system may give less.
    pub socket_buffer: usize,
    /// The longest request or response head, in bytes; beyond it the stream is refused.
    pub head_bytes_max: usize,
    /// The most header fields in a head or trailer block; beyond it the stream is refused.
    pub headers_max: usize,
    /// The longest trailer block, in bytes; beyond it the body fails.
    pub trailers_bytes_max: usize,
    /// The longest rpc request or answer, in bytes.
    pub rpc_bytes_max: usize,
    /// The longest request or answer of [`Service::Join`](crate::Service::Join), in bytes.
    pub join_bytes_max: usize,
    /// The longest frame of a feed, in bytes (a snapshot is one frame).
    pub frame_bytes_max: usize,
    /// Time a body may stand still, unread or unsent; then it fails. Longer than the ten minutes
    /// an idle WebSocket may last, which is bounded elsewhere.
    pub body_idle: Duration,
    /// Calls a listener runs at once; the next is refused as overload, safe to retry.
    pub calls_max: usize,
    /// Streams that may wait to be opened on one connection; the next is refused.
    pub waiting_max: u32,
    /// Connections one listener holds; the next is refused.
    pub connections_max: usize,
    /// Connections that one node may have to a listener's process, so that no node, stolen or
    /// broken, takes the place of all others; its next is refused. A node has one per worker.
    pub connections_per_node_max: usize,
    /// Streams that a connector may have open towards a region on one connection; its next is
    /// refused. A connector is answered to, it asks for little: how it is, and its certificate.
    pub connector_streams_max: usize,
    /// The longest message of a connector, in bytes; beyond it the stream is refused.
    pub connector_message_bytes_max: usize,
    /// Connections without a certificate one listener holds; the next is refused.
    pub unauthenticated_max: usize,
    /// How long a connection without a certificate may live.
    pub unauthenticated_life: Duration,
    /// Handshakes one listener has in progress; the next is refused.
    pub handshakes_max: usize,
    /// Handshakes in progress above which a client must first prove its address.
    pub handshakes_retry_above: usize,
    /// Lost probes in a row after which a prober kills the connection.
    pub probe_misses_max: u32,
    /// The least time a prober waits for an answer (it waits three round trips if longer).
    pub probe_timeout_min: Duration,
    /// The most time a prober waits for an answer.
    pub probe_timeout_max: Duration,
    /// Pause after the first failed connect; doubles up to `backoff_max`.
    pub backoff_min: Duration,
    /// The longest pause between attempts to connect.
    pub backoff_max: Duration,
    /// A connection that lived this long resets the back-off.
    pub steady_after: Duration,
    /// Whether HTTP/2 over TLS is spoken beside QUIC, for peers that UDP does not reach.
    pub fallback: bool,
    /// How long QUIC is tried alone before HTTP/2 is tried beside it; a quarter of it for a peer
    /// that has just been lost in silence.
    pub fallback_after: Duration,
    /// Time a ping over HTTP/2 may take; then the connection is dead. Longer than `idle_timeout`,
    /// because TCP makes a ping wait behind a large body.
    pub ping_timeout: Duration,
    /// The first pause between attempts to go back to QUIC; doubles up to `return_max`.
    pub return_min: Duration,
    /// The longest pause between attempts to go back to QUIC.
    pub return_max: Duration,
}

/// How a sender learns what the path can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Congestion {
    /// By losses (RFC 9438), as Linux' TCP does.
    Cubic,
    /// By measured bandwidth and round trip; a loss alone slows nothing down.
    Bbr,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            handshake_timeout: Duration::from_secs(5),
            initial_rtt: Duration::from_millis(100),
            idle_timeout: Duration::from_secs(3),
            keep_alive: Duration::from_secs(1),
            stream_window: 8 << 20,
            connection_window: 64 << 20,
            send_window: 16 << 20,
            initial_window: 32 * 1200,
            congestion: Congestion::Cubic,
            streams_max: 4096,
            socket_buffer: 8 * MIB,
            head_bytes_max: 128 * KIB,
            headers_max: 256,
            trailers_bytes_max: 16 * KIB,
            rpc_bytes_max: 32 * MIB,
            join_bytes_max: 64 * KIB,
            frame_bytes_max: 64 * MIB,
            body_idle: Duration::from_secs(900),
            calls_max: 16 * 1024,
            waiting_max: 1024,
            connections_max: 4096,
            connections_per_node_max: 512,
            connector_streams_max: 64,
            connector_message_bytes_max: 64 * KIB,
            unauthenticated_max: 64,
            unauthenticated_life: Duration::from_secs(15),
            handshakes_max: 512,
            handshakes_retry_above: 64,
            probe_misses_max: 3,
            probe_timeout_min: Duration::from_millis(250),
            probe_timeout_max: Duration::from_secs(1),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            steady_after: Duration::from_secs(5),
            fallback: true,
            fallback_after: Duration::from_millis(400),
            ping_timeout: Duration::from_secs(10),
            return_min: Duration::from_secs(1),
            return_max: Duration::from_secs(15),
        }
    }
}
