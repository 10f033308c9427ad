//! Projections of a configuration for nodes outside regions: no access keys, no authority's key, no
//! tokens, and only the certificates of names that the receiver serves.
//!
//! A projection is pure and ordered, so two regions at one revision produce the same bytes.

mod parts;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    ApiId, CertificateId, Config, DomainId, EndpointType, Location, MapDelta, NodeId, NodeRole,
    Prior, Revision, SecurityPolicy, Zone,
};
use parts::{cluster_name, fingerprint, place, pop_places, region_places};

/// A region or POP with its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// For distances, when known.
    pub location: Option<Location>,
    /// Its nodes.
    pub nodes: Vec<PlaceNode>,
}

/// A node of a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceNode {
    /// Its number.
    pub id: NodeId,
    /// Where other nodes reach it.
    pub link: std::net::SocketAddr,
    /// What clients are told.
    pub public: Vec<IpAddr>,
}

/// What a POP needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeView {
    /// Of the configuration it was projected from.
    pub revision: Revision,
    /// Names in node identities.
    pub cluster: String,
    /// The cluster's base domain.
    pub base_domain: String,
    /// Regions by name.
    pub regions: BTreeMap<String, Place>,
    /// APIs that POPs serve, by id.
    pub apis: BTreeMap<ApiId, EdgeApi>,
    /// Custom domains that POPs serve, by name.
    pub domains: BTreeMap<DomainId, EdgeDomain>,
    /// Certificates of names that POPs serve.
    pub certificates: BTreeMap<CertificateId, EdgeCertificate>,
    /// Answers to ACME challenges for names that POPs serve.
    pub challenges: BTreeMap<CertificateId, Vec<crate::ChallengeAnswer>>,
    /// POPs by name: calls may go by way of another one.
    pub pops: BTreeMap<String, Place>,
}

/// What a POP knows of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeApi {
    /// Its default endpoint does not answer.
    pub default_endpoint_disabled: bool,
    /// Rises whenever its cached answers must no longer be used (deployment, cache flush).
    pub generation: u64,
}

/// What a POP knows of a custom domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeDomain {
    /// The first label of its target name.
    pub target: String,
    /// APIs it leads to; their generations are part of its cache keys.
    pub apis: Vec<ApiId>,
    /// Differs whenever a mapping differs; part of its cache keys too.
    pub mappings: u64,
    /// Of handshakes for its name.
    pub security_policy: SecurityPolicy,
}

/// A certificate with its key, for a name the POP serves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeCertificate {
    /// Names it is served for.
    pub names: Vec<String>,
    /// Leaf first, DER.
    pub chain_der: Vec<Vec<u8>>,
    /// PKCS#8 DER.
    pub key_der: Vec<u8>,
}

/// What a DNS node needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneView {
    /// Of the configuration it was projected from.
    pub revision: Revision,
    /// Names in node identities.
    pub cluster: String,
    /// The cluster's base domain.
    pub base_domain: String,
    /// Regions by name.
    pub regions: BTreeMap<String, Place>,
    /// POPs by name.
    pub pops: BTreeMap<String, Place>,
    /// DNS nodes.
    pub dns: Vec<PlaceNode>,
    /// All APIs with a public endpoint, by id.
    pub apis: BTreeMap<ApiId, ZoneApi>,
    /// Custom domains by name.
    pub domains: BTreeMap<DomainId, ZoneDomain>,
    /// Zones by name.
    pub zones: BTreeMap<String, Arc<Zone>>,
    /// Where clients are taken to be.
    pub priors: BTreeMap<IpNet, Arc<Prior>>,
    /// TXT records that answer ACME challenges, by full name.
    pub challenges: BTreeMap<String, Vec<String>>,
    /// Certificates of the DNS nodes' own names.
    pub certificates: BTreeMap<CertificateId, EdgeCertificate>,
}

/// What DNS knows of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneApi {
    /// POPs' or regions' addresses.
    pub endpoint: EndpointType,
    /// Whether IPv6 addresses are answered.
    pub dualstack: bool,
}

/// What DNS knows of a custom domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneDomain {
    /// The first label of its target name.
    pub target: String,
    /// POPs' or regions' addresses.
    pub endpoint: EndpointType,
    /// Whether IPv6 addresses are answered.
    pub dualstack: bool,
}

/// What leads from one `EdgeView` to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeDelta {
    /// Replaces the view's revision.
    pub revision: Revision,
    regions: MapDelta<String, Place>,
    apis: MapDelta<ApiId, EdgeApi>,
    domains: MapDelta<DomainId, EdgeDomain>,
    certificates: MapDelta<CertificateId, EdgeCertificate>,
    challenges: MapDelta<CertificateId, Vec<crate::ChallengeAnswer>>,
    pops: MapDelta<String, Place>,
}

/// What leads from one `ZoneView` to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneDelta {
    /// Replaces the view's revision.
    pub revision: Revision,
    regions: MapDelta<String, Place>,
    pops: MapDelta<String, Place>,
    dns: Vec<PlaceNode>,
    apis: MapDelta<ApiId, ZoneApi>,
    domains: MapDelta<DomainId, ZoneDomain>,
    zones: MapDelta<String, Arc<Zone>>,
    priors: MapDelta<IpNet, Arc<Prior>>,
    challenges: MapDelta<String, Vec<String>>,
    certificates: MapDelta<CertificateId, EdgeCertificate>,
}

// === impl EdgeView ===

