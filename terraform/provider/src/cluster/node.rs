//! A node's membership: waited for until it serves, drained and removed at the end.
//!
//! The machine or process is somebody else's resource; this one stands between it and everything
//! that needs the node, so that Terraform makes them in order and takes them down in the reverse.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::Method;
use serde_json::Value as Json;

use super::{found, leave, listed, text, whole};
use crate::{
    cty::Value,
    framework::{
        Attribute, Call, Check, Failure, Note, Path, Resource, Schema, is_interrupted, pause,
    },
};

const NODES: &str = "/edgeway/v1/nodes";
const STATUS: &str = "/edgeway/v1/status";
const WAIT_S: i64 = 120;
const DRAIN_S: i64 = 2;
const REMOVE_S: i64 = 180;
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A node that has joined is known to every region node that lives within this time.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct ClusterNode;

pub(super) fn path(value: &Value) -> String {
    format!("{NODES}/{}", value.whole("node_id").unwrap_or_default())
}

fn state(answer: &Json) -> Value {
    let id = answer.get("id").and_then(Json::as_i64);
    let place = answer.get("place").and_then(Json::as_str);
    Value::object()
        .with("id", id.map(|id| id.to_string()))
        .with("node_id", id)
        .with("role", text(answer, "role"))
        .with("place", place.filter(|place| !place.is_empty()))
        .with("link", text(answer, "link"))
        .with("management", text(answer, "management"))
        .with("joined_date", text(answer, "joinedDate"))
}

/// Whether the node is the one that the plan describes.
fn is_meant(planned: &Value, node: &Json) -> bool {
    let number = planned.attribute("node_id");
    if number.is_set() {
        return *number == whole(node, "id");
    }
    let fits = |name: &str| {
        let wanted = planned.attribute(name);
        !wanted.is_set() || *wanted == text(node, name)
    };
    fits("role") && fits("place") && fits("link")
}

/// Why a node cannot be counted on yet.
fn missing(node: &Json, revision: i64, voter: bool) -> Option<&'static str> {
    let is = |name: &str| node.get(name).and_then(Json::as_bool) == Some(true);
    let member = node.get("member").and_then(Json::as_str);
    let region = node.get("role").and_then(Json::as_str) == Some("region");
    let serves = node.get("revision").and_then(Json::as_i64).unwrap_or(0);
    if !is("live") {
        Some("it is not live")
    } else if is("leaving") || is("draining") {
        Some("it drains")
    } else if region && member.is_none() {
        Some("it is no Raft member yet")
    } else if region && voter && member != Some("voter") {
        Some("it does not vote yet")
    } else if serves < revision {
        Some("it has not caught up with the configuration")
    } else {
        None
    }
}

/// What one look at the cluster says about the node.
enum Look<'j> {
    Healthy(&'j Json),
    /// Not yet, and why.
    Missing(&'static str),
    /// Nobody has its number.
    Unknown,
}

fn look<'j>(planned: &Value, meant: &[&'j Json], revision: i64) -> Result<Look<'j>, Note> {
    let voter = planned.flag("voter") == Some(true);
    match meant {
        [] if planned.attribute("node_id").is_set() => Ok(Look::Unknown),
        [] => Ok(Look::Missing("it has not joined")),
        [node] => Ok(missing(node, revision, voter).map_or(Look::Healthy(node), Look::Missing)),
        several => {
            let count = several.len();
            let detail = format!("{count} nodes are like this: give node_id or link.");
            let at = Path::of("link");
            Err(Note::error("Which node is meant?", detail).at(at))
        }
    }
}

/// Waits until the node is there and serves what was configured when the wait began.
async fn wait(call: &Call<'_>, planned: &Value) -> Result<Value, Note> {
    let client = call.session.client()?;
    let seconds = planned.whole("wait_timeout").unwrap_or(WAIT_S);
    let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let (begun, mut wanted) = (Instant::now(), None);
    loop {
        let late = begun.elapsed() >= limit || is_interrupted();
        let status = match client.get(STATUS).await {
            Ok(status) => status,
            // Nodes that restart, and elections: somebody answers again.
            Err(error) if error.may_pass() && !late => {
                pause(LOOK_EVERY).await;
                continue;
            }
            Err(error) => return Err(error.note("look for the node")),
        };
        let revision = status.get("revision").and_then(Json::as_i64).unwrap_or(0);
        let wanted = *wanted.get_or_insert(revision);
        let nodes = status.get("nodes").and_then(Json::as_array);
        let nodes = nodes.into_iter().flatten();
        let meant: Vec<&Json> = nodes.filter(|node| is_meant(planned, node)).collect();
        let why = match look(planned, &meant, wanted)? {
            Look::Healthy(node) => return Ok(state(node)),
            Look::Unknown if begun.elapsed() >= limit.min(SHOWS_WITHIN) => {
                return Err(removed(planned));
            }
            Look::Unknown => "nobody has its number",
            Look::Missing(why) => why,
        };
        if late {
            let detail = format!(
                "After {} s {why}. Its log and `edgeway status` say more. Nothing is undone: the \
                 next apply waits for it again.",
                begun.elapsed().as_secs()
            );
            return Err(Note::error("The node does not become healthy", detail));
        }
        promote(call, planned.flag("voter") == Some(true), &meant).await;
        pause(LOOK_EVERY).await;
    }
}

