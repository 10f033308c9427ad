//! What follows from all names together, and the finished plan.

use std::collections::BTreeMap;

use model::EndpointType;

use super::Draft;
use crate::{
    Diagnostic,
    zone::{
        Host, NEGATIVE_TTL_S, NameMap, Node, SOA_EXPIRE_S, SOA_REFRESH_S, SOA_RETRY_S, Soa,
        WireName, Zone, ZonePlan, suffixes,
    },
};

impl Draft<'_> {
    /// What follows from all names together.
    pub(super) fn settle(&mut self) {
        self.add_empty_names();
        self.mark_delegations();
        self.hang_wildcards();
    }

    /// Every name between a name and its zone exists, too (RFC 4592, section 2.2.2).
    fn add_empty_names(&mut self) {
        let names: Vec<WireName> = self.names.keys().cloned().collect();
        for name in names {
            let mut above = name.parent();
            // Beyond its own zone, too: a zone of ours may hold another one far below its apex.
            while let Some(name) = above
                && let Some(zone) = self.zone_of(&name)
            {
                above = name.parent();
                self.names.entry(name).or_insert_with(|| Node {
                    zone,
                    ..Node::default()
                });
            }
        }
    }

    /// Tells every name at or below a delegation of its zone so.
    fn mark_delegations(&mut self) {
        let is_cut = |node: &Node| !node.apex && node.name_servers.is_some();
        let cuts: BTreeMap<WireName, usize> = self
            .names
            .iter()
            .filter(|(_, node)| is_cut(node))
            .map(|(name, node)| (name.clone(), node.zone))
            .collect();
        for (name, node) in &mut self.names {
            let above = suffixes(name.as_bytes());
            let cut = above.filter_map(|suffix| cuts.get_key_value(suffix));
            // The last is the uppermost.
            let cut = cut.filter(|(_, zone)| **zone == node.zone).last();
            node.cut = cut.map(|(cut, _)| cut.clone());
        }
    }

    /// Gives every name the wildcard below it.
    fn hang_wildcards(&mut self) {
        let wild: Vec<(WireName, Node)> = self
            .names
            .iter()
            .filter(|(name, _)| name.is_wildcard())
            .map(|(name, node)| (name.clone(), node.clone()))
            .collect();
        for (name, node) in wild {
            if let Some(parent) = name.parent().and_then(|name| self.names.get_mut(&name)) {
                parent.wildcard = Some(Box::new(node));
            }
        }
    }

    pub(super) fn finish(self) -> (ZonePlan, Vec<Diagnostic>) {
        let view = self.view;
        let mut diagnostics = self.diagnostics.clone();
        let mut zones = Vec::new();
        let authority = self
            .base
            .child("ns1")
            .and_then(|mname| self.base.child("hostmaster").map(|rname| (mname, rname)));
        match authority {
            Ok((mname, rname)) => zones.extend(self.zones.iter().map(|apex| {
                Zone {
                    apex: apex.clone(),
                    keys: view
                        .zones
                        .get(&apex.to_string())
                        .map_or_else(Vec::new, |zone| zone.keys.clone()),
                    soa: Soa {
                        mname: mname.clone(),
                        rname: rname.clone(),
                        serial: serial(view.revision.0),
                        refresh_s: SOA_REFRESH_S,
                        retry_s: SOA_RETRY_S,
                        expire_s: SOA_EXPIRE_S,
                        negative_s: NEGATIVE_TTL_S,
                    },
                }
            })),
            Err(error) => diagnostics.push(Diagnostic {
                at: format!("baseDomain/{}", view.base_domain),
                message: error.to_string(),
            }),
        }
        let plan = ZonePlan {
            revision: view.revision,
            pops: view
                .pops
                .iter()
                .map(|(name, pop)| (name.clone(), pop.clone()))
                .collect(),
            regions: view
                .regions
                .iter()
                .map(|(name, at)| (name.clone(), at.clone()))
                .collect(),
            priors: view.priors.values().cloned().collect(),
            challenges: self.challenges(),
            hosts: self.hosts(),
            labels_max: self
                .names
                .keys()
                .map(|name| suffixes(name.as_bytes()).count())
                .max()
                .unwrap_or(0),
            zones,
            names: self.names.into_iter().collect(),
        };
        (plan, diagnostics)
    }

    fn hosts(&self) -> NameMap<Box<[u8]>, Host> {
        let edge = self.reach(EndpointType::Edge);
        let host = |label: &str, endpoint: EndpointType, dualstack: bool| {
            let to = match endpoint {
                EndpointType::Edge => edge,
                EndpointType::Regional => None,
                // It has no public name at all.
                EndpointType::Private => return None,
            };
            let label = label.to_ascii_lowercase().into_bytes().into_boxed_slice();
            Some((label, Host { to, dualstack }))
        };
        let apis = self.view.apis.iter();
        let apis = apis.filter_map(|(id, api)| host(id.as_str(), api.endpoint, api.dualstack));
        let targets = self.view.domains.values();
        let targets = targets.filter_map(|at| host(&at.target, at.endpoint, at.dualstack));
        apis.chain(targets).collect()
    }
}

/// Serial numbers are compared in a circle of 32 bits (RFC 1982), so the low bits suffice.
fn serial(revision: u64) -> u32 {
    u32::try_from(revision & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}
