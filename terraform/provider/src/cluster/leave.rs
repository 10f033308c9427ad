//! The end of a node's membership: it is drained, then removed.
//!
//! Region nodes leave one at a time. Each removal changes who a majority is, may take the leader,
//! and is refused while those that live would be no majority; so the next one waits until there is
//! a leader again. Whatever may pass is tried until the node's own time limit.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value as Json;
use tokio::sync::Mutex;

use super::node::path;
use crate::{
    client::{CallError, Client},
    cty::Value,
    framework::{Call, Note, is_interrupted, pause},
};

const STATUS: &str = "/edgeway/v1/status";
const PAUSE: Duration = Duration::from_millis(500);
/// How long the cluster may take to have a leader after a removal; then the next one finds out.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// Whoever removes a region node holds this.
static TURN: Mutex<()> = Mutex::const_new(());

fn seconds(known: &Value, name: &str, usual: u64) -> Duration {
    let seconds = known
        .whole(name)
        .and_then(|seconds| u64::try_from(seconds).ok());
    Duration::from_secs(seconds.unwrap_or(usual))
}

/// Drains the node and removes it; one that is gone already is fine.
pub(super) async fn leave(call: &mut Call<'_>, known: &Value) -> Result<(), Note> {
    let client = call.session.client()?;
    let limit = seconds(known, "remove_timeout", 180);
    if !drained(client, known, limit).await? {
        return Ok(());
    }
    pause(seconds(known, "drain_seconds", 2)).await;
    if known.text("role") != Some("region") {
        return removed(call, known, limit).await;
    }
    let _turn = TURN.lock().await;
    removed(call, known, limit).await?;
    settled(client, known.whole("node_id")).await;
    Ok(())
}

/// Whether there is a node, which has then been told to drain.
async fn drained(client: &Client, known: &Value, limit: Duration) -> Result<bool, Note> {
    let (begun, path) = (Instant::now(), format!("{}/drain", path(known)));
    loop {
        match client.send(Method::POST, &path, None).await {
            Ok(_) => return Ok(true),
            Err(error) if error.is_gone() => return Ok(false),
            // Draining twice is as once.
            Err(error) if error.may_pass() && begun.elapsed() < limit && !is_interrupted() => {
                pause(PAUSE).await;
            }
            Err(error) => return Err(error.note("drain the node")),
        }
    }
}

async fn removed(call: &mut Call<'_>, known: &Value, limit: Duration) -> Result<(), Note> {
    let client = call.session.client()?;
    let (begun, path) = (Instant::now(), path(known));
    loop {
        ask_another(client, known.whole("node_id")).await;
        let Err(error) = client.remove(&path).await else {
            return Ok(());
        };
        if error
            .to_string()
            .contains("the last voter cannot be removed")
        {
            let detail = "It is the last voter: the cluster ends with its process.";
            let note = Note::warning("The node was not removed", detail);
            call.notes.push(note);
            return Ok(());
        }
        let again = error.may_pass() || is_of_now(&error);
        if !again || begun.elapsed() >= limit || is_interrupted() {
            return Err(explained(client, &error, begun.elapsed()).await);
        }
        pause(PAUSE).await;
    }
}

/// Refusals that depend on who lives at the moment, and on what else is being changed.
fn is_of_now(error: &CallError) -> bool {
    let text = error.to_string();
    ["no majority", "in progress", "has not caught up"]
        .iter()
        .any(|words| text.contains(words))
}

/// A node that has left knows nobody any more: it is not the one to be asked about others, nor
/// about itself.
async fn ask_another(client: &Client, node: Option<i64>) {
    for _ in 0..client.endpoints() {
        match client.get(STATUS).await {
            Ok(status) if status.get("node").and_then(Json::as_i64) == node => client.turn_away(),
            _ => return,
        }
    }
}

/// Waits until the others have a leader and have forgotten the node; not for ever, since removing
/// it has succeeded.
async fn settled(client: &Client, node: Option<i64>) {
    let begun = Instant::now();
    while begun.elapsed() < SETTLED_WITHIN && !is_interrupted() {
        let status = client.get(STATUS).await;
        if status.is_ok_and(|status| is_settled(&status, node)) {
            return;
        }
        ask_another(client, node).await;
        pause(PAUSE).await;
    }
}

fn is_settled(status: &Json, node: Option<i64>) -> bool {
    let raft = |name: &str| status.pointer(&format!("/raft/{name}"));
    let members = |name| raft(name).and_then(Json::as_array).into_iter().flatten();
    let mut all = members("voters").chain(members("learners"));
    let led = raft("healthy").and_then(Json::as_bool) == Some(true);
    let others = raft("leader").and_then(Json::as_i64) != node;
    led && others && all.all(|member| member.as_i64() != node)
}

/// Which of the others are down, and what to do about it.
async fn explained(client: &Client, error: &CallError, after: Duration) -> Note {
    let mut note = error.note("remove the node");
    if !is_of_now(error) {
        return note;
    }
    let down = client.get(STATUS).await.map(|status| down(&status));
    let down = down.unwrap_or_default();
    let who = match down.as_slice() {
        [] => "All voters live now, so the next apply may succeed.".to_owned(),
        down => format!(
            "These voters do not live: {}. Start them first, such as by an apply that is not a \
             destruction; or, if they are lost for good, remove them first, one by one \
             (`edgeway member remove`).",
            down.join(", ")
        ),
    };
    let seconds = after.as_secs();
    note.detail = format!("{} It was tried for {seconds} s. {who}", note.detail);
    note
}

/// The voters that do not live, by number and place.
fn down(status: &Json) -> Vec<String> {
    let nodes = status.get("nodes").and_then(Json::as_array);
    let nodes = nodes.into_iter().flatten();
    let is = |node: &&Json| {
        let live = node.get("live").and_then(Json::as_bool) == Some(true);
        node.get("member").and_then(Json::as_str) == Some("voter") && !live
    };
    let named = nodes.filter(is).map(|node| {
        let place = node.get("place").and_then(Json::as_str).unwrap_or_default();
        let number = node.get("id").and_then(Json::as_i64).unwrap_or_default();
        format!("{number} ({place})")
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use serde_json::json;

    use super::{down, is_settled};

    #[test]
    fn a_removal_has_settled_when_others_lead_and_the_node_is_no_member() {
        let status = |leader: i64, voters: &[i64], healthy: bool| {
            let raft = json!({ "healthy": healthy, "leader": leader, "voters": voters });
            json!({ "raft": raft })
        };
        assert!(is_settled(&status(1, &[1, 3], true), Some(2)));
        assert!(!is_settled(&status(1, &[1, 2, 3], true), Some(2)));
        assert!(!is_settled(&status(2, &[1, 3], true), Some(2)));
        assert!(!is_settled(&status(1, &[1, 3], false), Some(2)));
    }

    #[test]
    fn voters_that_are_down_are_named() {
        let node = |id: i64, live: bool, member: Option<&str>| {
            let place = "eu-1";
            json!({ "id": id, "place": place, "live": live, "member": member })
        };
        let status = json!({ "nodes": [
            node(1, true, Some("voter")),
            node(2, false, Some("voter")),
            node(3, false, Some("learner")),
            node(4, false, None),
        ] });
        assert_eq!(down(&status), ["2 (eu-1)"]);
    }
}
