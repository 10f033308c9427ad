//! What a POP executes: from a request's host to the API behind it, and the regions to forward to.
//!
//! A host is looked up once per request, so the lookup neither allocates (for a host in lower case,
//! which is what every client sends) nor depends on how many regions there are: default endpoints
//! are taken apart instead of being listed once per region. Routes, stages and mappings are not
//! known here: a POP forwards, a region routes.

mod hosts;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use model::{
    ApiId, CertificateId, DomainId, EdgeCertificate, EdgeView, Location, NodeId, Place, RegionName,
    Revision, SecurityPolicy, Table,
};

use crate::{Diagnostic, shards::Shards};

/// The label between an API's id and its region in a default endpoint.
const EXECUTE: &str = "execute-api";

/// Longest host that can be found: 253 characters of a name, a final dot and a port.
const HOST_LEN_MAX: usize = 260;

/// The executable form of an [`EdgeView`]. Immutable; a newer view makes a new plan.
#[derive(Clone, Debug, Default)]
pub struct EdgePlan {
    view: Arc<EdgeView>,
    apis: Shards<ApiId, Arc<EdgeHost>>,
    domains: Shards<Box<str>, Arc<EdgeHost>>,
    /// By the part behind `*.`.
    wildcards: Shards<Box<str>, Arc<EdgeHost>>,
    /// The domains that lead to an API, whose hosts change when it does.
    users: Table<ApiId, Arc<BTreeSet<DomainId>>>,
    /// What is wrong, by domain.
    faults: Table<DomainId, &'static str>,
    /// Hosts that were made for this plan and not taken from the last.
    made: usize,
    regions: Vec<EdgeRegion>,
    region_names: BTreeSet<Box<str>>,
    broken_certificates: BTreeSet<CertificateId>,
}

/// What a host leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeHost {
    /// Which kind of name the host is.
    pub kind: HostKind,
    /// The APIs it may lead to: one for a default endpoint, any number for a custom domain.
    pub apis: Vec<ApiId>,
    /// Part of every cache key: another value makes what is cached unreachable. It changes with
    /// each deployment, cache flush and mapping change, and says nothing about order.
    pub generation: u64,
    /// The owner turned this default endpoint off.
    pub disabled: bool,
}

/// Kinds of host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// `{api}.execute-api.{region}.{base}`.
    Default,
    /// A custom domain, exact or through its wildcard.
    Custom,
}

/// A region that requests may be forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeRegion {
    /// Such as `us-east-1`.
    pub name: RegionName,
    /// For distances, when known.
    pub location: Option<Location>,
    /// Its nodes; may be none.
    pub nodes: Vec<EdgeNode>,
}

/// A node of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeNode {
    /// Its number.
    pub id: NodeId,
    /// Where it is reached over QUIC.
    pub link: SocketAddr,
}

impl EdgePlan {
    /// Compiles a view. What cannot be used is left out and named in the diagnostics; the rest
    /// works. The view is kept, so that keys and certificates exist once.
    #[must_use]
    pub fn compile(view: &Arc<EdgeView>) -> (Self, Vec<Diagnostic>) {
        Self::default().compile_from(view)
    }

    /// Compiles a view, taking from `self` whatever the view has not changed.
    #[must_use]
    pub fn compile_from(&self, view: &Arc<EdgeView>) -> (Self, Vec<Diagnostic>) {
        let mut plan = Self {
            view: Arc::clone(view),
            apis: self.apis.clone(),
            domains: self.domains.clone(),
            wildcards: self.wildcards.clone(),
            users: self.users.clone(),
            faults: self.faults.clone(),
            ..Self::default()
        };
        plan.take_hosts(&self.view);
        for (name, place) in &view.regions {
            plan.region_names.insert(name.as_str().into());
            plan.regions.push(EdgeRegion::of(name, place));
        }
        let mut diagnostics: Vec<Diagnostic> = plan
            .faults
            .iter()
            .map(|(name, message)| Diagnostic {
                at: format!("domains/{name}"),
                message: (*message).to_owned(),
            })
            .collect();
        for (id, certificate) in &view.certificates {
            if let Some(message) = fault_of(certificate) {
                plan.broken_certificates.insert(id.clone());
                let at = format!("certificates/{id}");
                diagnostics.push(Diagnostic {
                    at,
                    message: message.to_owned(),
                });
            }
        }
        (plan, diagnostics)
    }

