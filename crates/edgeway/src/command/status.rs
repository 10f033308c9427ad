//! `status`: the cluster at a glance.

use anyhow::bail;
use http::Method;
use serde_json::Value;

use super::say;
use crate::client::Target;

/// Options of `status`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// The whole answer, for programs.
    #[arg(long)]
    json: bool,
    /// Fail unless there is a leader, and every node is up and serves the newest revision.
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let answer = options
        .target
        .client()?
        .call(Method::GET, "/edgeway/v1/status", None)
        .await?;
    if options.json {
        say(&serde_json::to_string_pretty(&answer)?)?;
    } else {
        say(&table(&answer))?;
    }
    let wrong = if options.check {
        unsettled(&answer)
    } else {
        Vec::new()
    };
    if !wrong.is_empty() {
        bail!("{}", wrong.join("; "));
    }
    Ok(())
}

/// What keeps the cluster from being as it should be, for scripts that wait for that.
fn unsettled(answer: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if answer.pointer("/raft/leader").is_none_or(Value::is_null) {
        wrong.push("there is no leader".to_owned());
    }
    let newest = answer.get("revision").and_then(Value::as_u64);
    let nodes = answer.get("nodes").and_then(Value::as_array);
    for node in nodes.into_iter().flatten() {
        let id = node.get("id").map(Value::to_string).unwrap_or_default();
        let flag = |name: &str| node.get(name).and_then(Value::as_bool).unwrap_or(false);
        let revision = node.get("revision").and_then(Value::as_u64);
        // Calls alone go to it: it holds no configuration.
        let connector = node.get("role").is_some_and(|role| role == "connector");
        if !flag("live") {
            wrong.push(format!("node {id} is down"));
        } else if flag("draining") {
            wrong.push(format!("node {id} drains"));
        } else if !connector && revision < newest {
            wrong.push(format!("node {id} is behind"));
        }
    }
    wrong
}

/// The answer as a person reads it.
fn table(answer: &Value) -> String {
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let head = format!(
        "cluster {}  base domain {}  revision {}  leader node {}  term {}\n",
        text(answer.pointer("/cluster/name")),
        text(answer.pointer("/cluster/baseDomain")),
        text(answer.get("revision")),
        text(answer.pointer("/raft/leader")),
        text(answer.pointer("/raft/term")),
    );
    let mut rows =
        vec![["NODE", "ROLE", "PLACE", "STATE", "RAFT", "REVISION", "LINK"].map(str::to_owned)];
    let nodes = answer
        .get("nodes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for node in nodes {
        let flag = |name: &str| node.get(name).and_then(Value::as_bool).unwrap_or(false);
        let state = match (flag("live"), flag("draining")) {
            (false, _) => "down",
            (true, true) => "draining",
            (true, false) => "up",
        };
        rows.push([
            text(node.get("id")),
            text(node.get("role")),
            text(node.get("place")),
            remarks(state, node),
            vote(answer, node.get("id")).to_owned(),
            text(node.get("revision")),
            text(node.get("link")),
        ]);
    }
    head + &aligned(&rows) + &connectors(answer)
}

