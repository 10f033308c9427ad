//! What a region executes: from host and path to the API, stage and route that answer.
//!
//! A plan is immutable and shared by all workers; a request keeps the one it began with. A new plan
//! reuses whatever the configuration has not replaced. What cannot be compiled becomes a route that
//! answers 500 and a `Diagnostic`, and harms nothing else.
//!
//! Nothing here knows HTTP beyond host, method and path as text.

mod access_keys;
mod api;
mod domain;
mod host;
mod keys;
mod private;
pub mod rest;
mod route;
mod router;
#[cfg(test)]
mod tests;
pub mod token;
mod unserved;
mod vpc_links;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use model::{
    Api, ApiId, Config, DomainId, DomainName, EndpointType, Revision, Table, VpcLinkId,
    rest::VpcLink,
};

pub use access_keys::{AccessKeyPlan, AccessKeysPlan};
pub use api::{ApiPlan, CorsPlan, StagePlan};
pub use domain::DomainPlan;
pub use keys::{KeyPlan, KeysPlan};
pub use private::{EndpointPlan, private_addresses};
pub use route::{Action, Guard, HttpProxy, Origin, OriginTls, RoutePlan};
pub use vpc_links::{CONNECTOR_TAG, Target, Way, ends_of};

use self::{
    host::{bare_host, suffixes},
    vpc_links::Links,
};
use crate::{Diagnostic, shards::Shards};

/// A compiled configuration, for regions.
#[derive(Debug, Default)]
pub struct RegionPlan {
    revision: Revision,
    /// The account that ARNs name.
    account: Box<str>,
    /// What was compiled, to find what differs the next time.
    sources: Sources,
    apis: Shards<ApiId, Arc<ApiPlan>>,
    /// APIs with diagnostics.
    ailing: BTreeSet<ApiId>,
    /// APIs that depend on VPC links.
    linked: BTreeSet<ApiId>,
    /// `execute-api.REGION.BASE` of every region of the cluster.
    endpoint_suffixes: HashSet<Box<str>>,
    /// `execute-api.REGION.vpce.BASE` alike.
    vpce_suffixes: HashSet<Box<str>>,
    private_endpoints: private::Endpoints,
    domains: Shards<Box<str>, Arc<DomainPlan>>,
    /// Wildcard domains by what follows `*.`.
    wildcards: Shards<Box<str>, Arc<DomainPlan>>,
    /// What is wrong with domains, by name.
    ailing_domains: BTreeMap<Box<str>, Diagnostic>,
    keys: Arc<KeysPlan>,
    access_keys: Arc<AccessKeysPlan>,
    /// Parts of the configuration that were compiled for this plan and not taken from the last.
    compiled: usize,
}

#[derive(Clone, Debug, Default)]
struct Sources {
    apis: Table<ApiId, Arc<Api>>,
    domains: Table<DomainId, Arc<DomainName>>,
    links: BTreeMap<VpcLinkId, Arc<VpcLink>>,
}

/// How a request came to the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// From a POP: only what POPs may serve.
    Pop,
    /// At the region's own public listener.
    Regional,
    /// At a private endpoint's listener.
    Private,
}

/// Where a request leads.
#[derive(Clone, Copy, Debug)]
pub struct Found<'p, 'r> {
    /// The API.
    pub api: &'p ApiPlan,
    /// The stage.
    pub stage: &'p StagePlan,
    /// The custom domain it came by, if any.
    pub domain: Option<&'p DomainPlan>,
    /// The key of the domain's mapping that led here, if it came by a domain; may be empty.
    pub base_path: Option<&'p str>,
    /// The path behind mapping key and stage, without its first slash, still encoded.
    pub path: &'r str,
}

/// Why a request leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// No such API or domain, or not by this entrance.
    UnknownHost,
    /// The API may only be reached by custom domains.
    EndpointDisabled,
    /// No mapping of the domain, or no stage of the API, for the path.
    UnknownPath,
    /// As `EndpointDisabled` or `UnknownPath`, of a REST API.
    UnknownRestPath,
    /// A path of a REST API that is kept for health checks.
    Health,
    /// Rules decide where the domain leads, which regions do not evaluate.
    RoutingRules,
}

// === impl RegionPlan ===

impl RegionPlan {
    /// Compiles `config` from nothing.
    #[must_use]
    pub fn compile(config: &Config) -> (Self, Vec<Diagnostic>) {
        Self::default().compile_from(config)
    }

