//! Where a VPC link leads: the connectors that stand for it, and which of their upstreams is meant.
//!
//! A link of v1 names both in its target, a link of v2 names connectors by a tag or its subnets and
//! leaves the upstream to the integration. Which connectors are connected is not known here; that
//! is soft state of nodes.

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use model::{
    VpcLinkId,
    rest::{VpcLink, VpcLinkKind},
};

/// The tag of a v2 link that names its connector; without it, subnets are names of connectors.
pub const CONNECTOR_TAG: &str = "edgeway:connector";

/// Where a private integration leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// Names of connectors; any of them will do.
    pub connectors: Box<[Box<str>]>,
    /// The name of an upstream that the connector offers; it knows the address.
    pub upstream: Box<str>,
    /// The upstream gets the client's `Host` rather than the origin's.
    pub keeps_host: bool,
}

/// What the resource of an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The connector, where the ARN says so.
    pub connector: Option<&'a str>,
    /// The upstream.
    pub upstream: &'a str,
}

/// All links, and whether anybody has asked for one.
pub(super) struct Links<'c> {
    all: &'c BTreeMap<VpcLinkId, Arc<VpcLink>>,
    asked: Cell<bool>,
}

impl<'a> Target<'a> {
    /// Reads an ARN: `loadbalancer/{net,app}/CONNECTOR/UPSTREAM`, `connector/CONNECTOR/UPSTREAM`,
    /// `listener/{net,app}/UPSTREAM/..` or `service/UPSTREAM`, of any service.
    #[must_use]
    pub fn read(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let resource = parts.nth(4)?;
        let parts: Vec<&str> = resource.split('/').collect();
        let (connector, upstream) = match *parts.as_slice() {
            ["loadbalancer", "net" | "app", connector, upstream]
            | ["connector", connector, upstream] => (Some(connector), upstream),
            ["listener", "net" | "app", upstream, ..] | ["service", upstream] => (None, upstream),
            _ => return None,
        };
        let named = !upstream.is_empty() && connector.is_none_or(|name| !name.is_empty());
        named.then_some(Self {
            connector,
            upstream,
        })
    }
}

/// The connectors that a link leads to, and its upstream if it names one.
///
/// # Errors
/// Says what about the link is not understood.
pub fn ends_of(link: &VpcLink) -> Result<(Vec<&str>, Option<&str>), String> {
    match &link.kind {
        VpcLinkKind::V1 { targets } => {
            let target = targets.first().map_or("", String::as_str);
            match Target::read(target) {
                Some(Target {
                    connector: Some(connector),
                    upstream,
                }) => Ok((vec![connector], Some(upstream))),
                _ => Err(format!(
                    "{target} names no connector and upstream, as \
                     arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/net/CONNECTOR/\
                     UPSTREAM does"
                )),
            }
        }
        VpcLinkKind::V2 { subnets, .. } => Ok(match link.tags.get(CONNECTOR_TAG) {
            Some(tag) => (vec![tag.as_str()], None),
            None => (subnets.iter().map(String::as_str).collect(), None),
        }),
    }
}

impl<'c> Links<'c> {
    pub(super) const fn new(all: &'c BTreeMap<VpcLinkId, Arc<VpcLink>>) -> Self {
        let asked = Cell::new(false);
        Self { all, asked }
    }

    /// Whether what was compiled depends on links.
    pub(super) const fn were_asked(&self) -> bool {
        self.asked.get()
    }

