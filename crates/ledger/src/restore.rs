//! A ledger that begins from a configuration instead of from nothing, and the configuration of one
//! whose node does not run.
//!
//! Both are for whoever has lost a majority, or everything: the files are made or read while no
//! node uses them. Nothing here speaks to other nodes.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use model::{
    Config, Machine,
    codec::{self, Kind},
};
use openraft::{CommittedLeaderId, storage::RaftLogReader as _, storage::RaftStateMachine as _};
use prometheus::Registry;

use crate::{
    error::LedgerError,
    machine::StateMachine,
    metrics::Metrics,
    settings::LedgerSettings,
    store::{self, Stored, identify},
    types::{LogId, Member, Membership, SnapshotMeta},
};

/// Makes the files of a ledger that holds `config` and whose only member is this node, reached at
/// `link`. Blocks.
///
/// # Errors
/// There is a ledger already, or the files cannot be written.
pub fn restore(
    settings: &LedgerSettings,
    link: SocketAddr,
    config: Config,
) -> Result<(), LedgerError> {
    let snapshot = settings.dir.join("snapshot");
    if snapshot.exists() || settings.dir.join("raft.redb").exists() {
        return Err(LedgerError::Settings(format!(
            "{} holds a ledger already",
            settings.dir.display()
        )));
    }
    let metrics = Metrics::new(&Registry::new())?;
    let (_log, snapshots) = store::open(settings, &metrics)?;
    let corrupt = |what: String| LedgerError::Corrupt {
        path: snapshot.clone(),
        what,
    };
    let format = config.format();
    let machine = codec::encode_at(format, Kind::Machine, &Machine::of(config))
        .map_err(|error| corrupt(error.to_string()))?;
    let node = settings.node.0;
    // As if the whole past were one entry: what comes next follows it.
    let at = LogId::new(CommittedLeaderId::new(1, node), 1);
    let members = BTreeMap::from([(node, Member { link })]);
    let voters = vec![members.keys().copied().collect()];
    let mut meta = SnapshotMeta {
        last_log_id: Some(at),
        last_membership: Membership::new(Some(at), openraft::Membership::new(voters, members)),
        snapshot_id: String::new(),
    };
    meta.snapshot_id = identify(&meta, &machine);
    let stored = Stored { meta, machine };
    snapshots
        .store(&stored)
        .map_err(|error| corrupt(error.to_string()))
}

/// The configuration in the files of a node that does not run: its snapshot and every entry after
/// it. Entries that no majority had acknowledged are among them: of what was acknowledged, nothing
/// that this node knew of is missing.
///
/// # Errors
/// The node runs, or its files cannot be read.
pub async fn read_stopped(settings: &LedgerSettings) -> Result<Arc<Config>, LedgerError> {
    let metrics = Metrics::new(&Registry::new())?;
    let (mut log, snapshots) = store::open(settings, &metrics)?;
    let mut machine = StateMachine::restore(snapshots, metrics)?;
    let corrupt = |what: String| LedgerError::Corrupt {
        path: settings.dir.clone(),
        what,
    };
    let fault = |error: crate::types::StorageError| corrupt(error.to_string());
    let (applied, _) = machine.applied_state().await.map_err(fault)?;
    let mut next = applied.map_or(0, |id| id.index + 1);
    loop {
        let entries = log.try_get_log_entries(next..).await.map_err(fault)?;
        let Some(last) = entries.last() else {
            break;
        };
        next = last.log_id.index + 1;
        machine.apply(entries).await.map_err(fault)?;
    }
    let config = Arc::clone(&machine.config().borrow());
    Ok(config)
}
