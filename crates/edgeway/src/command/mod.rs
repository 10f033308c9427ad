//! The commands of the program.

mod backup;
mod cache;
mod definition;
mod explain;
mod history;
mod init;
mod join_policy;
mod key;
mod member;
mod ready;
mod rollout;
mod secrets;
mod status;
pub(crate) mod token;
mod upgrade;

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tokio::sync::oneshot;

pub(crate) use self::init::{NewCluster, create};
use crate::{cluster::store, dev, node, settings::Settings, telemetry};

/// The commands of the program.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Run a whole cluster on this machine, with a sample API.
    Dev(dev::Options),
    /// Make a new cluster: its authority, its first region's identity, an admin key.
    Init(init::Options),
    /// Make an authority and an admin key for `init --secrets`, and print them.
    Secrets(secrets::Options),
    /// Make a token with which a node may join.
    Token(token::Options),
    /// Say who may join by what a cloud or an issuer says of the machine.
    #[command(subcommand)]
    JoinPolicy(join_policy::JoinPolicy),
    /// Run one node.
    Start(Start),
    /// Say whether a node on this machine serves; fails unless it does.
    Ready(ready::Options),
    /// Show the cluster's nodes and how they are.
    Status(status::Options),
    /// Take answers out of the POPs' caches.
    #[command(subcommand)]
    Cache(cache::Cache),
    /// Say why the cluster does what it does.
    #[command(subcommand)]
    Explain(explain::Explain),
    /// Add, promote or remove a member.
    #[command(subcommand)]
    Member(member::Member),
    /// Show who changed what, compare revisions, take an API back.
    History(history::History),
    /// Make, rotate, restrict and forget access keys.
    #[command(subcommand)]
    Key(key::Key),
    /// Make a REST API of an OpenAPI file, or change one by it.
    Import(definition::Import),
    /// Write a deployed REST API as an OpenAPI file.
    Export(definition::Export),
    /// See changes that go out in stages, release them or take them back.
    #[command(subcommand)]
    Rollout(rollout::Rollout),
    /// Write the whole configuration to a file.
    Backup(backup::Take),
    /// Make the first node of a cluster that begins anew from a backup.
    Restore(backup::Restore),
    /// See how far a rolling upgrade is, and end it.
    #[command(subcommand)]
    Upgrade(upgrade::Upgrade),
}

/// Options of `start`.
#[derive(clap::Args)]
pub struct Start {
    /// The node's settings.
    #[arg(long)]
    config: PathBuf,
    /// Read the settings, say what is wrong with them, and end.
    #[arg(long)]
    check: bool,
    /// Drain and end when standard input is closed (`dev` runs nodes so).
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// Runs one command.
///
/// # Errors
/// Why it failed, for a person.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Dev(options) => dev::run(options).await,
        Command::Init(options) => init::run(&options),
        Command::Secrets(options) => secrets::run(&options),
        Command::Token(options) => token::run(&options).await,
        Command::JoinPolicy(what) => join_policy::run(&what).await,
        Command::Start(options) => start(options).await,
        Command::Ready(options) => ready::run(&options).await,
        Command::Status(options) => status::run(&options).await,
        Command::Cache(cache) => cache::run(&cache).await,
        Command::Explain(what) => explain::run(&what).await,
        Command::Member(member) => member::run(&member).await,
        Command::History(history) => history::run(&history).await,
        Command::Key(key) => key::run(&key).await,
        Command::Import(import) => definition::import(&import).await,
        Command::Export(export) => definition::export(&export).await,
        Command::Rollout(rollout) => rollout::run(&rollout).await,
        Command::Backup(options) => backup::take(&options).await,
        Command::Restore(options) => backup::restore(&options),
        Command::Upgrade(upgrade) => upgrade::run(&upgrade).await,
    }
}

async fn start(options: Start) -> anyhow::Result<()> {
    let settings = Settings::load(&options.config)?;
    if options.check {
        return say("the settings are good");
    }
    telemetry::install(&settings.log, settings.log_format)?;
    let (closed, end) = oneshot::channel();
    if options.until_stdin_closes {
        // A thread of its own: a read of standard input cannot be given up.
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            // Whatever ends it, the parent is gone or wants this node to end.
            drop(io::stdin().read_to_end(&mut rest));
            let _nobody_waits_any_more = closed.send(());
        });
    }
    let end = async move {
        if !options.until_stdin_closes {
            std::future::pending::<()>().await;
        }
        drop(end.await);
    };
    node::run(settings, end).await
}

/// Writes a line for the person at the terminal.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}")?;
    Ok(())
}

/// Writes a file of secrets: for its owner's eyes alone, from the first byte on.
fn write_private(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    // A bare name has no folder to sync.
    let file = std::path::absolute(file)?;
    store::write_atomically(&file, bytes).with_context(|| file.display().to_string())
}
