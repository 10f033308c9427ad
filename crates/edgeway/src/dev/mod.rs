//! `dev`: a whole cluster on this machine. Every node is a child process with its own folder and
//! settings file, so killing one is a real failure and starting it again by hand is one command.
//!
//! The nodes join as they would in production: by tokens, over QUIC, with certificates of the
//! cluster's own authority. Nothing here is a short cut inside a node.

mod children;
mod layout;
mod ports;
mod private;
mod ready;
mod sample;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use http::Method;
use model::{AccessKey, Region};
use serde_json::{Value, json};

use self::{
    children::Children,
    layout::{Layout, Member, MemberRole},
};
use crate::{
    client::{self, Client},
    command::{NewCluster, create, say, token},
    node::location,
};

/// How long the cluster may take to serve.
const START_TIMEOUT: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Options of `dev`.
#[derive(clap::Args)]
pub struct Options {
    /// Where the nodes keep their data; a cluster found there is started again.
    #[arg(long, default_value = "edgeway-dev")]
    data_dir: PathBuf,
    /// Written once everything serves; DATA_DIR/ready.json unless given.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Regions, 1 to 8.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=8))]
    regions: u8,
    /// POPs, 1 to 8.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pops: u8,
    /// The cluster's domain.
    #[arg(long, default_value = "edgeway.test")]
    base_domain: String,
    /// First of the ports to use; free ports are chosen unless given.
    #[arg(long, default_value_t = 0)]
    port_base: u16,
    /// Data-plane threads of each node.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// `tracing` filter of the nodes; their logs are in their folders.
    #[arg(long, default_value = "info,openraft=warn")]
    log: String,
}

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    crate::telemetry::install("warn", crate::settings::LogFormat::Text)?;
    std::fs::create_dir_all(&options.data_dir)
        .with_context(|| format!("--data-dir {}", options.data_dir.display()))?;
    let ready_file = options
        .ready_file
        .clone()
        .unwrap_or_else(|| options.data_dir.join("ready.json"));
    drop(std::fs::remove_file(&ready_file));

    let layout = Layout::load_or_plan(&options)?;
    let key = cluster_key(&options, &layout)?;
    let backend = sample::serve(layout.backend)?;
    let mut children = Children::new(options.data_dir.clone())?;
    let ended = tokio::select! {
        started = start(&options, &layout, &key, &mut children) => {
            let first = started?;
            let ready = ready::describe(&options.data_dir, &layout, &key, &children)?;
            ready::write(&ready_file, &ready)?;
            say(&ready::instructions(&options.data_dir, &ready_file, &ready, &first))?;
            tokio::select! {
                signal = end_signal() => signal,
                () = children.watch() => "every node has ended",
            }
        }
        signal = end_signal() => signal,
    };
    say(&format!("\n{ended}: ending all nodes"))?;
    children.end().await;
    drop(std::fs::remove_file(&ready_file));
    backend.end().await;
    Ok(())
}

async fn end_signal() -> &'static str {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = tokio::signal::ctrl_c() => "SIGINT",
        },
        Err(_) => {
            drop(tokio::signal::ctrl_c().await);
            "SIGINT"
        }
    }
}

/// The admin key: of the cluster found, or of a new one.
fn cluster_key(options: &Options, layout: &Layout) -> anyhow::Result<AccessKey> {
    let first = layout.first();
    let folder = options.data_dir.join(&first.name);
    if folder.join("identity").join("node.pem").exists() {
        let text = std::fs::read(folder.join("admin.json"))
            .with_context(|| format!("{}: admin.json", folder.display()))?;
        let known: Value = serde_json::from_slice(&text)?;
        let field = |name: &str| known.get(name).and_then(Value::as_str).unwrap_or_default();
        return Ok(AccessKey::unrestricted(
            field("access_key_id"),
            field("secret_access_key"),
            "admin",
            0,
        ));
    }
    let key = create(&NewCluster {
        data_dir: &folder,
        cluster: "dev",
        base_domain: &options.base_domain,
        account_id: "000000000000",
        region: Region {
            name: first.name.as_str().into(),
            location: Some(location(first.place)),
        },
        secrets: None,
    })?;
    let ca = folder.join("identity").join("ca.pem");
    std::fs::copy(&ca, options.data_dir.join("ca.pem"))
        .with_context(|| ca.display().to_string())?;
    Ok(key)
}

/// Starts every node and waits until all of them serve the sample API; gives its id.
async fn start(
    options: &Options,
    layout: &Layout,
    key: &AccessKey,
    children: &mut Children,
) -> anyhow::Result<String> {
    let first = layout.first();
    layout.write_settings(options)?;
    children.start(first)?;
    wait_ready(children, first).await?;
    let client = Client::new(&first.management_url(), key.id.as_str(), &key.secret)?;
    for member in &layout.members {
        if member.name == first.name {
            continue;
        }
        let folder = options.data_dir.join(&member.name);
        if !folder.join("identity").join("node.pem").exists() {
            let (role, place) = match member.role {
                MemberRole::Region { .. } => ("region", member.name.as_str()),
                MemberRole::Pop => ("pop", member.name.as_str()),
                MemberRole::Dns => ("dns", ""),
            };
            let text = token::make(&client, role, place, (600, 1)).await?;
            std::fs::write(folder.join("join.token"), text)?;
        }
        children.start(member)?;
    }
    for member in &layout.members {
        wait_ready(children, member).await?;
    }
    wait_voters(&client, layout).await?;
    let (api, revision) = sample::create(&client, layout).await?;
    let path = format!("/edgeway/v1/revisions/{revision}/wait?timeoutSeconds=30");
    client.call(Method::GET, &path, None).await?;
    Ok(api)
}

async fn wait_ready(children: &mut Children, member: &Member) -> anyhow::Result<()> {
    let host = member.ops.to_string();
    let ready = async {
        loop {
            if let Ok(status) = client::status_of(&host, "/ready").await
                && status.is_success()
            {
                return Ok(());
            }
            if let Some(status) = children.has_ended(&member.name) {
                let log = children.log(&member.name);
                bail!(
                    "{} ended with {status}; its log is {}",
                    member.name,
                    log.display()
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(START_TIMEOUT, ready)
        .await
        .with_context(|| format!("{} does not become ready", member.name))?
}

async fn wait_voters(client: &Client, layout: &Layout) -> anyhow::Result<()> {
    let wanted = layout.regions().count().min(5);
    let voting = async {
        loop {
            let status = client.call(Method::GET, "/edgeway/v1/status", None).await?;
            let voters = status.pointer("/raft/voters").and_then(Value::as_array);
            if voters.is_some_and(|voters| voters.len() >= wanted) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(START_TIMEOUT, voting)
        .await
        .context("regions do not become voters")?
}

/// Priors and anything else a fresh cluster is given.
pub(super) fn location_json(place: crate::settings::Place) -> Value {
    json!({ "latitude": place.latitude, "longitude": place.longitude })
}
