//! What an operator may set, and the limits that are not settings.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::TransferKey;
use crate::geo::Geo;

/// Settings of the responder.
#[derive(Clone, Debug)]
pub struct DnsSettings {
    /// TTL of answers that are chosen per client, in seconds. 60 unless set: Amazon advises no
    /// more where health decides, and many resolvers take less as 60 anyway.
    pub ttl_s: u32,
    /// Protocols that HTTPS records name, best first. `h2`; none turns those records off.
    pub alpn: Vec<String>,
    /// Answers a second to one /24 or /56 about one name, or about missing names of one zone; ten
    /// times as many in all. Over UDP only, without a cookie of ours. 0 turns it off. 200.
    pub rate_s: u32,
    /// Networks without that limit. The loopback networks, from which nobody can be flooded.
    pub rate_exempt: Vec<IpNet>,
    /// What NSID (RFC 5001) tells; at most 64 bytes are. Nothing.
    pub id: String,
    /// The secret of cookies; nodes that share an address must share it. The default is all zero:
    /// give a random one.
    pub cookie_secret: [u8; 16],
    /// Keys of those who may copy zones (AXFR). None.
    pub transfer_keys: Vec<Arc<TransferKey>>,
    /// Where clients are of whom the configuration says nothing. Nothing.
    pub geo: Option<Arc<dyn Geo>>,
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
            rate_s: 200,
            rate_exempt: loopback(),
            id: String::new(),
            cookie_secret: [0; 16],
            alpn: vec!["h2".to_owned()],
            transfer_keys: Vec::new(),
            geo: None,
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

/// `127.0.0.0/8` and `::1`.
fn loopback() -> Vec<IpNet> {
    vec![
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    ]
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
