//! `token`: a join token for one node, or for some of a kind.

use std::path::PathBuf;

use http::Method;
use serde_json::{Value, json};

use super::{say, write_private};
use crate::client::{Client, Target};

/// Options of `token`.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    target: Target,
    /// What the node will be: region, pop, dns or connector.
    #[arg(long, value_parser = ["region", "pop", "dns", "connector"])]
    role: String,
    /// The region's, POP's or connector's name.
    #[arg(long, required_if_eq_any = [("role", "region"), ("role", "pop"), ("role", "connector")])]
    place: Option<String>,
    /// Seconds until it expires.
    #[arg(long, default_value_t = 3600)]
    ttl_s: u32,
    /// Nodes that it admits in all.
    #[arg(long, default_value_t = 1)]
    uses: u32,
    /// Write it to this file, for its owner's eyes alone, instead of showing it.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let client = options.target.client()?;
    let place = options.place.as_deref().unwrap_or_default();
    let life = (options.ttl_s, options.uses);
    let token = make(&client, &options.role, place, life).await?;
    match &options.out {
        Some(file) => write_private(file, token.as_bytes()),
        None => say(&token),
    }
}

/// Makes a token of so many seconds and uses; gives its text.
pub(crate) async fn make(
    client: &Client,
    role: &str,
    place: &str,
    (ttl_s, uses): (u32, u32),
) -> anyhow::Result<String> {
    let body = if role == "dns" {
        json!({ "role": role, "ttlSeconds": ttl_s, "maxUses": uses })
    } else {
        json!({ "role": role, "place": place, "ttlSeconds": ttl_s, "maxUses": uses })
    };
    let answer = client
        .call(Method::POST, "/edgeway/v1/tokens", Some(&body))
        .await?;
    let token = answer.get("token").and_then(Value::as_str);
    token
        .map(str::to_owned)
        .ok_or_else(|| anyhow::anyhow!("the answer holds no token"))
}
