//! Every limit of a listener, with its default and what happens when it is reached.
//!
//! They are plain numbers so that settings can fill them; this file decides nothing else.

use std::time::Duration;

/// Limits of one listener. All have defaults that suit a public address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once, per worker and address. One more is closed as soon as it is
    /// accepted.
    pub connections_max: usize,
    /// Time for a TLS handshake; then the connection is closed.
    pub handshake_timeout: Duration,
    /// Bytes of a request head (HTTP/1.1) or of a header list (HTTP/2 and 3); beyond: 431.
    pub head_bytes_max: usize,
    /// Header fields of a request; beyond: 431.
    pub headers_max: usize,
    /// Time from the first byte of a request head to its last; then 408 and close.
    pub head_timeout: Duration,
    /// Time a connection may stay without a request; then it is closed.
    pub idle_timeout: Duration,
    /// Bytes of a request body; beyond: [`BodyError::TooLarge`](crate::BodyError::TooLarge),
    /// or 413 at once if the request announces more.
    pub body_bytes_max: u64,
    /// Time without a byte of a request body that a handler waits for; then
    /// [`BodyError::TimedOut`](crate::BodyError::TimedOut).
    pub body_idle_timeout: Duration,
    /// Time in which a client takes no byte of a response that waits for it; then the connection
    /// is closed.
    pub write_idle_timeout: Duration,
    /// HTTP/2 and HTTP/3 streams open at once, per connection; further ones are refused.
    pub h2_streams_max: u32,
    /// HTTP/2 streams reset by the peer that we have not looked at yet; beyond: GOAWAY.
    pub h2_pending_resets_max: usize,
    /// HTTP/2 streams that we had to reset for the peer's errors; beyond: GOAWAY.
    pub h2_error_resets_max: usize,
    /// HTTP/2 and HTTP/3 receive window of a stream, in bytes.
    pub h2_stream_window: u32,
    /// HTTP/2 and HTTP/3 receive window of a connection, in bytes.
    pub h2_connection_window: u32,
    /// HTTP/2 bytes buffered for sending, per stream.
    pub h2_send_buffer: usize,
    /// HTTP/3 handshakes under way, per address, above which a client must first prove its address
    /// (a QUIC Retry, one more round trip).
    pub h3_handshakes_unproven_max: usize,
    /// HTTP/3 requests that the client gave up before their answer was whole, or that had no head
    /// to answer; beyond, and if they are more than half of all: `H3_EXCESSIVE_LOAD`.
    pub h3_resets_max: u32,
    /// Interval of HTTP/2 and HTTP/3 keep-alive pings.
    pub h2_ping_interval: Duration,
    /// Time for the answer to such a ping; then the connection is closed.
    pub h2_ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            handshake_timeout: Duration::from_secs(10),
            head_bytes_max: 64 * 1024,
            headers_max: 100,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_bytes_max: 16 * 1024 * 1024 * 1024,
            body_idle_timeout: Duration::from_secs(30),
            write_idle_timeout: Duration::from_secs(60),
            h2_streams_max: 250,
            h2_pending_resets_max: 50,
            h2_error_resets_max: 256,
            h2_stream_window: 1024 * 1024,
            h2_connection_window: 4 * 1024 * 1024,
            h2_send_buffer: 256 * 1024,
            h3_handshakes_unproven_max: 256,
            h3_resets_max: 1000,
            h2_ping_interval: Duration::from_secs(30),
            h2_ping_timeout: Duration::from_secs(20),
        }
    }
}
