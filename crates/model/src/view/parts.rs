//! What both projections have in common.

use std::collections::BTreeMap;

use super::{Place, PlaceNode};
use crate::{Config, Location, NodeRole};

pub(super) fn cluster_name(config: &Config) -> String {
    config
        .cluster
        .as_ref()
        .map_or_else(String::new, |cluster| cluster.name.clone())
}

/// FNV-1a over what the mappings say: the same in every region, unlike the standard hasher.
pub(super) fn fingerprint(mappings: &BTreeMap<crate::MappingId, crate::ApiMapping>) -> u64 {
    let texts = mappings.values().flat_map(|mapping| {
        [
            mapping.key.as_str(),
            mapping.api.as_str(),
            mapping.stage.as_str(),
        ]
    });
    // 0xff never occurs in UTF-8, so it separates without ambiguity.
    let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

pub(super) fn region_places(config: &Config) -> BTreeMap<String, Place> {
    let regions = config.regions.values().map(|region| {
        let role = NodeRole::Region(region.name.clone());
        (
            region.name.to_string(),
            place(config, &role, region.location),
        )
    });
    regions.collect()
}

pub(super) fn pop_places(config: &Config) -> BTreeMap<String, Place> {
    let pops = config.pops.values().map(|pop| {
        let role = NodeRole::Pop(pop.name.clone());
        (pop.name.to_string(), place(config, &role, pop.location))
    });
    pops.collect()
}

pub(super) fn place(config: &Config, role: &NodeRole, location: Option<Location>) -> Place {
    let nodes = config.nodes.values().filter(|node| node.role == *role);
    let nodes = nodes.map(|node| PlaceNode {
        id: node.id,
        link: node.link,
        public: node.public.clone(),
    });
    Place {
        location,
        nodes: nodes.collect(),
    }
}