    /// Compiles `config`, reusing from `self` what comes from the very same objects: the cost is
    /// that of what differs. The diagnostics are those of the whole configuration.
    #[must_use]
    pub fn compile_from(&self, config: &Config) -> (Self, Vec<Diagnostic>) {
        let account = config.cluster.as_ref();
        let account = account.map_or("", |cluster| cluster.account_id.as_str());
        // Plans hold ARNs with the account in them.
        let nothing = Self::default();
        let last = if *self.account == *account {
            self
        } else {
            &nothing
        };
        let mut plan = Self {
            revision: config.revision,
            account: account.into(),
            sources: Sources {
                apis: config.apis.clone(),
                domains: config.domains.clone(),
                links: config.vpc_links.clone(),
            },
            apis: last.apis.clone(),
            ailing: last.ailing.clone(),
            linked: last.linked.clone(),
            endpoint_suffixes: suffixes(config, ""),
            vpce_suffixes: suffixes(config, "vpce."),
            private_endpoints: private::compile(config, &self.private_endpoints),
            domains: last.domains.clone(),
            wildcards: last.wildcards.clone(),
            ailing_domains: last.ailing_domains.clone(),
            keys: KeysPlan::compile(&self.keys, config),
            access_keys: AccessKeysPlan::compile(&self.access_keys, account, config),
            compiled: 0,
        };
        let old = &last.sources;
        if old.links != config.vpc_links {
            for id in last.linked.clone() {
                plan.put_api(&id, config.apis.get(id.as_str()));
            }
        }
        let put = |id: &ApiId, _: Option<&_>, api: Option<&_>| plan.put_api(id, api);
        config.apis.changes(&old.apis, Arc::ptr_eq, put);
        let put = |name: &DomainId, _: Option<&_>, domain: Option<&_>| {
            plan.put_domain(name.as_str(), domain);
        };
        config.domains.changes(&old.domains, Arc::ptr_eq, put);
        let ailing = plan.ailing.iter().filter_map(|id| plan.apis.get(id));
        let diagnostics = ailing.flat_map(|api| api.diagnostics().iter().cloned());
        let diagnostics = diagnostics.chain(plan.ailing_domains.values().cloned());
        let diagnostics = diagnostics.collect();
        (plan, diagnostics)
    }

    /// APIs and domains that were compiled for this plan; all others were taken from the last.
    #[must_use]
    pub const fn compiled(&self) -> usize {
        self.compiled
    }

    fn put_api(&mut self, id: &ApiId, api: Option<&Arc<Api>>) {
        let last = self.apis.get(id).cloned();
        let links = Links::new(&self.sources.links);
        let compile = |api| {
            Arc::new(ApiPlan::compile(
                api,
                (&self.account, &links),
                last.as_deref(),
            ))
        };
        let compiled = api.map(compile);
        let linked = links.were_asked();
        let ails = compiled
            .as_ref()
            .is_some_and(|api| !api.diagnostics().is_empty());
        if ails {
            self.ailing.insert(id.clone());
        } else {
            self.ailing.remove(id);
        }
        if linked {
            self.linked.insert(id.clone());
        } else {
            self.linked.remove(id);
        }
        match compiled {
            Some(compiled) => {
                self.compiled += 1;
                self.apis.insert(id.clone(), compiled);
            }
            None => self.apis.remove(id),
        }
    }

    fn put_domain(&mut self, name: &str, domain: Option<&Arc<DomainName>>) {
        let wildcard = name.strip_prefix("*.");
        let map = match wildcard {
            Some(_) => &mut self.wildcards,
            None => &mut self.domains,
        };
        let bare = wildcard.unwrap_or(name);
        self.ailing_domains.remove(name);
        match domain {
            Some(domain) => {
                self.compiled += 1;
                let plan = DomainPlan::compile(domain, &self.account);
                if let Some(diagnostic) = plan.diagnostic() {
                    self.ailing_domains.insert(name.into(), diagnostic);
                }
                map.insert(bare.into(), Arc::new(plan));
            }
            None => map.remove(bare),
        }
    }

    /// The revision of the configuration it was compiled from.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Keys that clients send.
    #[must_use]
    pub fn keys(&self) -> &KeysPlan {
        &self.keys
    }

