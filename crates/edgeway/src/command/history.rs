//! `history`: who changed what, what differs between revisions, and taking an API back.

use http::Method;
use serde_json::{Value, json};

use super::say;
use crate::client::{Client, Target};

/// Changes that have been made.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct History {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

/// What to do with the history.
#[derive(clap::Subcommand)]
enum What {
    /// Show the last changes, newest first.
    List(List),
    /// Show what one change altered.
    Show(Show),
    /// Show what differs between two revisions, field by field.
    Diff(Diff),
    /// Make an API what it was at a revision, as a new change.
    Rollback(Rollback),
}

/// Which changes.
#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    target: Target,
    /// Only changes of this API.
    #[arg(long)]
    api: Option<String>,
    /// So many.
    #[arg(long, default_value_t = 25)]
    count: u32,
}

/// One change.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    target: Target,
    /// The revision that it made.
    revision: u64,
}

/// Two revisions.
#[derive(clap::Args)]
struct Diff {
    #[command(flatten)]
    target: Target,
    /// The earlier one.
    from: u64,
    /// The later one.
    to: u64,
    /// Only this API.
    #[arg(long)]
    api: Option<String>,
    /// As the management API answers.
    #[arg(long)]
    json: bool,
}

/// Where to.
#[derive(clap::Args)]
struct Rollback {
    #[command(flatten)]
    target: Target,
    /// The API's id.
    api: String,
    /// The revision that it was good at.
    revision: u64,
}

pub(super) async fn run(history: &History) -> anyhow::Result<()> {
    match &history.what {
        None => history.list.show().await,
        Some(What::List(list)) => list.show().await,
        Some(What::Show(show)) => {
            let path = format!("/edgeway/v1/history/{}", show.revision);
            let client = show.target.client()?;
            let answer = client.call(Method::GET, &path, None).await?;
            say(&format!("{}\n{}", line(&answer), changes(&answer)))
        }
        Some(What::Diff(diff)) => diff.show().await,
        Some(What::Rollback(rollback)) => rollback.run().await,
    }
}

impl List {
    async fn show(&self) -> anyhow::Result<()> {
        let client = self.target.client()?;
        let mut left = self.count.max(1);
        let mut next = String::new();
        while left > 0 {
            let page = self.page(&client, left, &next).await?;
            let items = page.get("items").and_then(Value::as_array);
            for item in items.into_iter().flatten() {
                say(&line(item))?;
                left = left.saturating_sub(1);
            }
            match page.get("nextToken").and_then(Value::as_str) {
                Some(token) => token.clone_into(&mut next),
                None => break,
            }
        }
        Ok(())
    }

    async fn page(&self, client: &Client, count: u32, next: &str) -> anyhow::Result<Value> {
        let api = self.api.as_deref().unwrap_or_default();
        let path = format!("/edgeway/v1/history?apiId={api}&maxResults={count}&nextToken={next}");
        client.call(Method::GET, &path, None).await
    }
}

impl Diff {
    async fn show(&self) -> anyhow::Result<()> {
        let api = self.api.as_deref().unwrap_or_default();
        let path = format!(
            "/edgeway/v1/history/diff?from={}&to={}&apiId={api}",
            self.from, self.to
        );
        let client = self.target.client()?;
        let answer = client.call(Method::GET, &path, None).await?;
        if self.json {
            return say(&serde_json::to_string_pretty(&answer)?);
        }
        say(&changes(&answer))
    }
}

impl Rollback {
    async fn run(&self) -> anyhow::Result<()> {
        let path = format!("/edgeway/v1/apis/{}/rollback", self.api);
        let body = json!({ "revision": self.revision });
        let client = self.target.client()?;
        let answer = client.call(Method::POST, &path, Some(&body)).await?;
        let name = answer.get("name").and_then(Value::as_str).unwrap_or("-");
        say(&format!(
            "{} ({name}) is as it was at revision {}",
            self.api, self.revision
        ))
    }
}

fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A change as one line.
fn line(item: &Value) -> String {
    let who = match item.get("name").and_then(Value::as_str) {
        Some(name) => format!("{name} ({})", text(item, "by")),
        None => text(item, "by"),
    };
    let changed = item.get("changed").and_then(Value::as_array);
    let changed: Vec<&str> = changed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let reason = item.get("reason").and_then(Value::as_str);
    let reason = reason.map_or_else(String::new, |reason| format!("  because {reason:?}"));
    format!(
        "{:>6}  {}  {}  {}  by {who}  from {}  request {}{reason}",
        text(item, "revision"),
        text(item, "date"),
        text(item, "operation"),
        changed.join(","),
        text(item, "source"),
        text(item, "requestId"),
    )
}

/// Differences as a person reads them: `-` was, `+` is.
fn changes(answer: &Value) -> String {
    let list = |value: &Value, name: &str| {
        let items = value.get(name).and_then(Value::as_array);
        items.cloned().unwrap_or_default()
    };
    if answer.get("changes").is_none() {
        return "too old to tell what it altered".to_owned();
    }
    let mut lines = Vec::new();
    for change in list(answer, "changes") {
        let head = ["kind", "id", "change"].map(|name| text(&change, name));
        lines.push(head.join(" "));
        for field in list(&change, "fields") {
            let path = text(&field, "path");
            for (sign, name) in [('-', "before"), ('+', "after")] {
                if let Some(value) = field.get(name) {
                    lines.push(format!("  {sign} {path}: {value}"));
                }
            }
        }
    }
    if lines.is_empty() {
        return "nothing differs".to_owned();
    }
    if answer.get("truncated") == Some(&Value::Bool(true)) {
        lines.push("there is more; ask for one API with --api".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{changes, line};

    #[test]
    fn a_difference_is_readable() {
        let answer = json!({ "changes": [{
            "kind": "api", "id": "a1", "change": "changed",
            "fields": [{ "path": "$.name", "before": "a", "after": "b" },
                       { "path": "$.routes.r1.key", "after": "GET /x" }],
        }] });
        let wanted = "api a1 changed\n  - $.name: \"a\"\n  + $.name: \"b\"\n  \
                      + $.routes.r1.key: \"GET /x\"";
        assert_eq!(changes(&answer), wanted);
        assert_eq!(changes(&json!({ "changes": [] })), "nothing differs");
        assert!(changes(&json!({})).contains("too old"));
    }

    #[test]
    fn a_change_is_one_line() {
        let entry = json!({ "revision": 7, "date": "2026-11-21T10:00:00Z", "by": "AKIA1",
            "name": "ann", "operation": "UpdateApi", "changed": ["api/a1", "zone/x"],
            "source": "192.0.2.1:5", "requestId": "r-1" });
        let wanted = "     7  2026-11-21T10:00:00Z  UpdateApi  api/a1,zone/x  by ann (AKIA1)  \
                      from 192.0.2.1:5  request r-1";
        assert_eq!(line(&entry), wanted);
        let mut entry = entry;
        entry["reason"] = json!("ticket 7");
        assert_eq!(line(&entry), format!("{wanted}  because \"ticket 7\""));
    }
}
