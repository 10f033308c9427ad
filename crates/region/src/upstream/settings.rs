//! Limits and trust of the connections to backends, with their defaults.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::AwsSettings;

/// Settings of the connections to backends. Limits count per worker and origin (scheme, host, port
/// and verified name), since each worker has connections of its own.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// Time for name resolution, TCP and TLS together; then the backend is unreachable (503).
    pub connect_timeout: Duration,
    /// Time an unused connection is kept.
    pub idle_timeout: Duration,
    /// Time a backend's body may stand still; then the answer is cut off.
    pub body_idle: Duration,
    /// Time an address is used before its name is resolved again.
    pub dns_ttl: Duration,
    /// Unused connections kept; one more is closed.
    pub idle_per_origin_max: usize,
    /// HTTP/1.1 connections in use at once; further requests wait for one.
    pub connections_per_origin_max: usize,
    /// Requests that wait for a connection; one more is answered 503.
    pub waiting_per_origin_max: usize,
    /// Addresses that no integration may reach, whatever its host resolves to.
    pub deny: Vec<IpNet>,
    /// Certificates (PEM) to trust beside the system's.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// Where AWS services are and who calls them; may be replaced at any time.
    pub aws: Arc<ArcSwap<AwsSettings>>,
}

impl Default for UpstreamSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(60),
            body_idle: Duration::from_secs(300),
            dns_ttl: Duration::from_secs(5),
            idle_per_origin_max: 256,
            connections_per_origin_max: 1024,
            waiting_per_origin_max: 4096,
            deny: link_local(),
            extra_ca_pem: None,
            aws: Arc::default(),
        }
    }
}

/// Where clouds serve the machine's own credentials: never a backend of an API.
fn link_local() -> Vec<IpNet> {
    use std::net::{Ipv4Addr, Ipv6Addr};
    let v4 = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16);
    let v6 = ipnet::Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
    vec![v4.into(), v6.into()]
}
