//! The log's file: its tables, its owner, and the few ways to read and alter it.
//!
//! Everything here blocks. Alterations are made by the writer thread alone, one transaction for
//! many of them; reads see the last finished transaction.

use std::path::Path;

use model::{NodeId, codec, codec::Kind};
use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::sync_dir;
use crate::{
    error::LedgerError,
    limits,
    types::{Entry, LogId, Vote},
};

const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
const OWNER: &str = "owner";
const VOTE: &str = "vote";
const COMMITTED: &str = "committed";
const PURGED: &str = "purged";

/// Whatever redb or the codec says, in words: openraft only wants to know that it failed.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Whose log it is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    cluster: String,
    node: NodeId,
}

/// One alteration of the file.
pub(super) enum Write {
    /// Adds encoded entries at these positions.
    Append(Vec<(u64, Vec<u8>)>),
    /// Removes the entries from this position on.
    Truncate(u64),
    /// Removes the entries up to this one, and remembers it.
    Purge(LogId),
    /// Remembers the vote.
    Vote(Vote),
    /// Remembers how far the log is committed.
    Committed(Option<LogId>),
}

/// The open file. It is locked against other processes.
pub(crate) struct LogFile {
    // Dropped in this order: who hears `closed` can open the file again.
    database: Database,
    closed: DropGuard,
}

impl LogFile {
    /// Opens the file at `path`, or makes it for this node.
    pub(crate) fn open(path: &Path, cluster: &str, node: NodeId) -> Result<Self, LedgerError> {
        let new = !path.exists();
        let mut builder = Database::builder();
        builder.set_cache_size(limits::CACHE_BYTES);
        let database = builder.create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => LedgerError::Locked {
                path: path.to_owned(),
            },
            DatabaseError::Storage(redb::StorageError::Io(ref source))
                if source.kind() != std::io::ErrorKind::InvalidData =>
            {
                LedgerError::Store {
                    path: path.to_owned(),
                    what: error.to_string(),
                }
            }
            other => LedgerError::Corrupt {
                path: path.to_owned(),
                what: other.to_string(),
            },
        })?;
        let file = Self {
            database,
            closed: CancellationToken::new().drop_guard(),
        };
        let corrupt = |fault: Fault| LedgerError::Corrupt {
            path: path.to_owned(),
            what: fault.to_string(),
        };
        let owner = file
            .claim(Owner {
                cluster: cluster.to_owned(),
                node,
            })
            .map_err(corrupt)?;
        if owner.cluster != cluster || owner.node != node {
            let Owner { cluster, node } = owner;
            return Err(LedgerError::Foreign {
                path: path.to_owned(),
                cluster,
                node,
            });
        }
        if let (true, Some(dir)) = (new, path.parent()) {
            sync_dir(dir).map_err(|source| LedgerError::Directory {
                path: dir.into(),
                source,
            })?;
        }
        Ok(file)
    }

    /// Makes the tables and writes the owner if there is none; answers who the owner is.
    fn claim(&self, claimant: Owner) -> Result<Owner, Fault> {
        let transaction = self.begin()?;
        let owner = {
            transaction.open_table(ENTRIES)?;
            let mut facts = transaction.open_table(FACTS)?;
            let known = match facts.get(OWNER)? {
                Some(bytes) => Some(codec::decode(Kind::Other, bytes.value())?),
                None => None,
            };
            if let Some(owner) = known {
                owner
            } else {
                facts.insert(OWNER, encode(&claimant)?.as_slice())?;
                claimant
            }
        };
        transaction.commit()?;
        Ok(owner)
    }

    /// Is cancelled when the file has been closed and its lock released.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.token().clone()
    }

    fn begin(&self) -> Result<WriteTransaction, Fault> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction)
    }

    /// Makes all of `writes`, in order, and syncs once.
    pub(super) fn write<'a>(
        &self,
        writes: impl IntoIterator<Item = &'a Write>,
    ) -> Result<(), Fault> {
        let transaction = self.begin()?;
        {
            let mut entries = transaction.open_table(ENTRIES)?;
            let mut facts = transaction.open_table(FACTS)?;
            for write in writes {
                match write {
                    Write::Append(list) => {
                        for (index, bytes) in list {
                            entries.insert(index, bytes.as_slice())?;
                        }
                    }
                    Write::Truncate(since) => {
                        entries.retain_in::<u64, _>(*since.., |_, _| false)?;
                    }
                    Write::Purge(upto) => {
                        facts.insert(PURGED, encode(upto)?.as_slice())?;
                        entries.retain_in::<u64, _>(..=upto.index, |_, _| false)?;
                    }
                    Write::Vote(vote) => {
                        facts.insert(VOTE, encode(vote)?.as_slice())?;
                    }
                    Write::Committed(committed) => {
                        facts.insert(COMMITTED, encode(committed)?.as_slice())?;
                    }
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The entries in `range`, in order, at least one if there is one; stops when their encoded
    /// length reaches `bytes_max`.
    pub(super) fn entries(
        &self,
        range: impl std::ops::RangeBounds<u64>,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, Fault> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let (mut found, mut bytes) = (Vec::new(), 0);
        for item in table.range::<u64>(bounds)? {
            let (_, record) = item?;
            bytes += record.value().len();
            if bytes > bytes_max && !found.is_empty() {
                break;
            }
            found.push(codec::decode(Kind::Other, record.value())?);
        }
        Ok(found)
    }

    /// The last entry's id, if there is any entry.
    pub(super) fn last(&self) -> Result<Option<LogId>, Fault> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let Some((_, record)) = table.last()? else {
            return Ok(None);
        };
        let entry: Entry = codec::decode(Kind::Other, record.value())?;
        Ok(Some(entry.log_id))
    }

    pub(super) fn purged(&self) -> Result<Option<LogId>, Fault> {
        self.fact(PURGED)
    }

    pub(super) fn vote(&self) -> Result<Option<Vote>, Fault> {
        self.fact(VOTE)
    }

    pub(super) fn committed(&self) -> Result<Option<LogId>, Fault> {
        Ok(self.fact::<Option<LogId>>(COMMITTED)?.flatten())
    }

    fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let facts = self.database.begin_read()?.open_table(FACTS)?;
        let Some(bytes) = facts.get(name)? else {
            return Ok(None);
        };
        Ok(Some(codec::decode(Kind::Other, bytes.value())?))
    }
}

/// The record of a fact or entry.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, codec::CodecError> {
    codec::encode(Kind::Other, value)
}