/// What connectors offer, if there are any.
fn connectors(answer: &Value) -> String {
    let list = |value: &Value, name: &str| {
        let list = value.get(name).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let word = |value: &Value, name: &str| {
        let word = value.get(name).and_then(Value::as_str);
        word.unwrap_or("-").to_owned()
    };
    let mut text = String::new();
    for one in list(answer, "connectors") {
        let id = one.get("id").map(Value::to_string).unwrap_or_default();
        let regions: Vec<String> = list(&one, "regions")
            .iter()
            .map(|region| word(region, "region"))
            .collect();
        let upstreams: Vec<String> = list(&one, "upstreams")
            .iter()
            .map(|up| format!("{} {}", word(up, "name"), word(up, "health")))
            .collect();
        let joined = |items: &[String]| match items {
            [] => "-".to_owned(),
            items => items.join(", "),
        };
        text.push_str(&format!(
            "\nconnector {id} {}: connected to {}; offers {}",
            word(&one, "name"),
            joined(&regions),
            joined(&upstreams),
        ));
    }
    text
}

/// The node's state with what is unusual about it.
fn remarks(state: &str, node: &Value) -> String {
    let mut all = state.to_owned();
    if let Some(bad) = node.pointer("/refused/revision") {
        all.push_str(&format!(", refuses {bad}"));
    }
    let over_h2 = node.get("overH2").and_then(Value::as_array);
    if let Some(nodes) = over_h2.filter(|nodes| !nodes.is_empty()) {
        let nodes: Vec<String> = nodes.iter().map(Value::to_string).collect();
        all.push_str(&format!(", h2 to {}", nodes.join(" ")));
    }
    all
}

/// The node's part in Raft.
fn vote(answer: &Value, node: Option<&Value>) -> &'static str {
    let among = |list: &str| {
        let list = answer.pointer(list).and_then(Value::as_array);
        node.is_some_and(|node| list.is_some_and(|list| list.contains(node)))
    };
    if node.is_some() && answer.pointer("/raft/leader") == node {
        "leader"
    } else if among("/raft/voters") {
        "voter"
    } else if among("/raft/learners") {
        "learner"
    } else {
        "-"
    }
}

fn aligned(rows: &[[String; 7]]) -> String {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let line = |row: &[String; 7]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    //! What a person sees, and what a script waits for.

    #[test]
    fn a_check_names_what_is_wrong() {
        let mut answer = serde_json::json!({
            "revision": 7, "raft": { "leader": null },
            "nodes": [
                { "id": 1, "live": true, "draining": false, "revision": 7 },
                { "id": 2, "live": false, "revision": 7 },
                { "id": 3, "live": true, "draining": true, "revision": 7 },
                { "id": 4, "live": true, "draining": false, "revision": 6 },
                { "id": 5, "live": true, "draining": false },
                { "id": 6, "role": "connector", "live": true, "draining": false },
            ],
        });
        let expected = "there is no leader; node 2 is down; node 3 drains; node 4 is behind; \
                        node 5 is behind";
        assert_eq!(super::unsettled(&answer).join("; "), expected);
        answer["raft"]["leader"] = 1.into();
        answer["nodes"].as_array_mut().unwrap().truncate(1);
        assert!(super::unsettled(&answer).is_empty());
    }

    #[test]
    fn a_node_that_is_down_shows_so() {
        let answer = serde_json::json!({
            "cluster": { "name": "c", "baseDomain": "x.test" }, "revision": 7,
            "raft": { "leader": 1, "term": 2, "voters": [1], "learners": [] },
            "nodes": [
                { "id": 1, "role": "region", "place": "us-east-1", "live": true,
                  "draining": false, "revision": 7, "link": "127.0.0.1:1" },
                { "id": 12, "role": "pop", "place": "pop-1", "live": false, "link": "127.0.0.1:2" },
                { "id": 13, "role": "pop", "place": "pop-2", "live": true, "draining": false,
                  "revision": 7, "overH2": [1, 2], "link": "127.0.0.1:3" },
            ],
            "connectors": [
                { "id": 14, "name": "office", "regions": [{ "region": "us-east-1" }],
                  "upstreams": [{ "name": "orders", "health": "healthy" }] },
                { "id": 15, "name": "office", "regions": [], "upstreams": [] },
            ],
        });
        insta::assert_snapshot!(super::table(&answer), @r"
        cluster c  base domain x.test  revision 7  leader node 1  term 2
        NODE  ROLE    PLACE      STATE          RAFT    REVISION  LINK
        1     region  us-east-1  up             leader  7         127.0.0.1:1
        12    pop     pop-1      down           -       -         127.0.0.1:2
        13    pop     pop-2      up, h2 to 1 2  -       7         127.0.0.1:3
        connector 14 office: connected to us-east-1; offers orders healthy
        connector 15 office: connected to -; offers -
        ");
    }
}
