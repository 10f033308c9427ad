//! The log as openraft sees it.
//!
//! `append` returns when the entries are on disk. openraft 0.9 waits for that anyway before it does
//! anything else; what makes many writers fast is that they share an entry (see `batch`).

use std::{fmt::Debug, io, ops::RangeBounds, sync::Arc};

use openraft::{
    AnyError, LogState, OptionalSend, RaftLogReader,
    storage::{LogFlushed, RaftLogStorage},
};
use tokio_util::sync::CancellationToken;

use super::{
    file::{LogFile, Write, encode},
    reader::{LogReader, read_failed},
    writer::Writer,
};
use crate::{
    metrics::Metrics,
    types::{Entry, IoError, LogId, StorageError, Types, Vote},
};

/// The log of this node.
pub(crate) struct LogStore {
    file: Arc<LogFile>,
    writer: Writer,
}

impl LogStore {
    /// Starts the writer of an open file.
    pub(super) fn start(file: LogFile, metrics: Arc<Metrics>) -> io::Result<Self> {
        let file = Arc::new(file);
        let writer = Writer::start(Arc::clone(&file), metrics)?;
        Ok(Self { file, writer })
    }

    /// Is cancelled when the log's file has been closed, some time after the last user is gone.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.file.closed()
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        LogReader(Arc::clone(&self.file))
            .try_get_log_entries(range)
            .await
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let last_purged_log_id = self.file.purged().map_err(read_failed)?;
        let last = self.file.last().map_err(read_failed)?;
        Ok(LogState {
            last_purged_log_id,
            last_log_id: last.or(last_purged_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        LogReader(Arc::clone(&self.file))
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        let saved = self.writer.write(Write::Vote(*vote)).await;
        saved.map_err(|error| IoError::write_vote(AnyError::new(&error)).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        self.file.vote().map_err(read_failed)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        self.writer
            .committed(committed)
            .map_err(|error| write_failed(&error))
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        self.file.committed().map_err(read_failed)
    }

    async fn append<I>(&mut self, list: I, flushed: LogFlushed<Types>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut records = Vec::new();
        for entry in list {
            let record = encode(&entry)
                .map_err(|error| IoError::write_log_entry(entry.log_id, AnyError::new(&error)))?;
            records.push((entry.log_id.index, record));
        }
        flushed.log_io_completed(self.writer.write(Write::Append(records)).await);
        Ok(())
    }

    async fn truncate(&mut self, since: LogId) -> Result<(), StorageError> {
        let done = self.writer.write(Write::Truncate(since.index)).await;
        done.map_err(|error| write_failed(&error))
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), StorageError> {
        let done = self.writer.write(Write::Purge(upto)).await;
        done.map_err(|error| write_failed(&error))
    }
}

fn write_failed(error: &io::Error) -> StorageError {
    IoError::write_logs(AnyError::new(error)).into()
}
