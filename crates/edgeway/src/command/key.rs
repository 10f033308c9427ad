//! `key`: access keys of the management API and what they may do.

use std::path::PathBuf;

use anyhow::Context as _;
use http::Method;
use serde_json::{Value, json};

use super::say;
use crate::client::Target;

/// What a key that only reads may do.
fn read_only() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": [
            "apigateway:GET", "edgeway:Get*", "edgeway:List*", "edgeway:DiffHistory",
            "edgeway:ExplainDns", "edgeway:WaitForRevision",
        ],
        "Resource": "*",
    }] })
}

/// Access keys.
#[derive(clap::Subcommand)]
pub enum Key {
    /// Show all keys, without their secrets.
    List(Which),
    /// Make a key; its secret is shown once.
    Create(Create),
    /// Give a key another secret; it is shown once.
    Rotate(Rotate),
    /// Replace a key's policy, or take it away.
    Policy(Policy),
    /// Let a key work no more.
    Disable(One),
    /// Let it work again.
    Enable(One),
    /// Forget a key.
    Delete(One),
}

/// Of which cluster.
#[derive(clap::Args)]
pub struct Which {
    #[command(flatten)]
    target: Target,
}

/// One key.
#[derive(clap::Args)]
pub struct One {
    #[command(flatten)]
    target: Target,
    /// The key's id, such as AKIA....
    id: String,
}

/// A new key.
#[derive(clap::Args)]
pub struct Create {
    #[command(flatten)]
    target: Target,
    /// Whose it is.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    allowed: Allowed,
}

/// What a key may do; everything, unless said otherwise.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Allowed {
    /// A file with an IAM policy document.
    #[arg(long)]
    policy: Option<PathBuf>,
    /// Only look.
    #[arg(long)]
    read_only: bool,
}

/// A new secret.
#[derive(clap::Args)]
pub struct Rotate {
    #[command(flatten)]
    one: One,
    /// Seconds for which the secret before is good too.
    #[arg(long, default_value_t = 3600)]
    grace: u32,
}

/// A new policy.
#[derive(clap::Args)]
pub struct Policy {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    allowed: Allowed,
    /// The key may do everything.
    #[arg(long, conflicts_with_all = ["policy", "read_only"])]
    none: bool,
}

pub(super) async fn run(key: &Key) -> anyhow::Result<()> {
    match key {
        Key::List(which) => {
            let client = which.target.client()?;
            let answer = client
                .call(Method::GET, "/edgeway/v1/access-keys", None)
                .await?;
            say(&table(&answer))
        }
        Key::Create(new) => {
            let mut body = json!({ "name": new.name });
            if let Some(policy) = new.allowed.text()? {
                body["policy"] = Value::String(policy);
            }
            let client = new.target.client()?;
            let made = client
                .call(Method::POST, "/edgeway/v1/access-keys", Some(&body))
                .await?;
            say(&secret(&made))
        }
        Key::Rotate(rotate) => {
            let body = json!({ "graceSeconds": rotate.grace });
            let made = rotate
                .one
                .call(Method::POST, "/rotate", Some(&body))
                .await?;
            say(&secret(&made))
        }
        Key::Policy(policy) => policy.set().await,
        Key::Disable(one) => one.switch("/disable", "works no more").await,
        Key::Enable(one) => one.switch("/enable", "works again").await,
        Key::Delete(one) => {
            one.call(Method::DELETE, "", None).await?;
            say(&format!("{} is forgotten", one.id))
        }
    }
}

impl One {
    async fn call(
        &self,
        method: Method,
        what: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let path = format!("/edgeway/v1/access-keys/{}{what}", self.id);
        self.target.client()?.call(method, &path, body).await
    }

    async fn switch(&self, what: &str, done: &str) -> anyhow::Result<()> {
        self.call(Method::POST, what, None).await?;
        say(&format!("{} {done}", self.id))
    }
}

impl Allowed {
    fn text(&self) -> anyhow::Result<Option<String>> {
        if self.read_only {
            return Ok(Some(read_only().to_string()));
        }
        let Some(file) = &self.policy else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(file);
        text.map(Some)
            .with_context(|| format!("--policy {}", file.display()))
    }
}

impl Policy {
    async fn set(&self) -> anyhow::Result<()> {
        if self.none {
            self.one.call(Method::DELETE, "/policy", None).await?;
            return say(&format!("{} may do everything", self.one.id));
        }
        let text = self.allowed.text()?;
        let text = text.context("say which policy: --policy FILE, --read-only or --none")?;
        let body = json!({ "policy": text });
        self.one.call(Method::PUT, "/policy", Some(&body)).await?;
        say(&format!("{} has its new policy", self.one.id))
    }
}

fn secret(made: &Value) -> String {
    let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or("-");
    format!(
        "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}",
        text("accessKeyId"),
        text("secretAccessKey")
    )
}

fn table(answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array);
    let lines = items.into_iter().flatten().map(|key| {
        let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or("-");
        let may = match key.get("policy") {
            Some(_) => "by its policy",
            None => "everything",
        };
        format!(
            "{}  {}  {}  may do {may}  since {}",
            text("accessKeyId"),
            text("status"),
            text("name"),
            text("createdDate")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
