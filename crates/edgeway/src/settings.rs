//! Settings of one node: one TOML file, typed, every default written here, unknown keys refused.
//!
//! Only what belongs to this machine stands here: addresses, folders, limits. What the cluster
//! shares (regions, APIs, keys, zones) is replicated configuration and never in this file. The
//! environment overrides secrets alone (`EDGEWAY_JOIN_TOKEN`), and what AWS tools read from it.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

mod aws;
mod check;
mod connector;
mod dns;
mod join;
mod private;
mod throttle;
mod tls;

pub(crate) use self::aws::Aws;
pub use self::check::SettingsError;
pub(crate) use self::connector::Connector;
pub(crate) use self::dns::{Dns, TransferKey};
pub(crate) use self::join::{Identity, Join};
pub(crate) use self::private::{Private, ProxyProtocol};
pub(crate) use self::throttle::Throttling;
pub(crate) use self::tls::Tls;

/// A node's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where identity, ledger and last known good configuration are kept.
    pub data_dir: PathBuf,
    /// Data-plane threads; 0 means one per core.
    #[serde(default)]
    pub workers: usize,
    /// `tracing` filter, such as `info` or `info,access=off`.
    #[serde(default = "default_log")]
    pub log: String,
    /// Shape of log lines.
    #[serde(default)]
    pub log_format: LogFormat,
    /// How long a draining node waits for requests to end.
    #[serde(default = "default_drain_s")]
    pub drain_s: u64,
    /// Seconds between leaving DNS and no longer accepting clients; on POPs, the TTL of DNS answers
    /// lets clients with an old answer finish there.
    #[serde(default)]
    pub leave_s: u64,
    /// Largest configuration view that a POP or DNS node takes; a larger one is refused and the one
    /// before stays.
    #[serde(default = "default_view_bytes_max")]
    pub view_bytes_max: usize,
    /// QUIC between nodes.
    pub link: Link,
    /// Metrics and readiness.
    #[serde(default)]
    pub ops: Ops,
    /// Only needed until the node has an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Present on a region node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Present on a POP node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pop: Option<Pop>,
    /// Calls of a region node to AWS services and functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
    /// Listeners of a region node for private networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<Private>,
    /// Present on a DNS node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// Present on a connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<Connector>,
}

/// Shapes of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for collectors.
    #[default]
    Json,
    /// For a person.
    Text,
}

/// QUIC between nodes, and HTTP/2 where QUIC does not get through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// UDP address to listen on, and TCP on the same port; port 0 is allowed.
    pub bind: SocketAddr,
    /// What other nodes are told; the bound address unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<SocketAddr>,
    /// HTTP/2 over TLS is taken, and tried where UDP does not pass.
    #[serde(default = "default_fallback")]
    pub fallback: bool,
}

/// Metrics and readiness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ops {
    /// Serves `/metrics`, `/ready` and `/live` over HTTP.
    pub bind: SocketAddr,
}

/// Where a node is, for distances.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
}

/// The region role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// HTTP listeners for clients of regional endpoints.
    #[serde(default)]
    pub http: Vec<SocketAddr>,
    /// HTTPS listeners for clients of regional endpoints.
    #[serde(default)]
    pub https: Vec<SocketAddr>,
    /// A balancer in front of `http` and `https` says who clients are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// HTTP/3 on the UDP ports of `https`.
    #[serde(default = "default_h3")]
    pub h3: bool,
    /// Seconds for which clients may remember that HTTP/3 is spoken here (`Alt-Svc`); 0: not told.
    #[serde(default = "default_alt_svc_max_age_s")]
    pub alt_svc_max_age_s: u64,
    /// The management API over plain HTTP; on loopback, unless `management_http_anywhere`.
    pub management: SocketAddr,
    /// Plain HTTP may be spoken to other machines: secrets in answers can be read on the way.
    #[serde(default)]
    pub management_http_anywhere: bool,
    /// The management API over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_https: Option<SocketAddr>,
    /// Its certificate chain, PEM; one of the cluster's authority unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_certificate_file: Option<PathBuf>,
    /// Its key, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_key_file: Option<PathBuf>,
    /// The management API's URL as others reach it; made from the bound address unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_url: Option<String>,
    /// Addresses that DNS answers for this region.
    #[serde(default)]
    pub public: Vec<IpAddr>,
    /// Where the region is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Place>,
    /// A file of MaxMind's format that says where clients are of whom nothing else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_database: Option<PathBuf>,
    /// A PEM file of certificate authorities trusted for backends, besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_ca_file: Option<PathBuf>,
    /// TLS towards clients.
    #[serde(default)]
    pub tls: Tls,
    /// Raft's clocks.
    #[serde(default)]
    pub raft: RaftClocks,
    /// Seconds between two latency maps; the same on all region nodes.
    #[serde(default = "latency_epoch_s")]
    pub latency_epoch_s: u64,
    /// Limits towards clients.
    #[serde(default)]
    pub limits: ClientLimits,
    /// How rates and quotas of REST APIs are kept; the same on all region nodes.
    #[serde(default)]
    pub throttle: Throttling,
}