    /// Where an integration through link `id` leads. `target` is an ARN that names an upstream;
    /// `host` names it where nothing else does.
    pub(super) fn way(
        &self,
        id: &str,
        target: Option<&str>,
        host: Option<&str>,
    ) -> Result<Way, String> {
        self.asked.set(true);
        let link = self.all.get(id);
        let link = link.ok_or_else(|| format!("vpc link {id:?} does not exist"))?;
        let (connectors, own) = ends_of(link)?;
        let target = match target {
            None => None,
            Some(arn) => Some(Target::read(arn).ok_or_else(|| {
                format!(
                    "{arn:?} names no upstream, as the ARN of a listener, a service or a \
                         connector does"
                )
            })?),
        };
        if let Some(named) = target.and_then(|target| target.connector)
            && !connectors.contains(&named)
        {
            return Err(format!("vpc link {id} does not lead to connector {named}"));
        }
        let upstream = target.map(|target| target.upstream).or(own).or(host);
        let upstream = upstream.ok_or("the integration names no upstream")?;
        Ok(Way {
            connectors: connectors.into_iter().map(Into::into).collect(),
            upstream: upstream.into(),
            keeps_host: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use model::{
        VpcLinkId,
        rest::{VpcLink, VpcLinkKind},
    };

    use super::{CONNECTOR_TAG, Links, Target};

    #[test]
    fn arns_name_upstreams() {
        let read = |resource: &str| {
            let arn = format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:{resource}");
            Target::read(&arn).map(|target| {
                let connector = target.connector.unwrap_or("-").to_owned();
                format!("{connector} {}", target.upstream)
            })
        };
        assert_eq!(
            read("loadbalancer/net/office/orders").as_deref(),
            Some("office orders")
        );
        assert_eq!(
            read("connector/office/orders").as_deref(),
            Some("office orders")
        );
        assert_eq!(
            read("listener/app/orders/50dc/f2f7").as_deref(),
            Some("- orders")
        );
        assert_eq!(read("service/srv-1").as_deref(), Some("- srv-1"));
        for wrong in [
            "",
            "loadbalancer/net/office",
            "loadbalancer/net//orders",
            "connector/office/",
            "function/x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(Target::read("http://x/loadbalancer/net/a/b"), None);
        assert_eq!(Target::read("arn:aws"), None);
    }

    fn link(kind: VpcLinkKind, tags: &[(&str, &str)]) -> BTreeMap<VpcLinkId, Arc<VpcLink>> {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let link = VpcLink {
            id: "l".into(),
            name: "l".to_owned(),
            description: None,
            created_ms: 0,
            tags: tags.collect(),
            kind,
        };
        [("l".into(), Arc::new(link))].into()
    }

    #[test]
    fn links_lead_to_connectors() {
        let subnets = || VpcLinkKind::V2 {
            subnets: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
            security_groups: Vec::new(),
        };
        let v1 = |target: &str| VpcLinkKind::V1 {
            targets: vec![target.to_owned()],
        };
        let listener = Some("arn:aws:elasticloadbalancing:r:1:listener/app/pay/1/2");
        let check = |links: BTreeMap<_, _>, target, host, expected: &str| {
            let links = Links::new(&links);
            let text = match links.way("l", target, host) {
                Ok(way) => format!("{} {}", way.connectors.join(","), way.upstream),
                Err(reason) => reason,
            };
            assert!(text.contains(expected), "{text}");
            assert!(links.were_asked());
        };
        let net = "arn:aws:elasticloadbalancing:r:1:loadbalancer/net/office/orders";
        check(link(v1(net), &[]), None, Some("h"), "office orders");
        check(
            link(v1("arn:aws:x:r:1:y"), &[]),
            None,
            None,
            "names no connector",
        );
        check(
            link(subnets(), &[]),
            listener,
            None,
            "subnet-a,subnet-b pay",
        );
        check(link(subnets(), &[]), None, Some("pay"), "subnet-b pay");
        check(link(subnets(), &[]), None, None, "names no upstream");
        let tagged = [(CONNECTOR_TAG, "office")];
        check(link(subnets(), &tagged), listener, None, "office pay");
        let other = Some("arn:aws:edgeway:r:1:connector/home/pay");
        check(
            link(subnets(), &tagged),
            other,
            None,
            "not lead to connector home",
        );
        check(BTreeMap::new(), None, None, "does not exist");
    }
}
