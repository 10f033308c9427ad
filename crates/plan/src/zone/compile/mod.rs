//! From a `ZoneView` to a `ZonePlan`: reserved names first, then fixed records, then custom
//! domains, and last what follows from all names together (empty non-terminals, delegations,
//! wildcards).
//!
//! What is left out: a record on a reserved name, a second kind of data next to an alias, a custom
//! domain outside our zones (its owner points to its target by a record of their own).

mod challenges;
mod rdata;
mod records;
mod settle;

use std::{collections::BTreeMap, net::IpAddr};

use model::{EndpointType, ZoneView};

use super::{
    Addresses, FixedAddresses, NS_TTL_S, NameServers, Node, RRSET_MAX, Reach, Steered, WireName,
    ZonePlan, suffixes,
};
use crate::Diagnostic;

/// The label below a region's name under which APIs' names are.
const HOSTS_LABEL: &str = "execute-api";

pub(super) fn compile(view: &ZoneView) -> (ZonePlan, Vec<Diagnostic>) {
    let base = match WireName::parse(&view.base_domain) {
        Ok(base) => base,
        Err(error) => {
            let at = format!("baseDomain/{}", view.base_domain);
            let plan = ZonePlan {
                revision: view.revision,
                ..ZonePlan::default()
            };
            return (
                plan,
                vec![Diagnostic {
                    at,
                    message: error.to_string(),
                }],
            );
        }
    };
    let mut draft = Draft {
        view,
        base,
        zones: Vec::new(),
        names: BTreeMap::new(),
        reserved: Vec::new(),
        diagnostics: Vec::new(),
    };
    draft.add_zones();
    draft.add_name_servers();
    draft.add_host_names();
    draft.add_records();
    draft.add_domains();
    draft.add_challenges();
    draft.settle();
    draft.finish()
}

struct Draft<'a> {
    view: &'a ZoneView,
    base: WireName,
    /// Sorted by name.
    zones: Vec<WireName>,
    names: BTreeMap<WireName, Node>,
    /// At and below these, only we make names.
    reserved: Vec<WireName>,
    diagnostics: Vec<Diagnostic>,
}

impl Draft<'_> {
    fn note(&mut self, at: String, message: impl ToString) {
        self.diagnostics.push(Diagnostic {
            at,
            message: message.to_string(),
        });
    }

    fn add_zones(&mut self) {
        let view = self.view;
        self.zones.push(self.base.clone());
        for text in view.zones.keys() {
            match WireName::parse(text) {
                Ok(zone) => self.zones.push(zone),
                Err(error) => self.note(format!("zones/{text}"), error),
            }
        }
        self.zones.sort();
        self.zones.dedup();
        for (zone, apex) in self.zones.iter().enumerate() {
            self.names.insert(
                apex.clone(),
                Node {
                    zone,
                    apex: true,
                    ..Node::default()
                },
            );
        }
    }

    /// `ns1`, `ns2` ... are the DNS nodes in order of their numbers, and serve every zone.
    fn add_name_servers(&mut self) {
        let mut nodes: Vec<_> = self.view.dns.iter().collect();
        nodes.sort_by_key(|node| node.id);
        let mut names = Vec::new();
        // A zone has a name server even before a DNS node has told its address.
        for number in 0..nodes.len().max(1) {
            let label = format!("ns{}", number + 1);
            let name = match self.base.child(&label) {
                Ok(name) => name,
                Err(error) => return self.note(format!("dns/{label}"), error),
            };
            let public = nodes.get(number).map_or(&[][..], |node| &node.public);
            let mut addresses = FixedAddresses {
                v4_ttl_s: NS_TTL_S,
                v6_ttl_s: NS_TTL_S,
                ..FixedAddresses::default()
            };
            for address in public.iter().take(RRSET_MAX) {
                match address {
                    IpAddr::V4(address) => addresses.v4.push(*address),
                    IpAddr::V6(address) => addresses.v6.push(*address),
                }
            }
            if public.is_empty() {
                self.note(
                    format!("dns/{label}"),
                    "the name server has no public address",
                );
            }
            let zone = self.zone_of(&name).unwrap_or_default();
            let node = self.names.entry(name.clone()).or_default();
            (node.zone, node.addresses) = (zone, Addresses::Fixed(addresses));
            self.reserved.push(name.clone());
            names.push(name);
        }
        let name_servers = NameServers {
            ttl_s: NS_TTL_S,
            names,
        };
        for apex in &self.zones {
            if let Some(node) = self.names.get_mut(apex) {
                node.name_servers = Some(name_servers.clone());
            }
        }
    }

    fn add_host_names(&mut self) {
        let view = self.view;
        for (index, region) in view.regions.keys().enumerate() {
            let name = self
                .base
                .child(region)
                .and_then(|name| name.child(HOSTS_LABEL));
            match name {
                Ok(name) => {
                    let zone = self.zone_of(&name).unwrap_or_default();
                    let node = self.names.entry(name.clone()).or_default();
                    (node.zone, node.hosts) = (zone, Some(index));
                    self.reserved.push(name);
                }
                Err(error) => self.note(format!("regions/{region}"), error),
            }
        }
    }

    fn add_domains(&mut self) {
        let view = self.view;
        for (domain, content) in &view.domains {
            if content.endpoint == EndpointType::Private {
                continue;
            }
            let steered = Steered {
                to: self.reach(content.endpoint).unwrap_or(Reach::Regions),
                dualstack: content.dualstack,
            };
            if let Err(message) = self.add_domain(domain.as_str(), steered) {
                self.note(format!("domains/{domain}"), message);
            }
        }
    }

    fn add_domain(&mut self, domain: &str, steered: Steered) -> Result<(), String> {
        let name = WireName::parse(domain).map_err(|error| error.to_string())?;
        let Some(zone) = self.zone_of(&name) else {
            return Ok(());
        };
        self.claim(&name)?;
        let node = self.names.entry(name).or_default();
        node.zone = zone;
        let before = std::mem::replace(&mut node.addresses, Addresses::Steered(steered));
        if node.alias.take().is_some() || before != Addresses::None {
            return Err("its addresses replace the zone's records of this name".to_owned());
        }
        Ok(())
    }

    /// Where an endpoint type leads; none is the region in the asked name.
    fn reach(&self, endpoint: EndpointType) -> Option<Reach> {
        let on_pops = self.view.pops.values().flat_map(|pop| &pop.nodes);
        let mut public = on_pops.flat_map(|node| &node.public);
        match endpoint {
            EndpointType::Regional | EndpointType::Private => None,
            EndpointType::Edge if public.next().is_some() => Some(Reach::Pops),
            // Regions' own listeners serve edge APIs, too.
            EndpointType::Edge => Some(Reach::Regions),
        }
    }

    fn claim(&self, name: &WireName) -> Result<(), String> {
        match self
            .reserved
            .iter()
            .find(|reserved| name.is_within(reserved))
        {
            Some(reserved) => Err(format!("{reserved} is answered by the cluster itself")),
            None => Ok(()),
        }
    }

    /// The zone that a name is in: the one with the longest name.
    fn zone_of(&self, name: &WireName) -> Option<usize> {
        suffixes(name.as_bytes()).find_map(|suffix| {
            self.zones
                .binary_search_by(|zone| zone.as_bytes().cmp(suffix))
                .ok()
        })
    }
}