/// Raft's clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RaftClocks {
    /// Members up to 150 ms apart: heartbeat 500 ms, election 2 to 4 s.
    #[default]
    Wide,
    /// Members on one machine: heartbeat 100 ms, election 400 to 800 ms.
    Local,
}

/// The POP role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pop {
    /// HTTP listeners for clients.
    #[serde(default)]
    pub http: Vec<SocketAddr>,
    /// HTTPS listeners for clients.
    #[serde(default)]
    pub https: Vec<SocketAddr>,
    /// A balancer in front of `http` and `https` says who clients are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// HTTP/3 on the UDP ports of `https`.
    #[serde(default = "default_h3")]
    pub h3: bool,
    /// Seconds for which clients may remember that HTTP/3 is spoken here (`Alt-Svc`); 0: not told.
    #[serde(default = "default_alt_svc_max_age_s")]
    pub alt_svc_max_age_s: u64,
    /// Addresses that DNS answers for this POP.
    #[serde(default)]
    pub public: Vec<IpAddr>,
    /// Where the POP is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Place>,
    /// TLS towards clients.
    #[serde(default)]
    pub tls: Tls,
    /// Bytes of answers kept in memory.
    #[serde(default = "default_cache_bytes")]
    pub cache_bytes: u64,
    /// Makes gzip and br of stored answers.
    #[serde(default = "default_compress")]
    pub compress: bool,
    /// Answers tell which region they came from (`Server-Timing`).
    #[serde(default)]
    pub debug_headers: bool,
    /// Load beyond which DNS sends a part of the clients elsewhere.
    #[serde(default)]
    pub load_cap: LoadCap,
    /// Calls by way of another POP.
    #[serde(default)]
    pub relay: Relay,
    /// Limits towards clients.
    #[serde(default)]
    pub limits: ClientLimits,
}

/// How much a node bears; 0 for no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadCap {
    /// Requests a second.
    pub rps: u64,
    /// Open connections of clients.
    pub connections: u64,
}

/// Whether POPs forward for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relay {
    /// The POP neither asks others nor listens for them.
    #[default]
    Off,
    /// It listens on `link.bind`, and calls go by another POP where that is clearly shorter, or the
    /// only way.
    Auto,
}

/// Limits towards clients of a data-plane listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientLimits {
    /// Bytes of a request body; streamed, so it costs no memory.
    pub body_bytes_max: u64,
    /// Milliseconds for a request's head to arrive.
    pub head_timeout_ms: u64,
    /// Milliseconds without a byte of a request's body.
    pub body_idle_timeout_ms: u64,
}

// === impl Settings ===

impl Settings {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Names the file and the key.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::read(path, &text)
    }

    /// Reads and checks the text of a file.
    pub(crate) fn read(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| SettingsError::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        settings.check()?;
        Ok(settings)
    }

    /// Data-plane threads to run.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        if self.workers > 0 {
            return self.workers;
        }
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    /// Where the node's identity is kept.
    #[must_use]
    pub fn identity_dir(&self) -> PathBuf {
        self.data_dir.join("identity")
    }

    /// As a file's text.
    ///
    /// # Errors
    /// Never for settings that were checked.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 9100)),
        }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 30,
            head_timeout_ms: 10_000,
            body_idle_timeout_ms: 30_000,
        }
    }
}

const fn latency_epoch_s() -> u64 {
    60
}

fn default_log() -> String {
    "info,openraft=warn".to_owned()
}

const fn default_drain_s() -> u64 {
    10
}

/// Below what one feed frame may hold.
pub(crate) const fn default_view_bytes_max() -> usize {
    48 << 20
}

const fn default_fallback() -> bool {
    true
}

const fn default_h3() -> bool {
    true
}

const fn default_alt_svc_max_age_s() -> u64 {
    24 * 60 * 60
}

const fn default_compress() -> bool {
    true
}

const fn default_cache_bytes() -> u64 {
    256 << 20
}

#[cfg(test)]
mod tests;
