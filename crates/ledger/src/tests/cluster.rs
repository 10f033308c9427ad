//! Proposing at every node, reading what was written, the same id twice.

use std::{sync::Arc, time::Duration};

use link::{NodeIdentity, PeerRole, RpcHandler};
use model::{
    ChangeId, NodeId,
    codec::{self, Kind},
};
use openraft::raft::{AppendEntriesRequest, VoteRequest};

use super::{
    changes::{bootstrap, none_twice, nowhere, pop, pop_name},
    hub::Lab,
};
use crate::{
    ProposeError, Role,
    messages::{self, LeaderAnswer, LeaderRequest, RaftRequest, SnapshotPiece},
    types::{Entry, LogId, SnapshotMeta, Vote},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_one_works_at_once() {
    let lab = Lab::of(1).await;
    let applied = lab.ledgers[&1].propose(pop(1)).await.unwrap();
    assert_eq!(applied.outcome.unwrap().revision.0, 2);
    let status = lab.ledgers[&1].status().borrow().clone();
    assert_eq!(status.role, Role::Leader);
    assert_eq!(
        status.voters.keys().copied().collect::<Vec<_>>(),
        [NodeId(1)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_proposes_reads_their_write_on_their_node() {
    let lab = Lab::of(3).await;
    for number in 0..30 {
        let ledger = &lab.ledgers[&(1 + u64::try_from(number).unwrap() % 3)];
        let applied = ledger.propose(pop(number)).await.unwrap();
        let config = ledger.config().borrow().clone();
        assert!(config.revision >= applied.outcome.unwrap().revision);
        assert!(config.pops.contains_key(&pop_name(number)));
    }
    for ledger in lab.ledgers.values() {
        ledger.linearizable().await.unwrap();
        let config = ledger.config().borrow().clone();
        assert_eq!(config.pops.len(), 30);
        none_twice(&config);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_proposed_twice_is_applied_once_and_answered_alike() {
    let lab = Lab::of(3).await;
    let first = lab.ledgers[&2].propose(pop(7)).await.unwrap();
    let again = lab.ledgers[&3].propose(pop(7)).await.unwrap();
    assert_eq!(first.outcome, again.outcome);
    assert!(again.index > first.index);
    none_twice(&lab.ledgers[&3].config().borrow());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_is_a_result() {
    let lab = Lab::of(2).await;
    let mut twice = bootstrap(nowhere(1));
    twice.id = ChangeId(77);
    let applied = lab.ledgers[&2].propose(twice).await.unwrap();
    assert!(applied.outcome.is_err());
    assert_eq!(lab.ledgers[&2].config().borrow().revision.0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_entries() {
    let lab = Lab::of(3).await;
    let before = lab.ledgers[&1].status().borrow().last_log.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..300 {
        let ledger = lab.ledgers[&(1 + u64::try_from(number).unwrap() % 3)].clone();
        writers.spawn(async move { ledger.propose(pop(number)).await.unwrap() });
    }
    let revisions = writers.join_all().await;
    let mut revisions: Vec<_> = revisions
        .into_iter()
        .map(|applied| applied.outcome.unwrap().revision.0)
        .collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=301).collect::<Vec<_>>());
    let entries = lab.ledgers[&1].status().borrow().last_log.unwrap() - before;
    assert!(entries < 300, "{entries} entries for 300 changes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_leader_a_proposal_fails_in_time_and_nothing_is_accepted() {
    let mut lab = Lab::new();
    let lonely = lab.start(1).await;
    let failed = lonely
        .propose_within(pop(1), Duration::from_millis(300))
        .await;
    assert_eq!(failed, Err(ProposeError::NoLeader));
    assert_eq!(
        lonely.linearizable_within(Duration::from_millis(100)).await,
        Err(ProposeError::NoLeader)
    );
    lonely.shutdown().await;
    assert_eq!(lonely.propose(pop(1)).await, Err(ProposeError::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_over_the_limit_is_refused() {
    let lab = Lab::of(1).await;
    let mut long = pop(1);
    long.by = "x".repeat(crate::limits::CHANGE_BYTES_MAX);
    let refused = lab.ledgers[&1].propose(long).await.unwrap_err();
    assert!(matches!(refused, ProposeError::TooLarge { .. }));
    assert!(!refused.is_retryable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_nobody_can_read_does_not_get_into_the_log() {
    let lab = Lab::of(2).await;
    let leader = lab.leader().await;
    let (_, handler) = lab.ledgers[&leader].handlers();
    let from = NodeIdentity::new("test", PeerRole::Region, "here-1", 3 - leader).unwrap();
    let newer = [
        Kind::Change as u8,
        codec::Level::NEWEST.number() + 1,
        1,
        2,
        3,
    ]
    .to_vec();
    for garbage in [Vec::new(), b"garbage".to_vec(), newer] {
        let message = messages::encode(&LeaderRequest::Propose(garbage.into())).unwrap();
        let answer = handler
            .rpc(Some(Arc::new(from.clone())), message)
            .await
            .unwrap();
        let answer: LeaderAnswer = messages::decode(&answer).unwrap();
        assert!(matches!(answer, LeaderAnswer::NotUnderstood));
    }
    lab.ledgers[&2]
        .propose(pop(1))
        .await
        .unwrap()
        .outcome
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_make_no_sense_are_refused_and_do_no_harm() {
    let lab = Lab::of(2).await;
    let (raft, _) = lab.ledgers[&2].handlers();
    let from = |role, node| NodeIdentity::new("test", role, "here-1", node).unwrap();
    let entry = |index| Entry {
        log_id: id(index),
        payload: openraft::EntryPayload::Blank,
    };
    let append = |vote, entries| AppendEntriesRequest {
        vote,
        prev_log_id: Some(id(5)),
        entries,
        leader_commit: None,
    };
    let committed = Vote::new_committed(9, 1);
    let piece = SnapshotPiece {
        vote: committed,
        meta: SnapshotMeta::default(),
        offset: u64::MAX - 2,
        data: vec![1; 9].into(),
        done: true,
    };
    let requests = [
        (PeerRole::Pop, 1, RaftRequest::LeaderAlive),
        (
            PeerRole::Region,
            7,
            RaftRequest::Append(append(committed, Vec::new())),
        ),
        (
            PeerRole::Region,
            7,
            RaftRequest::Vote(VoteRequest::new(Vote::new(9, 1), None)),
        ),
        (
            PeerRole::Region,
            1,
            RaftRequest::Append(append(committed, vec![entry(9)])),
        ),
        (
            PeerRole::Region,
            1,
            RaftRequest::Append(append(committed, vec![entry(u64::MAX)])),
        ),
        (PeerRole::Region, 1, RaftRequest::Snapshot(piece)),
    ];
    for (role, node, request) in requests {
        let message = messages::encode(&request).unwrap();
        let answer = raft.rpc(Some(Arc::new(from(role, node))), message).await;
        assert!(answer.is_err());
    }
    assert!(raft.rpc(None, bytes::Bytes::new()).await.is_err());
    lab.ledgers[&2]
        .propose(pop(1))
        .await
        .unwrap()
        .outcome
        .unwrap();
}

fn id(index: u64) -> LogId {
    LogId::new(openraft::CommittedLeaderId::new(9, 1), index)
}
