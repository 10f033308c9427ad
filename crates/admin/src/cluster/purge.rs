//! `POST /edgeway/v1/purge`: takes answers out of the POPs' caches, and says which POPs did.
//!
//! Nothing is replicated: a POP that cannot be reached is named, and the call can be repeated.

use model::{NodeRole, ResourceKind};
use serde::Serialize;
use serve::BoxFuture;

use super::nodes::place;
use crate::{answer::Answer, call::Call, operation::Waited, ports::PurgeTarget, refusal::Refusal};

/// Longest address or tag.
const TEXT_BYTES_MAX: usize = 8 * 1024;

#[derive(Serialize)]
struct PurgeShape<'a> {
    pops: Vec<PurgedShape<'a>>,
    /// POPs that have not said that they purged.
    unreached: Vec<UnreachedShape<'a>>,
}

#[derive(Serialize)]
struct PurgedShape<'a> {
    pop: &'a str,
    node: u64,
    purged: u64,
    ms: u64,
}

#[derive(Serialize)]
struct UnreachedShape<'a> {
    pop: &'a str,
    node: u64,
}

fn target(call: &Call<'_>) -> Result<PurgeTarget, Refusal> {
    let mut targets = Vec::new();
    for name in ["url", "prefix", "api", "tag"] {
        let Some(text) = call.document.text(name)? else {
            continue;
        };
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(Refusal::bad(format!(
                "{name} must have 1 to {TEXT_BYTES_MAX} bytes"
            )));
        }
        targets.push(match name {
            "url" => PurgeTarget::Url(text),
            "prefix" => PurgeTarget::Prefix(text),
            "api" => PurgeTarget::Api(text.as_str().into()),
            _ => PurgeTarget::Tag(text),
        });
    }
    match (targets.pop(), targets.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Refusal::bad("give one of url, prefix, api and tag")),
    }
}

pub(super) fn run<'a>(call: &'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>> {
    Box::pin(async move {
        let target = target(call)?;
        if let PurgeTarget::Api(api) = &target
            && !call.config.apis.contains_key(api)
        {
            return Err(Refusal::not_found(ResourceKind::Api, api.as_str()));
        }
        // Dropping this future (the caller went away) leaves POPs that were told purged.
        let done = call.ports.caches.purge(target).await;
        let mut shape = PurgeShape {
            pops: Vec::new(),
            unreached: Vec::new(),
        };
        for node in call.config.nodes.values() {
            if !matches!(node.role, NodeRole::Pop(_)) {
                continue;
            }
            let (pop, number) = (place(&node.role), node.id.0);
            match done.iter().find(|one| one.node == node.id) {
                Some(one) => shape.pops.push(PurgedShape {
                    pop,
                    node: number,
                    purged: one.purged,
                    ms: one.ms,
                }),
                None => shape.unreached.push(UnreachedShape { pop, node: number }),
            }
        }
        Ok(Waited::Answer(Answer::ok(&shape)?))
    })
}
