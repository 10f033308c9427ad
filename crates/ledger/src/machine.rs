//! The state machine as openraft sees it: applies committed entries, publishes each configuration.
//!
//! The machine is in memory; what makes it durable is the log and now and then a snapshot. An
//! entry that this build cannot decode (written by a newer one) stops raft on this node: skipping
//! it would make this region differ from the others.

use std::{io::Cursor, sync::Arc};

use model::{
    Change, Config, Machine,
    codec::{self, Kind},
};
use openraft::{
    AnyError, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, storage::RaftStateMachine,
};
use tokio::sync::watch;

use crate::{
    error::LedgerError,
    metrics::Metrics,
    store::{SnapshotFile, Stored, identify},
    types::{Batch, Entry, IoError, LogId, Membership, SnapshotMeta, StorageError, Types},
};

type Results = <Types as openraft::RaftTypeConfig>::R;

/// The machine and where it stands.
#[derive(Clone, Default)]
struct State {
    machine: Machine,
    applied: Option<LogId>,
    membership: Membership,
}

/// Applies entries and keeps snapshots.
pub(crate) struct StateMachine {
    state: State,
    snapshots: SnapshotFile,
    config: watch::Sender<Arc<Config>>,
    /// Changes after `config` does: who has seen an index here sees its effect there.
    applied: watch::Sender<Option<u64>>,
    metrics: Arc<Metrics>,
}

/// A state at rest, to be written as a snapshot while the machine goes on.
pub(crate) struct SnapshotBuilder {
    state: State,
    snapshots: SnapshotFile,
    metrics: Arc<Metrics>,
}

impl StateMachine {
    /// The machine as of the stored snapshot. Blocks.
    pub(crate) fn restore(
        snapshots: SnapshotFile,
        metrics: Arc<Metrics>,
    ) -> Result<Self, LedgerError> {
        let state = match snapshots.load()? {
            Some(stored) => {
                State::decode(&stored).map_err(|error| snapshots.corrupt(&error.to_string()))?
            }
            None => State::default(),
        };
        let config = watch::Sender::new(Arc::clone(state.machine.config()));
        let applied = watch::Sender::new(state.applied.map(|id| id.index));
        Ok(Self {
            state,
            snapshots,
            config,
            applied,
            metrics,
        })
    }

    /// Tells of each new configuration.
    pub(crate) fn config(&self) -> watch::Receiver<Arc<Config>> {
        self.config.subscribe()
    }

    /// Tells how far the log is applied.
    pub(crate) fn applied(&self) -> watch::Receiver<Option<u64>> {
        self.applied.subscribe()
    }

    fn publish(&self) {
        let config = self.state.machine.config();
        self.config.send_if_modified(|shown| {
            let differs = !Arc::ptr_eq(shown, config);
            if differs {
                *shown = Arc::clone(config);
            }
            differs
        });
        let index = self.state.applied.map(|id| id.index);
        self.applied.send_replace(index);
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.metrics.applied_revision.set(gauge(config.revision.0));
        self.metrics.applied_index.set(gauge(index.unwrap_or(0)));
        let history = config.history.past_bytes();
        self.metrics.history_bytes.set(gauge(history));
        let oldest = config.oldest_kept().0;
        self.metrics.history_oldest.set(gauge(oldest));
    }
}

impl State {
    fn decode(stored: &Stored) -> Result<Self, codec::CodecError> {
        Ok(Self {
            machine: codec::decode(Kind::Machine, &stored.machine)?,
            applied: stored.meta.last_log_id,
            membership: stored.meta.last_membership.clone(),
        })
    }

    fn apply(&mut self, entry: Entry) -> Result<Results, codec::CodecError> {
        let results = match entry.payload {
            EntryPayload::Blank => Vec::new(),
            EntryPayload::Normal(batch) => self.apply_batch(&batch)?,
            EntryPayload::Membership(membership) => {
                self.membership = Membership::new(Some(entry.log_id), membership);
                Vec::new()
            }
        };
        self.applied = Some(entry.log_id);
        Ok(results)
    }

    fn apply_batch(&mut self, batch: &Batch) -> Result<Results, codec::CodecError> {
        let decode = |record: &crate::types::Blob| codec::decode(Kind::Change, &record.0);
        // All or none: a half-applied entry could not be tried again.
        let changes: Vec<Change> = batch.0.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(changes
            .into_iter()
            .map(|change| self.machine.apply(change))
            .collect())
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError> {
        Ok((self.state.applied, self.state.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Results>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut results = Vec::new();
        for entry in entries {
            let id = entry.log_id;
            let applied = self.state.apply(entry);
            results.push(applied.map_err(|error| IoError::apply(id, AnyError::new(&error)))?);
        }
        self.publish();
        Ok(results)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            state: self.state.clone(),
            snapshots: self.snapshots.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let stored = Stored {
            meta: meta.clone(),
            machine: snapshot.into_inner(),
        };
        let failed = |error: &(dyn std::error::Error + 'static)| {
            IoError::write_snapshot(Some(meta.signature()), AnyError::error(error))
        };
        let snapshots = self.snapshots.clone();
        let state = blocking(move || {
            // Decoded first: a file that cannot be read must not replace one that can.
            let state = State::decode(&stored).map_err(std::io::Error::other)?;
            snapshots.store(&stored).map(|()| state)
        })
        .await
        .map_err(|error| failed(&error))?;
        self.state = state;
        self.metrics.snapshots.with_label_values(&["leader"]).inc();
        self.publish();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshots = self.snapshots.clone();
        let stored = blocking(move || snapshots.load().map_err(std::io::Error::other))
            .await
            .map_err(|error| IoError::read_snapshot(None, AnyError::new(&error)))?;
        Ok(stored.map(Stored::into_raft))
    }
}

impl RaftSnapshotBuilder<Types> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let (state, snapshots) = (self.state.clone(), self.snapshots.clone());
        let stored = blocking(move || {
            let format = state.machine.config().format();
            let machine = codec::encode_at(format, Kind::Machine, &state.machine)
                .map_err(std::io::Error::other)?;
            let mut meta = SnapshotMeta {
                last_log_id: state.applied,
                last_membership: state.membership,
                snapshot_id: String::new(),
            };
            meta.snapshot_id = identify(&meta, &machine);
            let stored = Stored { meta, machine };
            snapshots.store(&stored).map(|()| stored)
        })
        .await
        .map_err(|error| IoError::write_snapshot(None, AnyError::new(&error)))?;
        self.metrics.snapshots.with_label_values(&["here"]).inc();
        Ok(stored.into_raft())
    }
}

impl Stored {
    fn into_raft(self) -> Snapshot<Types> {
        Snapshot {
            meta: self.meta,
            snapshot: Box::new(Cursor::new(self.machine)),
        }
    }
}

/// Runs `work` where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests;
