//! `cache`: what POPs hold.

use anyhow::bail;
use http::Method;
use serde_json::{Value, json};

use super::say;
use crate::client::Target;

/// What to do with the caches.
#[derive(clap::Subcommand)]
pub enum Cache {
    /// Take answers out of use on every POP, and say how many each held.
    Purge(Purge),
}

/// What to purge.
#[derive(clap::Args)]
pub struct Purge {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    what: What,
}

/// One of these.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct What {
    /// One address with its query: https://host/path?query
    #[arg(long)]
    url: Option<String>,
    /// All addresses that begin so: https://host/path
    #[arg(long)]
    prefix: Option<String>,
    /// Everything of an API, by its id.
    #[arg(long)]
    api: Option<String>,
    /// Everything with this word in Cache-Tag or Surrogate-Key.
    #[arg(long)]
    tag: Option<String>,
}

pub(super) async fn run(cache: &Cache) -> anyhow::Result<()> {
    let Cache::Purge(purge) = cache;
    let What {
        url,
        prefix,
        api,
        tag,
    } = &purge.what;
    let named = [("url", url), ("prefix", prefix), ("api", api), ("tag", tag)];
    let given = named
        .into_iter()
        .find_map(|(name, text)| text.as_ref().map(|text| (name, text)));
    let Some((name, text)) = given else {
        bail!("give one of --url, --prefix, --api and --tag");
    };
    let body = json!({ name: text });
    let client = purge.target.client()?;
    let answer = client
        .call(Method::POST, "/edgeway/v1/purge", Some(&body))
        .await?;
    let list = |name: &str| answer.get(name).and_then(Value::as_array).cloned();
    for one in list("pops").unwrap_or_default() {
        let text = |name: &str| one.get(name).map(Value::to_string).unwrap_or_default();
        let (pop, node) = (text("pop"), text("node"));
        let (purged, ms) = (text("purged"), text("ms"));
        say(&format!(
            "pop {pop} (node {node}): {purged} purged in {ms} ms"
        ))?;
    }
    let unreached = list("unreached").unwrap_or_default();
    if unreached.is_empty() {
        return Ok(());
    }
    bail!(
        "not reached, and may still serve what was purged: {}",
        Value::from(unreached)
    )
}
