//! `upgrade`: how far a rolling upgrade is, and its end.
//!
//! Programs are replaced by whoever runs the machines; here is only what the cluster must agree on.

use http::Method;
use serde_json::Value;

use super::say;
use crate::client::Target;

/// What to do with an upgrade.
#[derive(clap::Subcommand)]
pub enum Upgrade {
    /// Show at which format the cluster writes, and which nodes keep it from the next.
    Status(Which),
    /// Raise the format to the newest that every node knows. The former build cannot take over
    /// again afterwards.
    Finish(Which),
}

/// Of which cluster.
#[derive(clap::Args)]
pub struct Which {
    #[command(flatten)]
    target: Target,
}

const PATH: &str = "/edgeway/v1/format";

pub(super) async fn run(upgrade: &Upgrade) -> anyhow::Result<()> {
    match upgrade {
        Upgrade::Status(which) => {
            let answer = which.target.client()?.call(Method::GET, PATH, None).await?;
            say(&text(&answer))
        }
        Upgrade::Finish(which) => {
            let client = which.target.client()?;
            let answer = client.call(Method::POST, PATH, None).await?;
            say(&text(&answer))
        }
    }
}

/// The answer as a person reads it.
fn text(answer: &Value) -> String {
    let number = |name: &str| answer.get(name).and_then(Value::as_u64);
    let format = number("format").unwrap_or_default();
    let mut lines = vec![format!("the cluster writes format {format}")];
    match number("reachable") {
        Some(reachable) if reachable > format => lines.push(format!(
            "every node knows format {reachable}: `edgeway upgrade finish` raises it"
        )),
        Some(_) => lines.push("there is no newer format that every node knows".to_owned()),
        None => {}
    }
    let holding = answer.get("holding").and_then(Value::as_array);
    for one in holding.into_iter().flatten() {
        let node = one.get("node").and_then(Value::as_u64).unwrap_or_default();
        let reason = one
            .get("reason")
            .and_then(Value::as_str)
            .unwrap_or_default();
        lines.push(format!("node {node} {reason}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    //! What a person sees.

    #[test]
    fn says_what_is_missing_and_what_to_do() {
        let waiting = serde_json::json!({ "format": 1, "reachable": 1,
            "holding": [{ "node": 3, "reason": "(build 0.1.0) knows formats up to 1" }] });
        insta::assert_snapshot!(super::text(&waiting), @r"
        the cluster writes format 1
        there is no newer format that every node knows
        node 3 (build 0.1.0) knows formats up to 1
        ");
        let ready = serde_json::json!({ "format": 1, "reachable": 2, "holding": [] });
        insta::assert_snapshot!(super::text(&ready), @r"
        the cluster writes format 1
        every node knows format 2: `edgeway upgrade finish` raises it
        ");
    }
}
