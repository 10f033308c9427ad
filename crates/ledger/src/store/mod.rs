//! What survives a restart: the log (a redb file) and the latest snapshot (a plain file).
//!
//! ```text
//! DIR/raft.redb    entries, vote, committed position, whose log it is
//! DIR/snapshot     the machine as of some entry; replaced as a whole
//! ```
//!
//! The machine itself is in memory only: a start loads the snapshot and replays the log. Nothing
//! here understands a change.

mod file;
mod log;
mod reader;
mod snapshot;
mod writer;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use file::LogFile;
pub(crate) use log::LogStore;
pub(crate) use snapshot::{SnapshotFile, Stored, identify};

use crate::{error::LedgerError, metrics::Metrics, settings::LedgerSettings};

/// Opens, or makes, a node's files.
pub(crate) fn open(
    settings: &LedgerSettings,
    metrics: &Arc<Metrics>,
) -> Result<(LogStore, SnapshotFile), LedgerError> {
    let dir = &settings.dir;
    fs::create_dir_all(dir).map_err(|source| LedgerError::Directory {
        path: dir.clone(),
        source,
    })?;
    let log = LogFile::open(&log_path(dir), &settings.cluster, settings.node)?;
    let snapshot = SnapshotFile::new(dir.join("snapshot"), Arc::clone(metrics));
    let store =
        LogStore::start(log, Arc::clone(metrics)).map_err(|source| LedgerError::Directory {
            path: dir.clone(),
            source,
        })?;
    Ok((store, snapshot))
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("raft.redb")
}

/// Makes a renaming or a new file in `dir` survive a power loss.
fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
