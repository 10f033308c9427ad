//! `backup` and `restore`: the configuration in a file, and a cluster that begins anew from it.
//!
//! Counters of usage, caches and measurements are not in it. Nothing here starts or stops a node.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, bail};
use ledger::LedgerSettings;
use link::{Authority, Credentials};
use model::{Backup, Node, NodeId, NodeRole};

use super::{say, write_private};
use crate::{
    client::Target,
    cluster::{enroll, membership::now_ms},
    node::common,
    settings::Settings,
};

/// Options of `backup`.
#[derive(clap::Args)]
pub struct Take {
    #[command(flatten)]
    target: Target,
    /// Read the data folder of a region node that does not run, instead of asking a cluster.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// The file to write. It holds every secret of the cluster.
    #[arg(long, required_unless_present = "check")]
    out: Option<PathBuf>,
    /// Only say what is in this file, or that it is damaged.
    #[arg(long, conflicts_with = "out")]
    check: Option<PathBuf>,
}

/// Options of `restore`.
#[derive(clap::Args)]
pub struct Restore {
    /// The backup.
    file: PathBuf,
    /// The settings of the region node that the cluster begins anew with; its data folder must be
    /// empty.
    #[arg(long)]
    config: PathBuf,
    /// The region that the node stands in.
    #[arg(long)]
    region: String,
    /// Added to the revision. POPs and DNS nodes that have seen newer revisions than the backup's
    /// take the restored configuration only once it is newer than those.
    #[arg(long, default_value_t = 0)]
    ahead: u64,
}

pub(super) async fn take(options: &Take) -> anyhow::Result<()> {
    let out = match (&options.out, &options.check) {
        (_, Some(file)) => {
            let revision = read(file)?.config.revision;
            return say(&format!("revision {revision}"));
        }
        (Some(out), None) => out,
        (None, None) => bail!("say where to: --out FILE"),
    };
    let bytes = match &options.data_dir {
        Some(folder) => of_stopped(folder).await?,
        None => of_cluster(&options.target).await?,
    };
    // Read again before anybody relies on it.
    let backup = Backup::from_bytes(&bytes)?;
    write_private(out, &bytes)?;
    say(&format!(
        "revision {} in {} ({} bytes). Keep it like a key: it holds every secret of the cluster",
        backup.config.revision,
        out.display(),
        bytes.len()
    ))
}

async fn of_cluster(target: &Target) -> anyhow::Result<Vec<u8>> {
    let file = target.client()?.file("/edgeway/v1/backup", "*/*").await;
    Ok(file.context("taking a backup")?.to_vec())
}

async fn of_stopped(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let place = || format!("--data-dir {}", folder.display());
    let known = Credentials::load(&folder.join("identity")).with_context(place)?;
    let identity = known.identity();
    let settings = LedgerSettings::new(
        identity.cluster.clone(),
        NodeId(identity.node),
        folder.join("ledger"),
    );
    let config = ledger::read_stopped(&settings).await.with_context(place)?;
    let backup = Backup {
        taken_ms: now_ms(),
        config,
    };
    Ok(backup.to_bytes()?)
}

fn read(file: &Path) -> anyhow::Result<Backup> {
    let name = || file.display().to_string();
    let bytes = std::fs::read(file).with_context(name)?;
    Backup::from_bytes(&bytes).with_context(name)
}

pub(super) fn restore(options: &Restore) -> anyhow::Result<()> {
    let backup = read(&options.file)?;
    let settings = Settings::load(&options.config)?;
    let Some(section) = &settings.region else {
        bail!("--config {}: no region node's", options.config.display());
    };
    let folder = &settings.data_dir;
    if folder.join("identity").exists() || folder.join("ledger").exists() {
        bail!("data_dir {}: there is a node already", folder.display());
    }
    let role = NodeRole::Region(options.region.as_str().into());
    let node = Node {
        id: NodeId(0),
        role: role.clone(),
        link: common::advertised(&settings),
        public: common::public(&settings),
        management: Some(common::management_url(section)),
        joined_ms: now_ms(),
    };
    let (config, id) = backup
        .config
        .begun_anew(node, options.ahead)
        .context("--region")?;
    let cluster = config
        .cluster
        .clone()
        .context("the backup has no cluster")?;
    let authority = Authority::from_der(
        &cluster.authority.certificate_der,
        &cluster.authority.key_der,
    )?;
    let identity = enroll::identity(&cluster.name, &role, id)?;
    let credentials = authority.issue_node(&identity, enroll::NODE_TTL, SystemTime::now())?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let revision = config.revision;
    let ledger = LedgerSettings::new(cluster.name.clone(), id, folder.join("ledger"));
    ledger::restore(&ledger, common::advertised(&settings), config)?;
    // The identity goes last: its presence says that the rest is complete.
    credentials.store(&folder.join("identity"))?;
    say(&format!(
        "node {id} of region {} holds revision {revision}. Start it: edgeway start --config {}\n\
         Region nodes of before are not part of this cluster: their disks must not come back.",
        options.region,
        options.config.display()
    ))
}