    /// Hosts that were made for this plan; all others were taken from the last one.
    #[must_use]
    pub const fn made(&self) -> usize {
        self.made
    }

    /// Whether certificates and the names they are for are those of `other`.
    #[must_use]
    pub fn has_certificates_of(&self, other: &Self) -> bool {
        let (mine, others) = (&self.view, &other.view);
        mine.certificates.is_copy_of(&others.certificates)
            && mine.domains.is_copy_of(&others.domains)
    }

    /// The revision of the configuration this plan executes; 0 before any.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.view.revision
    }

    /// The cluster's name, as it stands in node identities.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.view.cluster
    }

    /// Regions by name.
    #[must_use]
    pub fn regions(&self) -> &[EdgeRegion] {
        &self.regions
    }

    /// The certificates to answer TLS handshakes with.
    pub fn certificates(&self) -> impl Iterator<Item = &EdgeCertificate> {
        let all = self.view.certificates.iter();
        let usable = all.filter(|(id, _)| !self.broken_certificates.contains(*id));
        usable.map(|(_, certificate)| &**certificate)
    }

    /// Which TLS policy handshakes for a custom domain are bound by.
    pub fn security_policies(&self) -> impl Iterator<Item = (&str, SecurityPolicy)> {
        let all = self.view.domains.iter();
        all.map(|(name, domain)| (name.as_str(), domain.security_policy))
    }

    /// Answers to ACME challenges for names that POPs serve.
    pub fn challenges(&self) -> impl Iterator<Item = &model::ChallengeAnswer> {
        self.view.challenges.values().flatten()
    }

    /// What `host` leads to, if anything. `host` is the header as received: a port, a final dot
    /// and upper case do not matter.
    #[must_use]
    pub fn find(&self, host: &str) -> Option<&Arc<EdgeHost>> {
        if host.len() > HOST_LEN_MAX {
            return None;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return self.find_name(&name.to_ascii_lowercase());
        }
        self.find_name(name)
    }

    fn find_name(&self, name: &str) -> Option<&Arc<EdgeHost>> {
        if let Some(api) = self.default_endpoint(name) {
            return self.apis.get(api);
        }
        self.domains.get(name).or_else(|| {
            let (first, parent) = name.split_once('.')?;
            // A wildcard stands for exactly one label, and a label is not empty.
            if first.is_empty() {
                None
            } else {
                self.wildcards.get(parent)
            }
        })
    }

    /// The API id in `{api}.execute-api.{region}.{base}` with a region of this cluster.
    fn default_endpoint<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name
            .strip_suffix(self.view.base_domain.as_str())?
            .strip_suffix('.')?;
        let mut labels = rest.split('.');
        let (api, execute, region) = (labels.next()?, labels.next()?, labels.next()?);
        let known = execute == EXECUTE && self.region_names.contains(region);
        (known && labels.next().is_none()).then_some(api)
    }
}

impl EdgePlan {
    /// The nodes of all POPs, with the names of their POPs.
    pub fn pops(&self) -> impl Iterator<Item = (&str, EdgeNode)> {
        let pops = self.view.pops.iter();
        pops.flat_map(|(name, place)| {
            let node = move |node: &model::PlaceNode| EdgeNode {
                id: node.id,
                link: node.link,
            };
            place
                .nodes
                .iter()
                .map(move |one| (name.as_str(), node(one)))
        })
    }
}

impl EdgeRegion {
    fn of(name: &str, place: &Place) -> Self {
        let nodes = place.nodes.iter();
        Self {
            name: RegionName::from(name),
            location: place.location,
            nodes: nodes
                .map(|node| EdgeNode {
                    id: node.id,
                    link: node.link,
                })
                .collect(),
        }
    }
}

fn fault_of(certificate: &EdgeCertificate) -> Option<&'static str> {
    if certificate.chain_der.is_empty() {
        return Some("has no certificate in its chain");
    }
    if certificate.key_der.is_empty() {
        return Some("has no private key");
    }
    certificate.names.is_empty().then_some("has no name")
}
