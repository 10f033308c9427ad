//! The end of a rolling upgrade: raising the format at which the cluster writes records.
//!
//! Only an operator does it, since from then on the former build cannot take over again. Nothing
//! here looks at what a format brings.

use model::{Config, Node, Op, codec::Level};
use serde::Serialize;

use super::nodes::live;
use crate::{
    answer::Answer,
    call::{Call, Write},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FormatShape {
    /// At which nodes write records.
    format: u8,
    /// The newest that every node knows; none while one cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reachable: Option<u8>,
    /// Nodes that keep the cluster from a newer one, and why.
    holding: Vec<HoldingShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HoldingShape {
    node: u64,
    reason: String,
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (holding, reachable) = holding(call, Level::NEWEST);
    Answer::ok(&FormatShape {
        format: call.config.format().number(),
        reachable: reachable.map(Level::number),
        holding,
    })
}

/// Without `format` in the body: the newest that this node knows.
pub(super) fn raise(call: &Call<'_>) -> Result<Write, Refusal> {
    let newest = i64::from(Level::NEWEST.number());
    let asked = call.document.integer("format", 1, newest)?;
    let asked = asked
        .and_then(|number| u8::try_from(number).ok())
        .map_or(Level::NEWEST, Level::numbered);
    let (holding, _) = holding(call, asked);
    if !holding.is_empty() {
        let each = holding
            .iter()
            .map(|one| format!("node {} {}", one.node, one.reason));
        return Err(Refusal::Conflict(format!(
            "format {asked} is not known to every node: {}; upgrade them, or remove those that \
             will not come back",
            each.collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(Write::showing(Op::RaiseFormat(asked), |config| {
        Answer::ok(&FormatShape {
            format: config.format().number(),
            reachable: Some(config.format().number()),
            holding: Vec::new(),
        })
    }))
}

/// Nodes that do not know `wanted`, and the newest format that all know.
fn holding(call: &Call<'_>, wanted: Level) -> (Vec<HoldingShape>, Option<Level>) {
    let config: &Config = call.config;
    let live = live(call);
    let mut holding = Vec::new();
    let mut reachable = Some(Level::NEWEST);
    for Node { id, .. } in config.nodes.values().map(AsRef::as_ref) {
        let reason = match live.get(id) {
            None => {
                reachable = None;
                "has not been heard of".to_owned()
            }
            Some(node) => {
                reachable = reachable.map(|all| all.min(node.format));
                if node.format >= wanted {
                    continue;
                }
                format!("(build {}) knows formats up to {}", node.build, node.format)
            }
        };
        holding.push(HoldingShape { node: id.0, reason });
    }
    (holding, reachable)
}
