//! The snapshot's file: a head (what it is a snapshot of) and the machine's record.
//!
//! ```text
//! magic (8) | head's length, u32 le | head (record) | machine (record) | digest of it all, u64 le
//! ```
//!
//! A new one is written beside the old one, synced, and renamed over it, so that there is always a
//! whole one. The digest tells a torn or damaged file.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::sync_dir;
use crate::{
    error::LedgerError,
    limits,
    metrics::Metrics,
    types::{LogId, SnapshotMeta},
};
use model::codec::{self, Kind};

const MAGIC: [u8; 8] = *b"EWSNAP\0\x01";
/// Everything but the head and the machine.
const FRAME_BYTES: usize = MAGIC.len() + size_of::<u32>() + size_of::<u64>();

/// A snapshot in memory.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// What it is a snapshot of.
    pub(crate) meta: SnapshotMeta,
    /// The machine's record.
    pub(crate) machine: Vec<u8>,
}

/// Where the latest snapshot is kept.
#[derive(Clone)]
pub(crate) struct SnapshotFile {
    path: PathBuf,
    /// The last entry in the file. Locked while the file is replaced: a snapshot that was built
    /// here may be finished after a newer one has arrived from the leader.
    newest: Arc<Mutex<Option<LogId>>>,
    metrics: Arc<Metrics>,
}

impl SnapshotFile {
    pub(super) fn new(path: PathBuf, metrics: Arc<Metrics>) -> Self {
        Self {
            path,
            newest: Arc::default(),
            metrics,
        }
    }

    /// Replaces the snapshot unless the stored one is newer; durable when it returns. Blocks.
    pub(crate) fn store(&self, snapshot: &Stored) -> io::Result<()> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if *newest > snapshot.meta.last_log_id {
            return Ok(());
        }
        self.replace(snapshot)?;
        *newest = snapshot.meta.last_log_id;
        Ok(())
    }

    fn replace(&self, snapshot: &Stored) -> io::Result<()> {
        let head = codec::encode(Kind::Other, &snapshot.meta).map_err(io::Error::other)?;
        let head_length = u32::try_from(head.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(snapshot.machine.len() + head.len() + FRAME_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(head_length.to_le_bytes());
        bytes.extend(head);
        bytes.extend(&snapshot.machine);
        bytes.extend(codec::digest(&bytes).to_le_bytes());
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        sync_dir(self.path.parent().unwrap_or_else(|| Path::new(".")))?;
        self.metrics
            .snapshot_bytes
            .set(i64::try_from(snapshot.machine.len()).unwrap_or(i64::MAX));
        Ok(())
    }

    /// The stored snapshot, if there is one. Blocks.
    pub(crate) fn load(&self) -> Result<Option<Stored>, LedgerError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let length = file.metadata().map_err(|error| self.failed(&error))?.len();
        if length > limits::SNAPSHOT_BYTES_MAX {
            return Err(self.corrupt("it is over the size limit"));
        }
        let mut bytes = Vec::new();
        // The limit again, in case the file grows while it is read.
        file.take(limits::SNAPSHOT_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|error| self.failed(&error))?;
        let stored = parse(&bytes).map_err(|what| self.corrupt(&what))?;
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = stored.meta.last_log_id;
        self.metrics
            .snapshot_bytes
            .set(i64::try_from(stored.machine.len()).unwrap_or(i64::MAX));
        Ok(Some(stored))
    }

    /// The error for content that cannot be what was stored.
    pub(crate) fn corrupt(&self, what: &str) -> LedgerError {
        LedgerError::Corrupt {
            path: self.path.clone(),
            what: what.to_owned(),
        }
    }

    fn failed(&self, error: &io::Error) -> LedgerError {
        LedgerError::Store {
            path: self.path.clone(),
            what: error.to_string(),
        }
    }
}

/// The id of a snapshot of these bytes: the same id always means the same bytes.
pub(crate) fn identify(meta: &SnapshotMeta, machine: &[u8]) -> String {
    let (term, index) = meta
        .last_log_id
        .map_or((0, 0), |id| (id.leader_id.term, id.index));
    format!("{term}-{index}-{:016x}", codec::digest(machine))
}

fn parse(bytes: &[u8]) -> Result<Stored, String> {
    let rest = bytes
        .strip_prefix(&MAGIC)
        .ok_or("it does not begin as a snapshot does")?;
    let (_, digest) = bytes.split_last_chunk::<8>().ok_or("it is too short")?;
    let covered = bytes.len() - digest.len();
    if bytes.get(..covered).map(codec::digest) != Some(u64::from_le_bytes(*digest)) {
        return Err("it is cut off or damaged".to_owned());
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or("it is too short")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|e| e.to_string())?;
    let (head, rest) = rest.split_at_checked(length).ok_or("its head is cut off")?;
    let (machine, _) = rest
        .split_last_chunk::<8>()
        .ok_or("its machine is cut off")?;
    let meta = codec::decode(Kind::Other, head).map_err(|error| error.to_string())?;
    Ok(Stored {
        meta,
        machine: machine.to_vec(),
    })
}
