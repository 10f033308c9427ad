//! Settings of listeners for private networks, and of what balancers in front of listeners may say.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{SettingsError, check::bad};

/// Listeners of one node for private networks.
const LISTENERS_MAX: usize = 64;
/// Endpoints that one listener may serve.
const ENDPOINTS_MAX: usize = 256;

/// A listener for clients in a private network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    /// The endpoint that connections belong to, unless a balancer names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// HTTP addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<SocketAddr>,
    /// HTTPS addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub https: Vec<SocketAddr>,
    /// A network device; what arrives by others is not heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Networks of clients; all unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<IpNet>,
    /// A balancer in front says who clients are, and may say by which endpoint they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// A PEM file of authorities; clients then need certificates of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
    /// Addresses of a resolver view that answers the endpoint's names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<SocketAddr>,
    /// Resolvers that are asked for all other names; those are refused unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_forward: Vec<SocketAddr>,
}

/// The PROXY protocol, version 2: every connection must begin with its header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyProtocol {
    /// Peers that are believed; connections of all others are closed.
    pub trusted: Vec<IpNet>,
    /// Endpoints that the header may name, besides the listener's own (type 0xEA, Amazon).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoint_ids: Vec<String>,
    /// Endpoints by the number of the link that the header names (type 0xEE, Azure).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub azure_links: BTreeMap<String, String>,
}

impl ProxyProtocol {
    /// As listeners want it.
    #[must_use]
    pub(crate) fn door(&self) -> serve::ProxyProtocol {
        serve::ProxyProtocol {
            trusted: self.trusted.clone(),
        }
    }

    /// On a listener that is not private, endpoints mean nothing.
    pub(super) fn check_public(&self, key: &str) -> Result<(), SettingsError> {
        self.check(key)?;
        if !self.endpoint_ids.is_empty() || !self.azure_links.is_empty() {
            return Err(bad(
                key,
                "only listeners of [[private]] belong to endpoints",
            ));
        }
        Ok(())
    }

    fn check(&self, key: &str) -> Result<(), SettingsError> {
        if self.trusted.is_empty() {
            let key = format!("{key}.trusted");
            return Err(bad(&key, "give the networks of the balancers in front"));
        }
        Ok(())
    }
}

impl Private {
    /// Checks all listeners of a node.
    pub(super) fn check_all(all: &[Self]) -> Result<(), SettingsError> {
        if all.len() > LISTENERS_MAX {
            return Err(bad("private", &format!("at most {LISTENERS_MAX}")));
        }
        for (at, one) in all.iter().enumerate() {
            one.check(&format!("private[{at}]"))?;
            let same = |other: &Self| other.name() == one.name();
            if all.iter().filter(|other| same(other)).count() > 1 {
                let key = format!("private[{at}].endpoint_id");
                return Err(bad(&key, "an endpoint has one listener at a node"));
            }
        }
        Ok(())
    }

    fn check(&self, key: &str) -> Result<(), SettingsError> {
        let bad = |field: &str, reason: &str| Err(bad(&format!("{key}.{field}"), reason));
        if self.http.is_empty() && self.https.is_empty() {
            return bad("http", "give at least one address in http or https");
        }
        if self.ids().next().is_none() {
            return bad("endpoint_id", "give the endpoint that clients come by");
        }
        if self.ids().count() > ENDPOINTS_MAX {
            return bad(
                "proxy_protocol",
                &format!("at most {ENDPOINTS_MAX} endpoints"),
            );
        }
        if let Some(id) = self.ids().find(|id| !is_endpoint(id)) {
            let reason = format!("'{id}' is no endpoint: write vpce- and 8 to 17 of 0-9a-f");
            return bad("endpoint_id", &reason);
        }
        if let Some(proxy) = &self.proxy_protocol {
            proxy.check(&format!("{key}.proxy_protocol"))?;
            if proxy
                .azure_links
                .keys()
                .any(|link| link.parse::<u32>().is_err())
            {
                let reason = "the number of a link is below 4294967296";
                return bad("proxy_protocol.azure_links", reason);
            }
        }
        self.check_reach(key)?;
        if self.client_ca_file.is_some() && !self.http.is_empty() {
            return bad(
                "client_ca_file",
                "plain HTTP has no certificates: give https alone",
            );
        }
        if self.dns.is_empty() && !self.dns_forward.is_empty() {
            return bad("dns", "needed where dns_forward is given");
        }
        if !self.dns.is_empty() && self.endpoint_id.is_none() {
            return bad(
                "endpoint_id",
                "needed for dns: whose names the view answers",
            );
        }
        Ok(())
    }

    /// A listener on all addresses that asks nobody where they come from would be a public one.
    fn check_reach(&self, key: &str) -> Result<(), SettingsError> {
        let is_wide = |addr: &SocketAddr| addr.ip().is_unspecified();
        let clients = self.http.iter().chain(&self.https).any(is_wide);
        let bounded = self.interface.is_some() || !self.allowed_cidrs.is_empty();
        let balanced = self.proxy_protocol.is_some();
        // Whoever may ask a view may have all other names looked up by it.
        let resolver = self.dns.iter().any(is_wide);
        if !bounded && (resolver || (clients && !balanced)) {
            return Err(bad(
                &format!("{key}.allowed_cidrs"),
                "on all addresses it needs allowed_cidrs, an interface or trusted balancers",
            ));
        }
        if self
            .interface
            .as_deref()
            .is_some_and(|name| !is_device(name))
        {
            let reason = "the name of a network device: up to 15 characters";
            return Err(bad(&format!("{key}.interface"), reason));
        }
        Ok(())
    }

    /// Tells listeners apart, in metrics too.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        self.ids().next().unwrap_or_default()
    }

    /// All endpoints that connections may belong to, the own one first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let proxy = self.proxy_protocol.iter();
        let named =
            proxy.flat_map(|proxy| proxy.endpoint_ids.iter().chain(proxy.azure_links.values()));
        self.endpoint_id.iter().chain(named).map(String::as_str)
    }
}

fn is_endpoint(id: &str) -> bool {
    let digits = id.strip_prefix("vpce-").unwrap_or_default();
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (8..=17).contains(&digits.len()) && digits.bytes().all(hex)
}

fn is_device(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/')
}
