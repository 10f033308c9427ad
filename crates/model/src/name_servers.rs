//! The names of DNS nodes, and the certificates for them.
//!
//! Clients that ask over TLS, QUIC or HTTPS check such a name. The cluster's authority issues one
//! certificate for all of them; one that was imported (or issued by ACME) for such a name is used
//! instead where it fits. POPs and regions never get these.

use std::collections::BTreeMap;

use crate::{CertificateId, Config, EdgeCertificate, NodeRole};

impl Config {
    /// `ns1`, `ns2` ... below the base domain: the DNS nodes in order of their numbers. A zone has
    /// a name server even before a DNS node has joined.
    #[must_use]
    pub fn name_servers(&self) -> Vec<String> {
        let base = self.base_domain();
        let nodes = self.nodes.values();
        let count = nodes.filter(|node| node.role == NodeRole::Dns).count();
        let numbers = 1..=count.max(1);
        numbers.map(|number| format!("ns{number}.{base}")).collect()
    }
}

/// Certificates with the names of DNS nodes that handshakes are answered with them for.
pub(crate) fn certificates(config: &Config) -> BTreeMap<CertificateId, EdgeCertificate> {
    let servers = config.name_servers();
    let issued = config.certificates.values().filter(|one| one.is_issued());
    let views = issued.map(|certificate| {
        let names = servers.iter().filter(|server| {
            let covers = |name: &String| name == *server || wildcard_of(server) == *name;
            certificate.names.iter().any(covers)
                // What others have signed is believed by more clients than what we sign.
                && (!certificate.own || !covered_by_others(config, server))
        });
        let view = EdgeCertificate {
            names: names.cloned().collect(),
            chain_der: certificate.chain_der.clone(),
            key_der: certificate.key_der.clone(),
        };
        (certificate.id.clone(), view)
    });
    views.filter(|(_, view)| !view.names.is_empty()).collect()
}

fn covered_by_others(config: &Config, server: &str) -> bool {
    let others = config.certificates.values();
    let mut others = others.filter(|one| !one.own && one.is_issued());
    let wildcard = wildcard_of(server);
    others.any(|one| {
        one.names
            .iter()
            .any(|name| name == server || *name == wildcard)
    })
}

fn wildcard_of(server: &str) -> String {
    let (_, above) = server.split_once('.').unwrap_or_default();
    format!("*.{above}")
}
