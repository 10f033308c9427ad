//! Reading the log, for openraft and for its replication tasks.
//!
//! Reads are made where they are asked for: recent entries are in redb's cache, and the amount is
//! bounded by a few hundred entries or one append's bytes.

use std::{fmt::Debug, ops::RangeBounds, sync::Arc};

use openraft::{OptionalSend, RaftLogReader};

use super::file::{Fault, LogFile};
use crate::{
    limits,
    types::{Entry, IoError, StorageError, Types},
};

/// Reads entries.
#[derive(Clone)]
pub(crate) struct LogReader(pub(super) Arc<LogFile>);

impl RaftLogReader<Types> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        self.0.entries(range, usize::MAX).map_err(read_failed)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        self.0
            .entries(start..end, limits::APPEND_BYTES_MAX)
            .map_err(read_failed)
    }
}

pub(super) fn read_failed(fault: Fault) -> StorageError {
    tracing::error!(%fault, "the ledger's log cannot be read");
    IoError::read_logs(openraft::AnyError::error(fault)).into()
}
