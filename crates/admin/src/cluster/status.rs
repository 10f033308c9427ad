//! The cluster at a glance.

use serde::Serialize;

use super::{
    connectors::{self, ConnectorShape},
    nodes::{NodeShape, list_shapes},
};
use crate::{answer::Answer, call::Call, clock, refusal::Refusal};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusShape<'a> {
    cluster: ClusterShape<'a>,
    /// Where this answer comes from.
    region: &'a str,
    node: u64,
    revision: u64,
    /// That calls may be named, and then sent again.
    idempotency_keys: bool,
    raft: RaftShape,
    nodes: Vec<NodeShape<'a>>,
    connectors: Vec<ConnectorShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterShape<'a> {
    name: &'a str,
    base_domain: &'a str,
    account_id: &'a str,
    created_date: String,
    /// At which nodes write records.
    format: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RaftShape {
    role: &'static str,
    leader: Option<u64>,
    term: u64,
    last_log: Option<u64>,
    applied: Option<u64>,
    snapshot: Option<u64>,
    voters: Vec<u64>,
    learners: Vec<u64>,
    /// Whether a leader lives, as far as this node knows.
    healthy: bool,
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let cluster = call.config.cluster.as_deref();
    let cluster =
        cluster.ok_or_else(|| Refusal::Unavailable("the cluster is not set up".to_owned()))?;
    let raft = call.ports.members.status();
    Answer::ok(&StatusShape {
        cluster: ClusterShape {
            name: &cluster.name,
            base_domain: &cluster.base_domain,
            account_id: &cluster.account_id,
            created_date: clock::iso(cluster.created_ms),
            format: cluster.format.number(),
        },
        region: call.settings.region.as_str(),
        node: call.settings.node.0,
        revision: call.config.revision.0,
        idempotency_keys: true,
        raft: RaftShape {
            role: raft.role.as_str(),
            leader: raft.leader.map(|node| node.0),
            term: raft.term,
            last_log: raft.last_log,
            applied: raft.last_applied,
            snapshot: raft.snapshot,
            voters: raft.voters.keys().map(|node| node.0).collect(),
            learners: raft.learners.keys().map(|node| node.0).collect(),
            healthy: raft.healthy,
        },
        nodes: list_shapes(call),
        connectors: connectors::list_shapes(call),
    })
}
