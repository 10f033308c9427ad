//! `GET /edgeway/v1/revisions/{n}/wait`: until every live node serves a revision, and who lags.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use http::StatusCode;
use model::{NodeId, NodeRole, Revision};
use serde::Serialize;
use serve::BoxFuture;

use super::nodes::{live, place, role};
use crate::{
    answer::Answer,
    call::Call,
    limits::{WAIT_S, WAIT_S_MAX},
    operation::Waited,
    refusal::Refusal,
};

/// How often the nodes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitShape<'a> {
    revision: u64,
    reached: bool,
    elapsed_ms: u64,
    nodes: Vec<ReachedShape<'a>>,
    /// Nodes that are not live, which nobody waits for.
    not_live: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReachedShape<'a> {
    node: u64,
    role: &'static str,
    place: &'a str,
    /// What it served when last looked at.
    revision: u64,
    /// Milliseconds into the wait; absent for nodes that lag.
    #[serde(skip_serializing_if = "Option::is_none")]
    reached_ms: Option<u64>,
}

/// One look at the nodes.
#[derive(Default)]
struct Progress {
    /// When each node was first seen to serve the revision.
    reached: BTreeMap<NodeId, u64>,
    /// What each live node serves.
    serving: BTreeMap<NodeId, Revision>,
}

impl Progress {
    /// Looks again; true when every live node of the configuration has reached `wanted`.
    fn look(&mut self, call: &Call<'_>, wanted: Revision, elapsed_ms: u64) -> bool {
        let live = live(call);
        let known = live.values().filter(|node| {
            call.config
                .nodes
                .get(&node.node)
                .is_some_and(|node| serves(node))
        });
        self.serving = known.map(|node| (node.node, node.revision)).collect();
        for (node, revision) in &self.serving {
            if *revision >= wanted {
                self.reached.entry(*node).or_insert(elapsed_ms);
            }
        }
        self.serving
            .keys()
            .all(|node| self.reached.contains_key(node))
    }

    fn answer(&self, call: &Call<'_>, wanted: Revision, ms: u64) -> Result<Answer, Refusal> {
        let nodes = call.config.nodes.values().filter_map(|node| {
            Some(ReachedShape {
                node: node.id.0,
                role: role(&node.role),
                place: place(&node.role),
                revision: self.serving.get(&node.id)?.0,
                reached_ms: self.reached.get(&node.id).copied(),
            })
        });
        let nodes: Vec<ReachedShape<'_>> = nodes.collect();
        let lagging: Vec<String> = nodes
            .iter()
            .filter(|node| node.reached_ms.is_none())
            .map(|node| format!("{} ({} {})", node.node, node.role, node.place))
            .collect();
        let absent = call
            .config
            .nodes
            .values()
            .filter(|node| serves(node) && !self.serving.contains_key(&node.id));
        let reached = lagging.is_empty();
        let message = (!reached).then(|| {
            format!(
                "revision {wanted} has not been reached by nodes {}",
                lagging.join(", ")
            )
        });
        let not_live = absent.map(|node| node.id.0).collect();
        let shape = WaitShape {
            revision: wanted.0,
            reached,
            elapsed_ms: ms,
            nodes,
            not_live,
            message,
        };
        if reached {
            return Answer::ok(&shape);
        }
        let answer = Answer::json(StatusCode::GATEWAY_TIMEOUT, &shape)?;
        Ok(answer.with("x-amzn-errortype", "TimeoutException"))
    }
}

/// Connectors have no configuration to be behind with.
fn serves(node: &model::Node) -> bool {
    !matches!(node.role, NodeRole::Connector(_))
}

pub(super) fn run<'a>(call: &'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>> {
    Box::pin(async move {
        let revision = call.argument(0).parse().map(Revision);
        let wanted = revision.map_err(|_| Refusal::bad("a revision is a whole number"))?;
        let limit = match call.query("timeoutSeconds") {
            None => WAIT_S,
            Some(text) => match text.parse::<u64>() {
                Ok(seconds) if seconds <= WAIT_S_MAX => seconds,
                _ => {
                    return Err(Refusal::bad(format!(
                        "timeoutSeconds must be between 0 and {WAIT_S_MAX}"
                    )));
                }
            },
        };
        let _room = call
            .waiters
            .try_acquire()
            .map_err(|_| Refusal::Busy("waits for a revision"))?;
        let started = Instant::now();
        let mut progress = Progress::default();
        // Dropping this future (the caller went away) just ends the wait.
        loop {
            let elapsed = started.elapsed();
            let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            if progress.look(call, wanted, ms) || elapsed >= Duration::from_secs(limit) {
                return Ok(Waited::Answer(progress.answer(call, wanted, ms)?));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}
