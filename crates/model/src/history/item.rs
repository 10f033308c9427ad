//! What has a history: the resources of a configuration, one by one, and without their secrets.
//!
//! Join tokens and what ACME keeps have none: they hold little but secrets, and change by
//! themselves.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    AccessKey, Api, Certificate, Config, DomainName, JoinPolicy, Node, Pop, PreviousSecret, Prior,
    PrivateEndpoint, Region, RolloutPolicy, Table, Zone, rest,
};

/// A resource, by kind and identifier.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemKey {
    /// What kind of resource.
    pub kind: ItemKind,
    /// Its identifier; empty where there is only one.
    pub id: String,
}

/// Kinds of resource that have a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ItemKind {
    /// An API of any kind, with stages and deployments.
    Api,
    /// A custom domain with its mappings.
    Domain,
    /// A certificate, without its key.
    Certificate,
    /// An access key, without its secrets.
    AccessKey,
    /// A zone, without its keys' private halves.
    Zone,
    /// A region.
    Region,
    /// A POP.
    Pop,
    /// A node.
    Node,
    /// A private endpoint.
    PrivateEndpoint,
    /// A prior.
    Prior,
    /// How changes reach the nodes.
    RolloutPolicy,
    /// An API key, without its value.
    ApiKey,
    /// A usage plan with its keys.
    UsagePlan,
    /// A client certificate, without its key.
    ClientCertificate,
    /// A VPC link.
    VpcLink,
    /// Account settings.
    Account,
    /// A join policy.
    JoinPolicy,
}

/// A resource as it was at some revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named like their kinds")]
pub enum Item {
    Api(Arc<Api>),
    Domain(Arc<DomainName>),
    Certificate(Arc<Certificate>),
    AccessKey(Arc<AccessKey>),
    Zone(Arc<Zone>),
    Region(Arc<Region>),
    Pop(Arc<Pop>),
    Node(Arc<Node>),
    PrivateEndpoint(Arc<PrivateEndpoint>),
    Prior(Arc<Prior>),
    RolloutPolicy(Arc<RolloutPolicy>),
    ApiKey(Arc<rest::ApiKey>),
    UsagePlan(Arc<rest::UsagePlan>),
    ClientCertificate(Arc<rest::ClientCertificate>),
    VpcLink(Arc<rest::VpcLink>),
    Account(Arc<rest::Account>),
    JoinPolicy(Arc<JoinPolicy>),
}

impl ItemKind {
    /// As the management API says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Domain => "domain",
            Self::Certificate => "certificate",
            Self::AccessKey => "access-key",
            Self::Zone => "zone",
            Self::Region => "region",
            Self::Pop => "pop",
            Self::Node => "node",
            Self::PrivateEndpoint => "private-endpoint",
            Self::Prior => "prior",
            Self::RolloutPolicy => "rollout-policy",
            Self::ApiKey => "api-key",
            Self::UsagePlan => "usage-plan",
            Self::ClientCertificate => "client-certificate",
            Self::VpcLink => "vpc-link",
            Self::Account => "account",
            Self::JoinPolicy => "join-policy",
        }
    }
}

/// The resources that differ between two configurations, each as it was before.
pub(super) fn changed(old: &Config, new: &Config) -> Vec<(ItemKey, Option<Item>)> {
    use ItemKind as Kind;
    let mut all = Vec::new();
    altered(&old.apis, &new.apis, Kind::Api, Item::Api, &mut all);
    let (before, after) = (&old.domains, &new.domains);
    altered(before, after, Kind::Domain, Item::Domain, &mut all);
    let (before, after) = (&old.certificates, &new.certificates);
    differing(before, after, Kind::Certificate, certificate, &mut all);
    let (before, after) = (&old.access_keys, &new.access_keys);
    differing(before, after, Kind::AccessKey, access_key, &mut all);
    differing(&old.zones, &new.zones, Kind::Zone, zone, &mut all);
    differing(
        &old.regions,
        &new.regions,
        Kind::Region,
        Item::Region,
        &mut all,
    );
    differing(&old.pops, &new.pops, Kind::Pop, Item::Pop, &mut all);
    differing(&old.nodes, &new.nodes, Kind::Node, Item::Node, &mut all);
    let (before, after) = (&old.private_endpoints, &new.private_endpoints);
    differing(
        before,
        after,
        Kind::PrivateEndpoint,
        Item::PrivateEndpoint,
        &mut all,
    );
    differing(&old.priors, &new.priors, Kind::Prior, Item::Prior, &mut all);
    let (before, after) = (&old.api_keys, &new.api_keys);
    altered(before, after, Kind::ApiKey, api_key, &mut all);
    let (before, after) = (&old.usage_plans, &new.usage_plans);
    differing(before, after, Kind::UsagePlan, Item::UsagePlan, &mut all);
    let (before, after) = (&old.client_certificates, &new.client_certificates);
    differing(
        before,
        after,
        Kind::ClientCertificate,
        client_certificate,
        &mut all,
    );
    differing(
        &old.vpc_links,
        &new.vpc_links,
        Kind::VpcLink,
        Item::VpcLink,
        &mut all,
    );
    let (before, after) = (&old.joining.policies, &new.joining.policies);
    differing(before, after, Kind::JoinPolicy, Item::JoinPolicy, &mut all);
    let only = |kind| ItemKey {
        kind,
        id: String::new(),
    };
    if !Arc::ptr_eq(&old.account, &new.account) {
        let before = Item::Account(Arc::clone(&old.account));
        all.push((only(Kind::Account), Some(before)));
    }
    if old.rollout_policy != new.rollout_policy {
        all.push((only(Kind::RolloutPolicy), Some(policy(old))));
    }
    all
}

