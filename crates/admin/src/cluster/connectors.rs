//! Connectors to private networks: which have joined, where they are connected, what they offer.
//!
//! What is connected is soft state of region nodes, at most a second old; nothing of it is
//! replicated.

use std::collections::BTreeMap;

use model::{NodeId, NodeRole};
use serde::Serialize;

use super::list as list_of;
use crate::{answer::Answer, call::Call, ports::ConnectedConnector, refusal::Refusal};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectorShape {
    id: u64,
    name: String,
    connected: bool,
    draining: bool,
    in_flight: u32,
    /// Region nodes that it is connected to.
    regions: Vec<RegionShape>,
    upstreams: Vec<UpstreamShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegionShape {
    node: u64,
    region: String,
    connections: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpstreamShape {
    name: String,
    health: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

pub(super) fn list_shapes(call: &Call<'_>) -> Vec<ConnectorShape> {
    let mut connected: BTreeMap<NodeId, Vec<ConnectedConnector>> = BTreeMap::new();
    for one in call.ports.fleet.connectors() {
        connected.entry(one.node).or_default().push(one);
    }
    let nodes = call.config.nodes.values();
    let joined = nodes.filter_map(|node| match &node.role {
        NodeRole::Connector(name) => Some((node.id, name.as_str())),
        NodeRole::Region(_) | NodeRole::Pop(_) | NodeRole::Dns => None,
    });
    joined
        .map(|(id, name)| shape(call, (id, name), connected.remove(&id).unwrap_or_default()))
        .collect()
}

fn shape(
    call: &Call<'_>,
    (id, name): (NodeId, &str),
    seen: Vec<ConnectedConnector>,
) -> ConnectorShape {
    let regions = seen.iter().map(|one| RegionShape {
        node: one.by.0,
        region: match call.config.nodes.get(&one.by).map(|node| &node.role) {
            Some(NodeRole::Region(name)) => name.to_string(),
            _ => String::new(),
        },
        connections: one.connections,
    });
    let regions = regions.collect();
    // All tell the same; who has heard of the latest change is not known.
    let upstreams = seen.first().map(|one| one.upstreams.clone());
    let upstreams = upstreams.unwrap_or_default().into_iter();
    ConnectorShape {
        id: id.0,
        name: name.to_owned(),
        connected: !seen.is_empty(),
        draining: seen.iter().any(|one| one.draining),
        in_flight: seen.iter().map(|one| one.in_flight).max().unwrap_or(0),
        regions,
        upstreams: upstreams
            .map(|(name, health, reason)| UpstreamShape {
                name,
                health,
                reason,
            })
            .collect(),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    list_of(list_shapes(call).into_iter())
}
