//! openraft's own storage suite, the records, and files that were damaged.

use std::{collections::BTreeMap, fs, sync::Arc};

use model::{NodeId, codec, codec::Kind};
use openraft::{
    CommittedLeaderId, EntryPayload, StoredMembership, Vote,
    storage::RaftLogStorage,
    testing::{StoreBuilder, Suite},
};
use prometheus::Registry;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{LogStore, SnapshotFile, Stored, file::encode, identify, open};
use crate::{
    error::LedgerError,
    machine::StateMachine,
    metrics::Metrics,
    settings::LedgerSettings,
    types::{Batch, Blob, Entry, LogId, Member, SnapshotMeta, StorageError, Types},
};

struct Builder;

impl StoreBuilder<Types, LogStore, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError> {
        let dir = TempDir::new().unwrap();
        let (log, snapshots, metrics) = files(&dir);
        Ok((dir, log, StateMachine::restore(snapshots, metrics).unwrap()))
    }
}

fn files(dir: &TempDir) -> (LogStore, SnapshotFile, Arc<Metrics>) {
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let settings = LedgerSettings::new("test", NodeId(1), dir.path());
    let (log, snapshots) = open(&settings, &metrics).unwrap();
    (log, snapshots, metrics)
}

fn at(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(3, 1), index)
}

#[test]
fn it_passes_openrafts_suite() {
    Suite::test_all(Builder).unwrap();
}

#[tokio::test]
async fn vote_committed_and_purged_survive() {
    let dir = TempDir::new().unwrap();
    let (mut log, ..) = files(&dir);
    let closed = log.closed();
    log.save_vote(&Vote::new(3, 1)).await.unwrap();
    log.purge(at(4)).await.unwrap();
    log.save_committed(Some(at(5))).await.unwrap();
    drop(log);
    closed.cancelled().await;
    let (mut log, ..) = files(&dir);
    assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new(3, 1)));
    assert_eq!(log.read_committed().await.unwrap(), Some(at(5)));
    let state = log.get_log_state().await.unwrap();
    assert_eq!(
        (state.last_purged_log_id, state.last_log_id),
        (Some(at(4)), Some(at(4)))
    );
}

fn stored(index: u64, machine: Vec<u8>) -> Stored {
    let mut meta = SnapshotMeta {
        last_log_id: Some(at(index)),
        ..SnapshotMeta::default()
    };
    let members = BTreeMap::from([(1, Member::default())]);
    meta.last_membership = StoredMembership::new(Some(at(0)), members.into());
    meta.snapshot_id = identify(&meta, &machine);
    Stored { meta, machine }
}

#[test]
fn an_older_snapshot_does_not_replace_a_newer_one() {
    let dir = TempDir::new().unwrap();
    let (_log, snapshots, _) = files(&dir);
    assert!(snapshots.load().unwrap().is_none());
    let (old, new) = (stored(5, vec![5; 10]), stored(9, vec![9; 20]));
    snapshots.store(&new).unwrap();
    snapshots.store(&old).unwrap();
    let found = snapshots.load().unwrap().unwrap();
    assert_eq!((found.meta, found.machine), (new.meta, new.machine));
}

#[test]
fn a_damaged_snapshot_is_an_error_wherever_it_is_damaged() {
    let dir = TempDir::new().unwrap();
    let (_log, snapshots, _) = files(&dir);
    snapshots.store(&stored(5, vec![7; 100])).unwrap();
    let path = dir.path().join("snapshot");
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x11;
        fs::write(&path, damaged).unwrap();
        assert!(
            matches!(snapshots.load(), Err(LedgerError::Corrupt { .. })),
            "at {place}"
        );
        fs::write(&path, &whole[..place]).unwrap();
        assert!(matches!(snapshots.load(), Err(LedgerError::Corrupt { .. })));
    }
}

#[test]
fn a_machine_that_does_not_decode_is_an_error() {
    let dir = TempDir::new().unwrap();
    let (_log, snapshots, metrics) = files(&dir);
    snapshots.store(&stored(5, vec![7; 100])).unwrap();
    let restored = StateMachine::restore(snapshots, metrics);
    assert!(matches!(restored, Err(LedgerError::Corrupt { .. })));
}

fn payloads() -> impl Strategy<Value = EntryPayload<Types>> {
    let blob = prop::collection::vec(any::<u8>(), 0..200).prop_map(Blob::from);
    let voters = prop::collection::btree_set(1..9_u64, 1..5);
    prop_oneof![
        Just(EntryPayload::Blank),
        prop::collection::vec(blob, 0..5).prop_map(|list| EntryPayload::Normal(Batch(list))),
        voters.prop_map(|set| EntryPayload::Membership(openraft::Membership::new(vec![set], ()))),
    ]
}

proptest! {
    #[test]
    fn entries_round_trip(term: u64, node: u64, index: u64, payload in payloads()) {
        let log_id = LogId::new(CommittedLeaderId::new(term, node), index);
        let entry = Entry { log_id, payload };
        let bytes = encode(&entry).unwrap();
        let decoded: Entry = codec::decode(Kind::Other, &bytes).unwrap();
        prop_assert_eq!(entry, decoded);
        // Cut short it is an error, never a panic.
        for cut in 0..bytes.len() {
            let shorter = codec::decode::<Entry>(Kind::Other, &bytes[..cut]);
            prop_assert!(shorter.is_err());
        }
    }

    #[test]
    fn what_a_peer_sends_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut message = vec![Kind::Other as u8, codec::Level::OLDEST.number()];
        message.extend(bytes);
        drop(crate::messages::decode::<crate::messages::RaftRequest>(&message));
        drop(crate::messages::decode::<crate::messages::LeaderRequest>(&message));
        drop(crate::messages::decode::<crate::messages::RaftAnswer>(&message));
        drop(crate::messages::decode::<crate::messages::LeaderAnswer>(&message));
        drop(codec::decode::<Entry>(Kind::Other, &message));
    }
}
