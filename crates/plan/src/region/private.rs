//! What regions know of private endpoints, and where a request leads that came by one
//! (docs/aws-behaviour.md, private access).
//!
//! Whether a request came by an endpoint is known from the listener, never from a name: names only
//! say which API is meant. A name that carries the id of an endpoint must be of the one that the
//! request came by.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use lang::policy::{Kind, Policy};
use model::{Config, EndpointType, PrivateEndpoint, PrivateEndpointId, RegionName};

use super::{Entrance, Found, Miss, RegionPlan, bare_host};

/// A private endpoint, ready to be asked.
#[derive(Debug)]
pub struct EndpointPlan {
    source: Arc<PrivateEndpoint>,
    /// Why the policy cannot be read; nobody is let through then.
    policy: Result<Option<Policy>, String>,
}

/// Endpoints by id.
pub(super) type Endpoints = BTreeMap<PrivateEndpointId, Arc<EndpointPlan>>;

/// What begins the ids of endpoints.
const ENDPOINT: &str = "vpce-";

impl EndpointPlan {
    fn compile(source: &Arc<PrivateEndpoint>) -> Self {
        Self {
            policy: resource_policy(source.policy.as_deref()),
            source: Arc::clone(source),
        }
    }

    /// Such as `vpce-0123456789abcdef0`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.source.id.as_str()
    }

    /// The network that it is in, if that was said.
    #[must_use]
    pub fn vpc(&self) -> Option<&str> {
        self.source.vpc.as_deref()
    }

    /// Where it enters.
    #[must_use]
    pub fn region(&self) -> &RegionName {
        &self.source.region
    }

    /// What may be called by way of it; everything without one.
    ///
    /// # Errors
    /// The policy cannot be read.
    pub fn policy(&self) -> Result<Option<&Policy>, &str> {
        let policy = self.policy.as_ref();
        policy.map(Option::as_ref).map_err(String::as_str)
    }
}

/// Reads a policy that stands at a resource.
fn resource_policy(text: Option<&str>) -> Result<Option<Policy>, String> {
    let read = text.map(|text| Policy::parse(text, Kind::Resource));
    read.transpose().map_err(|error| error.to_string())
}

/// The endpoints of `config`; those that are the same objects as before are taken from `last`.
pub(super) fn compile(config: &Config, last: &Endpoints) -> Endpoints {
    let compiled = config.private_endpoints.iter().map(|(id, source)| {
        let known = last.get(id);
        let known = known.filter(|known| Arc::ptr_eq(&known.source, source));
        let fresh = || Arc::new(EndpointPlan::compile(source));
        (id.clone(), known.map_or_else(fresh, Arc::clone))
    });
    compiled.collect()
}

impl RegionPlan {
    /// A private endpoint of the cluster.
    #[must_use]
    pub fn private_endpoint(&self, id: &str) -> Option<&Arc<EndpointPlan>> {
        self.private_endpoints.get(id)
    }

    /// As [`find`](Self::find), for a request that came by `endpoint`. `api` is what its
    /// `x-apigw-api-id` says, which counts where the host names the endpoint alone.
    ///
    /// # Errors
    /// A miss says what is unknown: all that is not private, too.
    pub fn find_private<'p, 'r>(
        &'p self,
        endpoint: &EndpointPlan,
        (host, api): (&str, Option<&str>),
        path: &'r str,
    ) -> Result<Found<'p, 'r>, Miss> {
        let host = bare_host(host);
        let path = path.strip_prefix('/').unwrap_or(path);
        let (first, rest) = host.split_once('.').unwrap_or((&host, ""));
        if self.endpoint_suffixes.contains(rest) {
            let api = self.api_of_label(endpoint, first)?;
            return self.find_by_endpoint(Entrance::Private, api, path);
        }
        if self.vpce_suffixes.contains(rest) {
            let own = first.strip_prefix(endpoint.id());
            // What follows the id, and perhaps a zone behind it, only make the name one of a kind.
            own.filter(|tail| tail.is_empty() || tail.starts_with('-'))
                .ok_or(Miss::UnknownHost)?;
            let api = api.ok_or(Miss::UnknownHost)?;
            return self.find_by_endpoint(Entrance::Private, api, path);
        }
        let domain = self.domains.get(&*host).ok_or(Miss::UnknownHost)?;
        if !domain.is_associated(endpoint.id()) {
            return Err(Miss::UnknownHost);
        }
        self.find_by_domain(Entrance::Private, domain, path)
    }

    /// `API`, or `API-ENDPOINT` of an API that is associated with the endpoint.
    fn api_of_label<'l>(&self, endpoint: &EndpointPlan, label: &'l str) -> Result<&'l str, Miss> {
        let Some((api, named)) = split_label(label) else {
            return Ok(label);
        };
        let known = self.sources.apis.get(api);
        let associated = known.is_some_and(|known| known.is_associated(named));
        if named == endpoint.id() && associated {
            Ok(api)
        } else {
            Err(Miss::UnknownHost)
        }
    }
}

/// The two ids of `API-vpce-NUMBER`.
fn split_label(label: &str) -> Option<(&str, &str)> {
    let at = label.find(ENDPOINT)?;
    let (api, named) = label.split_at_checked(at)?;
    Some((api.strip_suffix('-')?, named))
}

/// The addresses that the resolver view of the endpoint `id` answers for `name` (lower case, no
/// final dot); none where the name does not lead to it. Other names, those of public APIs among
/// them, are not this view's to answer.
#[must_use]
pub fn private_addresses<'c>(config: &'c Config, id: &str, name: &str) -> Option<&'c [IpAddr]> {
    let endpoint = config.private_endpoints.get(id)?;
    let (first, rest) = name.split_once('.')?;
    let base = config.base_domain();
    let below = |suffix: &str| {
        // `execute-api.REGION` and what is left of it.
        let region = rest.strip_prefix("execute-api.")?.strip_suffix(suffix)?;
        config.regions.get(region.strip_suffix('.')?)
    };
    let base = base.to_ascii_lowercase();
    let found = if below(&format!("vpce.{base}")).is_some() {
        let tail = first.strip_prefix(id);
        tail.is_some_and(|tail| tail.is_empty() || tail.starts_with('-'))
    } else if below(&base).is_some() {
        is_api(config, id, first)
    } else {
        let domain = config.domains.get(name);
        let private = domain.and_then(|domain| domain.private.as_ref());
        private.is_some_and(|private| private.associations.contains_key(id))
    };
    found.then_some(&*endpoint.addresses)
}

/// Whether a label is that of a private API that the endpoint `id` leads to.
fn is_api(config: &Config, id: &str, label: &str) -> bool {
    let (api, named) = split_label(label).map_or((label, None), |(api, named)| (api, Some(named)));
    let known = config.apis.get(api);
    known.is_some_and(|known| {
        let associated = |named| named == id && known.is_associated(named);
        known.endpoint == EndpointType::Private && named.is_none_or(associated)
    })
}

/// `execute-api.REGION.MIDDLE` and the base domain, of every region of the cluster.
pub(super) fn suffixes(config: &Config, middle: &str) -> Vec<String> {
    let base = config.base_domain().to_ascii_lowercase();
    let regions = config.regions.keys();
    regions
        .map(|region| format!("execute-api.{region}.{middle}{base}"))
        .collect()
}

#[cfg(test)]
mod tests;