/// It had its number from the cluster, which does not know it: somebody has removed it.
fn removed(planned: &Value) -> Note {
    let number = planned.whole("node_id").unwrap_or_default();
    let detail = format!(
        "No node has number {number}: it was removed, and a node that was cannot come back. Let \
         its machine or process be made again, without its old folder, such as by \
         `terraform apply -replace` with the address of its edgeway_local_node."
    );
    let note = Note::error("The node was removed from the cluster", detail);
    note.at(Path::of("node_id"))
}

/// Asks for the vote of a learner; the next look tells whether it has it.
async fn promote(call: &Call<'_>, voter: bool, meant: &[&Json]) {
    let Some(node) = meant.first().filter(|_| voter) else {
        return;
    };
    if node.get("member").and_then(Json::as_str) != Some("learner") {
        return;
    }
    if let (Ok(client), Some(id)) = (call.session.client(), node.get("id").and_then(Json::as_i64)) {
        // A learner that is behind is refused, and asked for again.
        drop(
            client
                .send(Method::POST, &format!("{NODES}/{id}/promote"), None)
                .await,
        );
    }
}

/// How long what takes time may take.
fn patience() -> [Attribute; 3] {
    let seconds = |name, description, usual, least| {
        let attribute = Attribute::number(name, description).or(usual);
        attribute.check(Check::Range(least, 3_600))
    };
    [
        seconds(
            "drain_seconds",
            "Seconds between draining and removing.",
            DRAIN_S,
            0,
        ),
        seconds(
            "wait_timeout",
            "How long to wait for health, seconds.",
            WAIT_S,
            1,
        ),
        seconds(
            "remove_timeout",
            "How long removing it is tried while no leader can agree to it, seconds.",
            REMOVE_S,
            1,
        ),
    ]
}

#[async_trait]
impl Resource for ClusterNode {
    fn name(&self) -> &'static str {
        "edgeway_node"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A node's part in the cluster. Creating waits until the node has joined, is a Raft \
             member if it is a region's, and serves the configuration. Destroying drains it (POPs, \
             regions and DNS send it nobody new) and then removes it from Raft and DNS, unless the \
             voters that live would be no majority without it; of several nodes at once, one after \
             the other. Let what needs the node depend on this, and this on the machine.",
        )
        .with(Attribute::id("The node's number."))
        .with(
            Attribute::number("node_id", "The node's number, where it is known.")
                .or_computed()
                .stable()
                .replaces(),
        )
        .with(
            Attribute::text("role", "Finds the node, without `node_id`.")
                .or_computed()
                .stable()
                .replaces()
                .check(Check::OneOf(&["region", "pop", "dns"])),
        )
        .with(
            Attribute::text(
                "place",
                "Finds the node, without `node_id`: its region or POP.",
            )
            .or_computed()
            .stable()
            .replaces(),
        )
        .with(
            Attribute::text(
                "link",
                "Where other nodes reach it: one node of several in a place.",
            )
            .or_computed()
            .stable(),
        )
        .with(Attribute::text(
            "instance",
            "Anything that changes when the machine or process does, such as `instance` of \
             `edgeway_local_node`; the node is then waited for again.",
        ))
        .with(Attribute::flag(
            "voter",
            "True: a region node gets a vote, also beyond the five that get one by themselves.",
        ))
        .all(patience())
        .with(
            Attribute::text("management", "Its management API.")
                .computed()
                .stable(),
        )
        .with(
            Attribute::text("joined_date", "When it joined.")
                .computed()
                .stable(),
        )
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let absent = |name: &str| config.attribute(name).is_null();
        let nothing = absent("node_id") && absent("role");
        let detail = "Give node_id, or role and place.";
        nothing
            .then(|| Note::error("Which node is meant?", detail).at(Path::of("node_id")))
            .into_iter()
            .collect()
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        // Without a state: Terraform would remove from the cluster what it only waits for.
        Ok(wait(call, planned).await?)
    }

    async fn read(&self, call: &mut Call<'_>, known: &Value) -> Result<Option<Value>, Failure> {
        let number = known.attribute("node_id");
        let answer = listed(call, NODES, "id", number).await?;
        let answer = answer.map(|node| node.map(|node| state(&node)));
        Ok(found(call, known, answer, "read the node")?)
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        _: &Value,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        Ok(wait(call, planned).await?)
    }

    async fn delete(&self, call: &mut Call<'_>, known: &Value) -> Result<(), Failure> {
        Ok(leave::leave(call, known).await?)
    }

    async fn import(&self, _: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        let number: i64 = id.parse().map_err(|_| {
            Note::error(
                "Not a node",
                format!("{id:?} is no number; see `edgeway status`."),
            )
        })?;
        Ok(Value::object()
            .with("id", id)
            .with("node_id", number)
            .with("drain_seconds", DRAIN_S)
            .with("remove_timeout", REMOVE_S)
            .with("wait_timeout", WAIT_S))
    }

    fn import_form(&self) -> &'static str {
        "NODE"
    }
}

#[cfg(test)]
mod tests;