/// A resource as it is now.
pub(super) fn current(config: &Config, key: &ItemKey) -> Option<Item> {
    let id = key.id.as_str();
    match key.kind {
        ItemKind::Api => config.apis.get(id).cloned().map(Item::Api),
        ItemKind::Domain => config.domains.get(id).cloned().map(Item::Domain),
        ItemKind::Certificate => config.certificates.get(id).cloned().map(certificate),
        ItemKind::AccessKey => config.access_keys.get(id).cloned().map(access_key),
        ItemKind::Zone => config.zones.get(id).cloned().map(zone),
        ItemKind::Region => config.regions.get(id).cloned().map(Item::Region),
        ItemKind::Pop => config.pops.get(id).cloned().map(Item::Pop),
        ItemKind::Node => {
            let node = id.parse().ok().map(crate::NodeId);
            let node = node.and_then(|node| config.nodes.get(&node));
            node.cloned().map(Item::Node)
        }
        ItemKind::PrivateEndpoint => {
            let found = config.private_endpoints.get(id);
            found.cloned().map(Item::PrivateEndpoint)
        }
        ItemKind::Prior => {
            let prefix: Option<ipnet::IpNet> = id.parse().ok();
            let prior = prefix.and_then(|prefix| config.priors.get(&prefix));
            prior.cloned().map(Item::Prior)
        }
        ItemKind::RolloutPolicy => Some(policy(config)),
        ItemKind::ApiKey => config.api_keys.get(id).cloned().map(api_key),
        ItemKind::UsagePlan => config.usage_plans.get(id).cloned().map(Item::UsagePlan),
        ItemKind::ClientCertificate => {
            let found = config.client_certificates.get(id);
            found.cloned().map(client_certificate)
        }
        ItemKind::VpcLink => config.vpc_links.get(id).cloned().map(Item::VpcLink),
        ItemKind::JoinPolicy => {
            let found = config.joining.policies.get(id);
            found.cloned().map(Item::JoinPolicy)
        }
        ItemKind::Account => Some(Item::Account(Arc::clone(&config.account))),
    }
}

fn policy(config: &Config) -> Item {
    Item::RolloutPolicy(Arc::new(config.rollout_policy.clone()))
}

fn certificate(whole: Arc<Certificate>) -> Item {
    let mut shown = Certificate::clone(&whole);
    shown.key_der = Vec::new();
    Item::Certificate(Arc::new(shown))
}

fn access_key(whole: Arc<AccessKey>) -> Item {
    let mut shown = AccessKey::clone(&whole);
    shown.secret = String::new();
    shown.previous = shown.previous.map(|previous| PreviousSecret {
        secret: String::new(),
        ..previous
    });
    Item::AccessKey(Arc::new(shown))
}

fn api_key(whole: Arc<rest::ApiKey>) -> Item {
    let mut shown = rest::ApiKey::clone(&whole);
    shown.value = String::new();
    Item::ApiKey(Arc::new(shown))
}

fn client_certificate(whole: Arc<rest::ClientCertificate>) -> Item {
    let mut shown = rest::ClientCertificate::clone(&whole);
    shown.key_der = Vec::new();
    Item::ClientCertificate(Arc::new(shown))
}

fn zone(whole: Arc<Zone>) -> Item {
    let mut shown = Zone::clone(&whole);
    for key in &mut shown.keys {
        key.key_der = Vec::new();
    }
    Item::Zone(Arc::new(shown))
}

/// The same of tables, of which there may be very many entries.
fn altered<K: Ord + ToString, V>(
    old: &Table<K, Arc<V>>,
    new: &Table<K, Arc<V>>,
    kind: ItemKind,
    item: fn(Arc<V>) -> Item,
    all: &mut Vec<(ItemKey, Option<Item>)>,
) {
    new.changes(old, Arc::ptr_eq, |key, before, _| {
        let id = key.to_string();
        all.push((ItemKey { kind, id }, before.cloned().map(item)));
    });
}

/// Walks two maps side by side. What is the same object has not changed; comparing contents would
/// cost far more than it saves.
fn differing<K: Ord + ToString, V>(
    old: &BTreeMap<K, Arc<V>>,
    new: &BTreeMap<K, Arc<V>>,
    kind: ItemKind,
    item: fn(Arc<V>) -> Item,
    all: &mut Vec<(ItemKey, Option<Item>)>,
) {
    let mut note = |key: &K, before: Option<&Arc<V>>| {
        let id = key.to_string();
        all.push((ItemKey { kind, id }, before.cloned().map(item)));
    };
    let (mut left, mut right) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => return,
            // Nearly all of them. Keys are not looked at, which would cost a cache miss each.
            (Some((_, before)), Some((_, after))) if Arc::ptr_eq(before, after) => {
                left.next();
                right.next();
            }
            (Some((key, before)), other) if other.is_none_or(|(next, _)| key < next) => {
                note(key, Some(before));
                left.next();
            }
            (Some((key, before)), Some((next, _))) if key == next => {
                note(key, Some(before));
                left.next();
                right.next();
            }
            (_, Some((next, _))) => {
                note(next, None);
                right.next();
            }
            // With nothing on the right, the third arm has taken what is on the left.
            (Some(_), None) => return,
        }
    }
}
