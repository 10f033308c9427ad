//! Nodes: what is known of them, and whether they live, vote and keep up.

use std::{collections::BTreeMap, net::IpAddr};

use http::StatusCode;
use ledger::{MemberError, Status};
use model::{Node, NodeId, NodeRole, Op, ResourceKind, codec::Level};
use serde::Serialize;
use serve::BoxFuture;

use super::list;
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    operation::Waited,
    ports::LiveNode,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeShape<'a> {
    id: u64,
    role: &'static str,
    place: &'a str,
    link: String,
    public: &'a [IpAddr],
    #[serde(skip_serializing_if = "Option::is_none")]
    management: Option<&'a str>,
    joined_date: String,
    /// It has been told to drain.
    leaving: bool,
    live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(flatten)]
    state: Option<LiveShape>,
    /// `voter` or `learner`; only region nodes are members.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'static str>,
    /// Log entries that the leader knows it to be behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_lag: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LiveShape {
    revision: u64,
    /// Revisions behind this node's configuration.
    lag: u64,
    draining: bool,
    heard_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<RefusedShape>,
    /// Region nodes that it reaches only over HTTP/2, because UDP does not pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    over_h2: Vec<u64>,
    /// The newest format that it knows.
    format: u8,
    build: String,
}

/// A revision that the node could not take.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusedShape {
    revision: u64,
    reason: String,
}

/// The node itself is always part of what lives.
pub(super) fn live(call: &Call<'_>) -> BTreeMap<NodeId, LiveNode> {
    let mut live: BTreeMap<NodeId, LiveNode> = call
        .ports
        .fleet
        .live()
        .into_iter()
        .map(|node| (node.node, node))
        .collect();
    let revision = call.ports.store.config().revision;
    live.entry(call.settings.node).or_insert(LiveNode {
        node: call.settings.node,
        revision,
        draining: false,
        heard_ms: 0,
        refused: None,
        over_h2: Vec::new(),
        format: Level::NEWEST,
        build: String::new(),
    });
    live
}

pub(super) const fn role(role: &NodeRole) -> &'static str {
    match role {
        NodeRole::Region(_) => "region",
        NodeRole::Pop(_) => "pop",
        NodeRole::Dns => "dns",
        NodeRole::Connector(_) => "connector",
    }
}

/// The region or POP, or the connector's name; DNS nodes have none.
pub(super) fn place(role: &NodeRole) -> &str {
    match role {
        NodeRole::Region(name) => name.as_str(),
        NodeRole::Pop(name) => name.as_str(),
        NodeRole::Dns => "",
        NodeRole::Connector(name) => name.as_str(),
    }
}

pub(super) fn shape<'a>(
    call: &Call<'_>,
    node: &'a Node,
    live: &BTreeMap<NodeId, LiveNode>,
    raft: &Status,
) -> NodeShape<'a> {
    let state = live.get(&node.id);
    let member = if raft.voters.contains_key(&node.id) {
        Some("voter")
    } else if raft.learners.contains_key(&node.id) {
        Some("learner")
    } else {
        None
    };
    NodeShape {
        id: node.id.0,
        role: role(&node.role),
        place: place(&node.role),
        link: node.link.to_string(),
        public: &node.public,
        management: node.management.as_deref(),
        joined_date: clock::iso(node.joined_ms),
        leaving: call.config.leaving.contains(&node.id),
        live: state.is_some(),
        state: state.map(|state| LiveShape {
            revision: state.revision.0,
            lag: call.config.revision.0.saturating_sub(state.revision.0),
            draining: state.draining,
            heard_ms: state.heard_ms,
            refused: state
                .refused
                .as_ref()
                .map(|(revision, reason)| RefusedShape {
                    revision: revision.0,
                    reason: reason.clone(),
                }),
            over_h2: state.over_h2.iter().map(|node| node.0).collect(),
            format: state.format.number(),
            build: state.build.clone(),
        }),
        member,
        log_lag: raft.lag.get(&node.id).copied(),
    }
}

pub(super) fn list_shapes<'a>(call: &'a Call<'_>) -> Vec<NodeShape<'a>> {
    let (live, raft) = (live(call), call.ports.members.status());
    call.config
        .nodes
        .values()
        .map(|node| shape(call, node, &live, &raft))
        .collect()
}

pub(super) fn list_nodes(call: &Call<'_>) -> Result<Answer, Refusal> {
    list(list_shapes(call).into_iter())
}

fn find<'c>(call: &'c Call<'_>) -> Result<&'c Node, Refusal> {
    let text = call.argument(0);
    let found = text
        .parse()
        .ok()
        .and_then(|id| call.config.nodes.get(&NodeId(id)));
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::Node, text))?)
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let raft = call.ports.members.status();
    Answer::ok(&shape(call, find(call)?, &live(call), &raft))
}

/// Lets a region node vote.
pub(super) fn promote<'a>(call: &'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>> {
    Box::pin(async move {
        let node = find(call)?;
        if !matches!(node.role, NodeRole::Region(_)) {
            return Err(Refusal::bad(format!("node {} is no region node", node.id)));
        }
        call.ports.members.promote(node.id).await?;
        Ok(Waited::Answer(show(call)?))
    })
}

/// Tells a node to drain: it says so to POPs, regions and DNS, which send it nobody new, and goes
/// on with what it has. Harmless when repeated.
pub(super) fn drain(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = find(call)?.id;
    Ok(Write::showing(Op::DrainNode(id), |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}

/// Takes a node out of the Raft group, if it is a member, and then forgets it.
pub(super) fn delete<'a>(call: &'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>> {
    Box::pin(async move {
        let node = find(call)?;
        if matches!(node.role, NodeRole::Region(_)) {
            let living = live(call).into_keys().collect();
            match call.ports.members.retire(node.id, living).await {
                Ok(()) | Err(MemberError::Unknown(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(Waited::Write(Write::silent(Op::DeleteNode(node.id))))
    })
}
