//! Entries the machine applies, and one it cannot read.

use std::sync::Arc;

use model::codec::{self, Kind};
use openraft::{CommittedLeaderId, EntryPayload, storage::RaftStateMachine};
use prometheus::Registry;
use tempfile::TempDir;

use super::StateMachine;
use crate::{
    LedgerSettings,
    metrics::Metrics,
    store,
    tests::changes::{bootstrap, nowhere, pop},
    types::{Batch, Blob, Entry, LogId},
};

fn entry(index: u64, records: Vec<Vec<u8>>) -> Entry {
    let log_id = LogId::new(CommittedLeaderId::new(1, 1), index);
    let batch = Batch(records.into_iter().map(Blob::from).collect());
    Entry {
        log_id,
        payload: EntryPayload::Normal(batch),
    }
}

fn record(change: &model::Change) -> Vec<u8> {
    codec::encode(Kind::Change, change).unwrap()
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_it_and_leaves_no_trace() {
    let dir = TempDir::new().unwrap();
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let settings = LedgerSettings::new("test", model::NodeId(1), dir.path());
    let (_log, snapshots) = store::open(&settings, &metrics).unwrap();
    let mut machine = StateMachine::restore(snapshots, Arc::clone(&metrics)).unwrap();
    let first = entry(1, vec![record(&bootstrap(nowhere(1))), record(&pop(1))]);
    let results = machine.apply([first]).await.unwrap();
    assert!(results[0].iter().all(Result::is_ok));
    assert_eq!(machine.config().borrow().revision.0, 2);

    let newer = vec![
        Kind::Change as u8,
        codec::Level::NEWEST.number() + 1,
        1,
        2,
        3,
    ];
    let failed = machine
        .apply([entry(2, vec![record(&pop(2)), newer])])
        .await;
    assert!(failed.unwrap_err().to_string().contains("this build knows"));
    let (applied, _) = machine.applied_state().await.unwrap();
    assert_eq!(applied.unwrap().index, 1);
    assert_eq!(machine.config().borrow().revision.0, 2);
    assert_eq!(*machine.applied().borrow(), Some(1));
}
