//! Addresses of a backend: an address as it stands, or a name resolved by the system, kept briefly.
//!
//! Denied addresses are filtered here, behind resolution, so that a name cannot smuggle one in.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use plan::region::Origin;

use super::UpstreamError;

/// Names kept; beyond that, all are forgotten and resolved again.
const NAMES_MAX: usize = 16_384;

/// The resolver of one worker.
#[derive(Debug)]
pub(super) struct Resolver {
    ttl: Duration,
    deny: Vec<IpNet>,
    names: Mutex<HashMap<Box<str>, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    addresses: Arc<[IpAddr]>,
    until: Instant,
}

impl Resolver {
    pub(super) fn new(ttl: Duration, deny: Vec<IpNet>) -> Self {
        Self {
            ttl,
            deny,
            names: Mutex::new(HashMap::new()),
        }
    }

    /// The addresses to try, in the resolver's order; never empty.
    pub(super) async fn addresses(
        &self,
        origin: &Origin,
    ) -> Result<Vec<SocketAddr>, UpstreamError> {
        let found = match origin.host.parse::<IpAddr>() {
            Ok(address) => Arc::from([address]),
            Err(_) => self.resolve(origin).await?,
        };
        let allowed: Vec<SocketAddr> = found
            .iter()
            .filter(|address| !self.is_denied(**address))
            .map(|address| SocketAddr::new(*address, origin.port))
            .collect();
        if allowed.is_empty() {
            Err(UpstreamError::Denied)
        } else {
            Ok(allowed)
        }
    }

    async fn resolve(&self, origin: &Origin) -> Result<Arc<[IpAddr]>, UpstreamError> {
        if let Some(known) = self.known(&origin.host) {
            return Ok(known);
        }
        let found = tokio::net::lookup_host((&*origin.host, origin.port)).await;
        let addresses: Arc<[IpAddr]> = match found {
            Ok(found) => found.map(|address| address.ip()).collect(),
            Err(error) => {
                tracing::debug!(host = %origin.host, %error, "backend's name does not resolve");
                return Err(UpstreamError::Unresolved);
            }
        };
        if addresses.is_empty() {
            return Err(UpstreamError::Unresolved);
        }
        let known = Known {
            addresses: Arc::clone(&addresses),
            until: Instant::now() + self.ttl,
        };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(origin.host.clone(), known);
        Ok(addresses)
    }

    fn known(&self, host: &str) -> Option<Arc<[IpAddr]>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.get(host)?;
        (known.until > Instant::now()).then(|| Arc::clone(&known.addresses))
    }

    fn is_denied(&self, address: IpAddr) -> bool {
        // An IPv4 address in IPv6 clothes is the same host.
        let address = address.to_canonical();
        self.deny.iter().any(|net| net.contains(&address))
    }
}