    /// Keys that clients sign with.
    #[must_use]
    pub fn access_keys(&self) -> &AccessKeysPlan {
        &self.access_keys
    }

    /// The account that ARNs name.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Where a request leads. `host` may carry a port and any case; `path` begins with a slash and
    /// is still encoded.
    ///
    /// # Errors
    /// A miss says what is unknown.
    pub fn find<'p, 'r>(
        &'p self,
        entrance: Entrance,
        host: &str,
        path: &'r str,
    ) -> Result<Found<'p, 'r>, Miss> {
        let host = bare_host(host);
        let path = path.strip_prefix('/').unwrap_or(path);
        let (first, rest) = host.split_once('.').unwrap_or((&host, ""));
        if self.endpoint_suffixes.contains(rest) {
            return self.find_by_endpoint(entrance, first, path);
        }
        let wildcard = || self.wildcards.get(rest).filter(|_| !first.is_empty());
        let domain = self
            .domains
            .get(&*host)
            .or_else(wildcard)
            .ok_or(Miss::UnknownHost)?;
        // A private domain is open to endpoints that are associated with it, and `find_private`
        // knows by which one a request came.
        if domain.is_private() {
            return Err(Miss::UnknownHost);
        }
        self.find_by_domain(entrance, domain, path)
    }

    fn find_by_endpoint<'p, 'r>(
        &'p self,
        entrance: Entrance,
        id: &str,
        path: &'r str,
    ) -> Result<Found<'p, 'r>, Miss> {
        let api = self.apis.get(id).ok_or(Miss::UnknownHost)?;
        if !entrance.leads_to(api.endpoint()) {
            return Err(Miss::UnknownHost);
        }
        if api.default_endpoint_disabled() {
            return Err(miss(api, Miss::EndpointDisabled));
        }
        if is_health(api, path) {
            return Err(Miss::Health);
        }
        let stage = api.stage_of(path);
        let (stage, path) = stage.ok_or(miss(api, Miss::UnknownPath))?;
        Ok(Found {
            api,
            stage,
            domain: None,
            base_path: None,
            path,
        })
    }

    /// The domain's type, not the API's, decides how clients come in (5.2); but an API that is
    /// private stays so, whichever public domain maps it.
    fn find_by_domain<'p, 'r>(
        &'p self,
        entrance: Entrance,
        domain: &'p DomainPlan,
        path: &'r str,
    ) -> Result<Found<'p, 'r>, Miss> {
        if !entrance.leads_to(domain.endpoint()) {
            return Err(Miss::UnknownHost);
        }
        if domain.has_rules() {
            return Err(Miss::RoutingRules);
        }
        let (mapping, path) = domain.mapping(path).ok_or(Miss::UnknownPath)?;
        let api = self
            .apis
            .get(mapping.api.as_str())
            .ok_or(Miss::UnknownPath)?;
        if (api.endpoint() == EndpointType::Private) != (entrance == Entrance::Private) {
            return Err(Miss::UnknownPath);
        }
        if mapping.key.is_empty() && is_health(api, path) {
            return Err(Miss::Health);
        }
        // Without a stage of its own, the next segment of the path names it.
        let (stage, path) = match mapping.stage.as_str() {
            "" => api.stage_of(path),
            name => api.stage(name).map(|stage| (stage, path)),
        }
        .ok_or(miss(api, Miss::UnknownPath))?;
        Ok(Found {
            api,
            stage,
            domain: Some(domain),
            base_path: Some(&mapping.key),
            path,
        })
    }
}

impl Entrance {
    /// Whether things of this endpoint type exist as seen from here. An edge API also answers at
    /// every region's own listener, which is where clients go while all POPs are down.
    const fn leads_to(self, endpoint: EndpointType) -> bool {
        match self {
            Self::Pop => matches!(endpoint, EndpointType::Edge),
            Self::Regional => matches!(endpoint, EndpointType::Edge | EndpointType::Regional),
            Self::Private => matches!(endpoint, EndpointType::Private),
        }
    }
}

/// What clients of this API are told apart by.
fn miss(api: &ApiPlan, miss: Miss) -> Miss {
    if api.is_rest() {
        Miss::UnknownRestPath
    } else {
        miss
    }
}

/// Amazon keeps these two at the root of REST APIs for itself.
fn is_health(api: &ApiPlan, path: &str) -> bool {
    matches!(path, "ping" | "sping") && api.is_rest()
}
