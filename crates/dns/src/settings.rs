//! What an operator may set, and the limits that are not settings.

use std::time::Duration;

/// Settings of the responder.
#[derive(Clone, Debug)]
pub struct DnsSettings {
    /// TTL of answers that are chosen per client, in seconds. 60 unless set: Amazon advises no
    /// more where health decides, and many resolvers take less as 60 anyway.
    pub ttl_s: u32,
    /// Protocols that HTTPS records name, best first. `h2`; none turns those records off.
    pub alpn: Vec<String>,
    /// Limits.
    pub limits: Limits,
}

/// Limits of the sockets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// TCP connections open at a time, over all workers; another one is closed at once. 1,024.
    pub tcp_connections_max: usize,
    /// A TCP connection on which no whole query has arrived for so long is closed. 10 s, as RFC
    /// 7766 (section 6.2.3) asks for "the order of a few seconds".
    pub tcp_idle: Duration,
    /// A client that does not take its answers for so long is cut off. 5 s.
    pub tcp_write: Duration,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            ttl_s: 60,
            alpn: vec!["h2".to_owned()],
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tcp_connections_max: 1_024,
            tcp_idle: Duration::from_secs(10),
            tcp_write: Duration::from_secs(5),
        }
    }
}

/// Longest query that is read. What a resolver may ask fits in 512 bytes with room to spare.
pub(crate) const QUERY_BYTES_MAX: usize = 4_096;
/// Longest UDP answer, whatever the client can take: no fragments on any usual path (DNS Flag Day
/// 2020).
pub(crate) const UDP_ANSWER_BYTES_MAX: u16 = 1_232;
/// Longest UDP answer to a client without EDNS (RFC 1035, section 4.2.1).
pub(crate) const PLAIN_ANSWER_BYTES_MAX: u16 = 512;
/// Addresses in one steered answer; more would only make it larger.
pub(crate) const ADDRESSES_MAX: usize = 8;
/// Aliases followed for one question; a chain of more is answered as far as it was followed.
pub(crate) const ALIASES_MAX: usize = 8;
/// Queries taken from a UDP socket before the worker looks after its other tasks.
pub(crate) const UDP_BATCH: usize = 64;
/// Asked of the kernel for each UDP socket: about 50 ms of queries at a million a second.
pub(crate) const UDP_SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Answers gathered for one TCP connection before they are written.
pub(crate) const TCP_GATHER_BYTES: usize = 64 << 10;