impl EdgeView {
    /// Projects `config` for POPs.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let on_pops = |endpoint: EndpointType| endpoint == EndpointType::Edge;
        let apis = config.apis.values().filter(|api| on_pops(api.endpoint));
        let domains = config
            .domains
            .values()
            .filter(|domain| on_pops(domain.endpoint));
        Self {
            revision: config.revision,
            cluster: cluster_name(config),
            base_domain: config.base_domain().to_owned(),
            regions: region_places(config),
            apis: apis.map(|api| (api.id.clone(), EdgeApi::of(api))).collect(),
            domains: domains
                .map(|domain| {
                    let mut apis: Vec<ApiId> = domain
                        .mappings
                        .values()
                        .map(|mapping| mapping.api.clone())
                        .collect();
                    apis.sort();
                    apis.dedup();
                    (
                        domain.name.clone(),
                        EdgeDomain {
                            target: domain.target.clone(),
                            apis,
                            mappings: fingerprint(&domain.mappings),
                            security_policy: domain.security_policy,
                        },
                    )
                })
                .collect(),
            certificates: config
                .certificates
                .values()
                .filter(|certificate| certificate.is_issued())
                .map(|certificate| {
                    let view = EdgeCertificate {
                        names: config.served_names(certificate, on_pops),
                        chain_der: certificate.chain_der.clone(),
                        key_der: certificate.key_der.clone(),
                    };
                    (certificate.id.clone(), view)
                })
                .filter(|(_, view)| !view.names.is_empty())
                .collect(),
            challenges: crate::acme::edge_challenges(config),
            pops: pop_places(config),
        }
    }

    /// What leads from `self` to `new`; none when only a snapshot can.
    #[must_use]
    pub fn delta(&self, new: &Self) -> Option<EdgeDelta> {
        let same = self.cluster == new.cluster && self.base_domain == new.base_domain;
        same.then(|| EdgeDelta {
            revision: new.revision,
            regions: MapDelta::between(&self.regions, &new.regions),
            apis: MapDelta::between(&self.apis, &new.apis),
            domains: MapDelta::between(&self.domains, &new.domains),
            certificates: MapDelta::between(&self.certificates, &new.certificates),
            challenges: MapDelta::between(&self.challenges, &new.challenges),
            pops: MapDelta::between(&self.pops, &new.pops),
        })
    }

    /// The view that `delta` leads to.
    #[must_use]
    pub fn after(&self, delta: EdgeDelta) -> Self {
        let mut next = self.clone();
        next.revision = delta.revision;
        delta.regions.apply(&mut next.regions);
        delta.apis.apply(&mut next.apis);
        delta.domains.apply(&mut next.domains);
        delta.certificates.apply(&mut next.certificates);
        delta.challenges.apply(&mut next.challenges);
        delta.pops.apply(&mut next.pops);
        next
    }
}

impl EdgeApi {
    fn of(api: &crate::Api) -> Self {
        Self {
            default_endpoint_disabled: api.disable_execute_api_endpoint,
            generation: api.served.0,
        }
    }
}

impl std::fmt::Debug for EdgeCertificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("EdgeCertificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

// === impl ZoneView ===

impl ZoneView {
    /// Projects `config` for DNS nodes.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let public = |endpoint: EndpointType| endpoint != EndpointType::Private;
        let dualstack = |kind: crate::IpAddressType| kind == crate::IpAddressType::Dualstack;
        Self {
            revision: config.revision,
            cluster: cluster_name(config),
            base_domain: config.base_domain().to_owned(),
            regions: region_places(config),
            pops: pop_places(config),
            dns: place(config, &NodeRole::Dns, None).nodes,
            apis: config
                .apis
                .values()
                .filter(|api| public(api.endpoint))
                .map(|api| {
                    let dualstack = dualstack(api.ip_address_type);
                    (
                        api.id.clone(),
                        ZoneApi {
                            endpoint: api.endpoint,
                            dualstack,
                        },
                    )
                })
                .collect(),
            domains: config
                .domains
                .values()
                .filter(|domain| public(domain.endpoint))
                .map(|domain| {
                    let view = ZoneDomain {
                        target: domain.target.clone(),
                        endpoint: domain.endpoint,
                        dualstack: dualstack(domain.ip_address_type),
                    };
                    (domain.name.clone(), view)
                })
                .collect(),
            zones: config.zones.clone(),
            priors: config.priors.clone(),
            challenges: crate::acme::zone_challenges(config),
            certificates: crate::name_servers::certificates(config),
        }
    }

    /// What leads from `self` to `new`; none when only a snapshot can.
    #[must_use]
    pub fn delta(&self, new: &Self) -> Option<ZoneDelta> {
        let same = self.cluster == new.cluster && self.base_domain == new.base_domain;
        same.then(|| ZoneDelta {
            revision: new.revision,
            regions: MapDelta::between(&self.regions, &new.regions),
            pops: MapDelta::between(&self.pops, &new.pops),
            dns: new.dns.clone(),
            apis: MapDelta::between(&self.apis, &new.apis),
            domains: MapDelta::between(&self.domains, &new.domains),
            zones: MapDelta::between(&self.zones, &new.zones),
            priors: MapDelta::between(&self.priors, &new.priors),
            challenges: MapDelta::between(&self.challenges, &new.challenges),
            certificates: MapDelta::between(&self.certificates, &new.certificates),
        })
    }

    /// The view that `delta` leads to.
    #[must_use]
    pub fn after(&self, delta: ZoneDelta) -> Self {
        let mut next = self.clone();
        next.revision = delta.revision;
        delta.regions.apply(&mut next.regions);
        delta.pops.apply(&mut next.pops);
        next.dns = delta.dns;
        delta.apis.apply(&mut next.apis);
        delta.domains.apply(&mut next.domains);
        delta.zones.apply(&mut next.zones);
        delta.priors.apply(&mut next.priors);
        delta.challenges.apply(&mut next.challenges);
        delta.certificates.apply(&mut next.certificates);
        next
    }
}
