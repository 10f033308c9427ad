//! Projections of a configuration for nodes outside regions: no access keys, no authority's key, no
//! tokens, and only the certificates of names that the receiver serves.
//!
//! A projection is pure and ordered, so two regions at one revision produce the same bytes. One is
//! made from the one before: of a change to one API among thousands, only that API is projected.

mod digest;
mod parts;
mod project;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    ApiId, CertificateId, DomainId, EndpointType, Location, MapDelta, NodeId, Prior, Revision,
    SecurityPolicy, Table, Zone, codec::Level,
};

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
    /// At which it is written.
    pub format: Level,
    /// Names in node identities.
    pub cluster: String,
    /// The cluster's base domain.
    pub base_domain: String,
    /// Regions by name.
    pub regions: BTreeMap<String, Place>,
    /// APIs that POPs serve, by id.
    pub apis: Table<ApiId, EdgeApi>,
    /// Custom domains that POPs serve, by name.
    pub domains: Table<DomainId, EdgeDomain>,
    /// Certificates of names that POPs serve.
    pub certificates: Table<CertificateId, Arc<EdgeCertificate>>,
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
    /// At which it is written.
    pub format: Level,
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
    pub apis: Table<ApiId, ZoneApi>,
    /// Custom domains by name.
    pub domains: Table<DomainId, ZoneDomain>,
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
    certificates: MapDelta<CertificateId, Arc<EdgeCertificate>>,
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
    /// What leads from `self` to `new`; none when only a snapshot can.
    #[must_use]
    pub fn delta(&self, new: &Self) -> Option<EdgeDelta> {
        let same = (&self.cluster, &self.base_domain, self.format)
            == (&new.cluster, &new.base_domain, new.format);
        same.then(|| EdgeDelta {
            revision: new.revision,
            regions: MapDelta::between(&self.regions, &new.regions),
            apis: MapDelta::between_tables(&self.apis, &new.apis),
            domains: MapDelta::between_tables(&self.domains, &new.domains),
            certificates: MapDelta::between_tables(&self.certificates, &new.certificates),
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
        delta.apis.apply_to(&mut next.apis);
        delta.domains.apply_to(&mut next.domains);
        delta.certificates.apply_to(&mut next.certificates);
        delta.challenges.apply(&mut next.challenges);
        delta.pops.apply(&mut next.pops);
        next
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
    /// What leads from `self` to `new`; none when only a snapshot can.
    #[must_use]
    pub fn delta(&self, new: &Self) -> Option<ZoneDelta> {
        let same = (&self.cluster, &self.base_domain, self.format)
            == (&new.cluster, &new.base_domain, new.format);
        same.then(|| ZoneDelta {
            revision: new.revision,
            regions: MapDelta::between(&self.regions, &new.regions),
            pops: MapDelta::between(&self.pops, &new.pops),
            dns: new.dns.clone(),
            apis: MapDelta::between_tables(&self.apis, &new.apis),
            domains: MapDelta::between_tables(&self.domains, &new.domains),
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
        delta.apis.apply_to(&mut next.apis);
        delta.domains.apply_to(&mut next.domains);
        delta.zones.apply(&mut next.zones);
        delta.priors.apply(&mut next.priors);
        delta.challenges.apply(&mut next.challenges);
        delta.certificates.apply(&mut next.certificates);
        next
    }
}
