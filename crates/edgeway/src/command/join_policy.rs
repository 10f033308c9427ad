//! `join-policy`: who may become a node by what it proves, and who has.

use std::path::PathBuf;

use anyhow::Context as _;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::say;
use crate::client::Target;

const POLICIES: &str = "/edgeway/v1/join-policies";
const USES: &str = "/edgeway/v1/join-uses";

/// What to do with join policies.
#[derive(clap::Subcommand)]
pub enum JoinPolicy {
    /// Shows all policies, or one.
    List(List),
    /// Adds or replaces a policy.
    Put(Put),
    /// Removes a policy; nodes that joined by it stay.
    Delete(Delete),
    /// Shows which proofs have been used.
    Uses(Uses),
    /// Lets a proof be used once more.
    Forget(Forget),
}

/// Options of `join-policy list`.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    target: Target,
    /// Only this one.
    name: Option<String>,
}

/// Options of `join-policy put`.
#[derive(clap::Args)]
pub struct Put {
    #[command(flatten)]
    target: Target,
    /// Its name.
    name: String,
    /// The policy, JSON as the management API takes it.
    #[arg(long)]
    file: PathBuf,
}

/// Options of `join-policy delete`.
#[derive(clap::Args)]
pub struct Delete {
    #[command(flatten)]
    target: Target,
    /// Its name.
    name: String,
}

/// Options of `join-policy uses`.
#[derive(clap::Args)]
pub struct Uses {
    #[command(flatten)]
    target: Target,
}

/// Options of `join-policy forget`.
#[derive(clap::Args)]
pub struct Forget {
    #[command(flatten)]
    target: Target,
    /// As `uses` shows it, such as aws:i-0123456789abcdef0.
    subject: String,
}

pub(super) async fn run(what: &JoinPolicy) -> anyhow::Result<()> {
    match what {
        JoinPolicy::List(List { target, name }) => {
            let path = name.as_deref().map_or_else(|| POLICIES.to_owned(), policy);
            show(target, Method::GET, &path, None).await
        }
        JoinPolicy::Put(Put { target, name, file }) => {
            let named = || file.display().to_string();
            let text = std::fs::read(file).with_context(named)?;
            let body: Value = serde_json::from_slice(&text).with_context(named)?;
            show(target, Method::PUT, &policy(name), Some(&body)).await
        }
        JoinPolicy::Delete(Delete { target, name }) => {
            let client = target.client()?;
            client.call(Method::DELETE, &policy(name), None).await?;
            say(&format!("{name} is removed"))
        }
        JoinPolicy::Uses(Uses { target }) => show(target, Method::GET, USES, None).await,
        JoinPolicy::Forget(Forget { target, subject }) => {
            let path = format!("{USES}/{}", utf8_percent_encode(subject, NON_ALPHANUMERIC));
            target.client()?.call(Method::DELETE, &path, None).await?;
            say(&format!("{subject} may be used once more"))
        }
    }
}

fn policy(name: &str) -> String {
    format!("{POLICIES}/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

async fn show(
    target: &Target,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<()> {
    let answer = target.client()?.call(method, path, body).await?;
    say(&serde_json::to_string_pretty(&answer)?)
}
