//! Settings of the DNS role.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

/// The DNS role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// UDP and TCP addresses to answer on.
    pub bind: Vec<SocketAddr>,
    /// Addresses to answer DNS over TLS on (RFC 7858).
    #[serde(default)]
    pub tls: Vec<SocketAddr>,
    /// DNS over QUIC (RFC 9250) on the UDP ports of `tls`.
    #[serde(default = "default_quic")]
    pub quic: bool,
    /// Addresses to answer DNS over HTTPS on (RFC 8484), by HTTP/1.1, 2 and 3.
    #[serde(default)]
    pub https: Vec<SocketAddr>,
    /// Addresses that the zone's NS records lead to.
    #[serde(default)]
    pub public: Vec<IpAddr>,
    /// A file of MaxMind's format that says where clients are of whom nothing else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_database: Option<PathBuf>,
    /// Protocols that the HTTPS records of API names announce, best first; none: no such records.
    #[serde(default = "default_alpn")]
    pub alpn: Vec<String>,
    /// What NSID tells; `node-` and the node's number unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nsid: Option<String>,
    /// UDP answers a second to one network (/24 or /56) about one name; 0: no limit.
    #[serde(default = "default_rate_s")]
    pub rate_s: u32,
    /// Networks without that limit; the loopback networks unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_exempt: Option<Vec<ipnet::IpNet>>,
    /// 32 hexadecimal digits, for nodes that share an address; random unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_secret: Option<String>,
    /// Who may copy zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfer_keys: Vec<TransferKey>,
}

/// A secret that lets its holder copy zones (AXFR with TSIG).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferKey {
    /// The name that both sides use for it.
    pub name: String,
    /// `hmac-sha256`, `hmac-sha384` or `hmac-sha512`.
    #[serde(default = "default_transfer_algorithm")]
    pub algorithm: String,
    /// Base64.
    pub secret: String,
    /// Zones it is good for; all unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
}

impl std::fmt::Debug for TransferKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "TransferKey({})", self.name)
    }
}

const fn default_quic() -> bool {
    true
}

fn default_transfer_algorithm() -> String {
    "hmac-sha256".to_owned()
}

const fn default_rate_s() -> u32 {
    200
}

fn default_alpn() -> Vec<String> {
    vec!["h3".to_owned(), "h2".to_owned()]
}
