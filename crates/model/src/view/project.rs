//! From one projection to the next: only resources that the configuration has replaced are looked
//! at, however many there are.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    EdgeApi, EdgeCertificate, EdgeDomain, EdgeView, ZoneApi, ZoneDomain, ZoneView,
    parts::{cluster_name, fingerprint, place, pop_places, region_places},
};
use crate::{
    Api, ApiId, CertificateId, Config, DomainName, EndpointType, IpAddressType, NodeRole, Table,
};

impl EdgeView {
    /// Projects `config` for POPs.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::default().next(&Config::default(), config)
    }

    /// Projects `config`; `self` is the projection of `before`. The result is the same as `of`.
    #[must_use]
    pub fn next(&self, before: &Config, config: &Config) -> Self {
        let api = |api: &Api| on_pops(api.endpoint).then(|| EdgeApi::of(api));
        let domain = |domain: &DomainName| on_pops(domain.endpoint).then(|| EdgeDomain::of(domain));
        Self {
            revision: config.revision,
            format: config.format(),
            cluster: cluster_name(config),
            base_domain: config.base_domain().to_owned(),
            regions: region_places(config),
            apis: projected(&self.apis, &before.apis, &config.apis, api),
            domains: projected(&self.domains, &before.domains, &config.domains, domain),
            certificates: self.next_certificates(before, config),
            challenges: crate::acme::edge_challenges(config),
            pops: pop_places(config),
        }
    }

    fn next_certificates(
        &self,
        before: &Config,
        config: &Config,
    ) -> Table<CertificateId, Arc<EdgeCertificate>> {
        let same = config.domains.is_copy_of(&before.domains)
            && same_objects(&config.certificates, &before.certificates)
            && same_objects(&config.nodes, &before.nodes)
            && config.base_domain() == before.base_domain();
        if same {
            return self.certificates.clone();
        }
        let mut next = self.certificates.clone();
        for id in self.certificates.keys() {
            if !config.certificates.contains_key(id.as_str()) {
                next.remove(id);
            }
        }
        let names = config.served_names(on_pops);
        for (id, certificate) in &config.certificates {
            let names = names.get(id).filter(|_| certificate.is_issued());
            let Some(names) = names else {
                next.remove(id);
                continue;
            };
            let view = EdgeCertificate {
                names: names.clone(),
                chain_der: certificate.chain_der.clone(),
                key_der: certificate.key_der.clone(),
            };
            if next.get(id).is_none_or(|known| **known != view) {
                next.insert(id.clone(), Arc::new(view));
            }
        }
        next
    }
}

impl ZoneView {
    /// Projects `config` for DNS nodes.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::default().next(&Config::default(), config)
    }

    /// Projects `config`; `self` is the projection of `before`. The result is the same as `of`.
    #[must_use]
    pub fn next(&self, before: &Config, config: &Config) -> Self {
        let api = |api: &Api| public(api.endpoint).then(|| ZoneApi::of(api));
        let domain = |domain: &DomainName| public(domain.endpoint).then(|| ZoneDomain::of(domain));
        Self {
            revision: config.revision,
            format: config.format(),
            cluster: cluster_name(config),
            base_domain: config.base_domain().to_owned(),
            regions: region_places(config),
            pops: pop_places(config),
            dns: place(config, &NodeRole::Dns, None).nodes,
            apis: projected(&self.apis, &before.apis, &config.apis, api),
            domains: projected(&self.domains, &before.domains, &config.domains, domain),
            zones: config.zones.clone(),
            priors: config.priors.clone(),
            challenges: crate::acme::zone_challenges(config),
            certificates: crate::name_servers::certificates(config),
        }
    }
}

impl EdgeApi {
    fn of(api: &Api) -> Self {
        Self {
            default_endpoint_disabled: api.disable_execute_api_endpoint,
            generation: api.served.0,
        }
    }
}

impl EdgeDomain {
    fn of(domain: &DomainName) -> Self {
        let mappings = domain.mappings.values();
        let mut apis: Vec<ApiId> = mappings.map(|mapping| mapping.api.clone()).collect();
        apis.sort();
        apis.dedup();
        Self {
            target: domain.target.clone(),
            apis,
            mappings: fingerprint(&domain.mappings),
            security_policy: domain.security_policy,
        }
    }
}

impl ZoneApi {
    fn of(api: &Api) -> Self {
        Self {
            endpoint: api.endpoint,
            dualstack: api.ip_address_type == IpAddressType::Dualstack,
        }
    }
}

impl ZoneDomain {
    fn of(domain: &DomainName) -> Self {
        Self {
            target: domain.target.clone(),
            endpoint: domain.endpoint,
            dualstack: domain.ip_address_type == IpAddressType::Dualstack,
        }
    }
}

fn on_pops(endpoint: EndpointType) -> bool {
    endpoint == EndpointType::Edge
}

fn public(endpoint: EndpointType) -> bool {
    endpoint != EndpointType::Private
}

/// The projection of `new`, from that of `old`.
fn projected<K: Ord + Clone, S, V: Clone + PartialEq>(
    last: &Table<K, V>,
    old: &Table<K, Arc<S>>,
    new: &Table<K, Arc<S>>,
    project: impl Fn(&S) -> Option<V>,
) -> Table<K, V> {
    let mut next = last.clone();
    new.changes(old, Arc::ptr_eq, |key, _, source| {
        match source.and_then(|source| project(source)) {
            // What is projected to the same leaves the table as it was.
            Some(view) if next.get(key) == Some(&view) => {}
            Some(view) => drop(next.insert(key.clone(), view)),
            None => drop(next.remove(key)),
        }
    });
    next
}

/// Whether two maps hold the very same objects.
fn same_objects<K: Ord, V>(one: &BTreeMap<K, Arc<V>>, two: &BTreeMap<K, Arc<V>>) -> bool {
    let mut pairs = one.iter().zip(two);
    one.len() == two.len() && pairs.all(|((a, x), (b, y))| a == b && Arc::ptr_eq(x, y))
}
