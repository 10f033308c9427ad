//! What a node knows after a restart, and directories it must not open.

use std::fs;

use model::NodeId;
use prometheus::Registry;
use tempfile::TempDir;

use super::{
    changes::{bootstrap, none_twice, nowhere, pop},
    hub::{Lab, shows},
};
use crate::{Ledger, LedgerError, LedgerSettings};

async fn open(dir: &TempDir, node: u64) -> Result<Ledger, LedgerError> {
    let settings = LedgerSettings::new("test", NodeId(node), dir.path()).local();
    Ledger::open_alone(settings, &Registry::new()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_node_restarts_with_all_it_acknowledged() {
    let mut lab = Lab::new();
    lab.snapshot_every = 30;
    lab.first().await;
    for round in 0..4 {
        for number in 0..25 {
            lab.ledgers[&1]
                .propose(pop(round * 25 + number))
                .await
                .unwrap();
        }
        lab.kill(1).await;
        let again = lab.start(1).await;
        // At once, before anything is elected.
        assert_eq!(again.config().borrow().pops.len() as u128, (round + 1) * 25);
    }
    none_twice(&lab.ledgers[&1].config().borrow());
    lab.ledgers[&1]
        .propose(pop(1000))
        .await
        .unwrap()
        .outcome
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_catches_up_after_a_restart() {
    let mut lab = Lab::of(3).await;
    let leader = lab.leader().await;
    let follower = if leader == 3 { 2 } else { 3 };
    lab.kill(follower).await;
    for number in 0..50 {
        lab.ledgers[&leader].propose(pop(number)).await.unwrap();
    }
    let again = lab.start(follower).await;
    shows(&again, |config| config.pops.len() == 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_restart() {
    let mut lab = Lab::of(3).await;
    for number in 0..10 {
        lab.ledgers[&2].propose(pop(number)).await.unwrap();
    }
    for node in 1..=3 {
        lab.kill(node).await;
    }
    for node in 1..=3 {
        lab.start(node).await;
    }
    lab.ledgers[&3]
        .propose(pop(10))
        .await
        .unwrap()
        .outcome
        .unwrap();
    for ledger in lab.ledgers.values() {
        ledger.linearizable().await.unwrap();
        assert_eq!(ledger.config().borrow().pops.len(), 11);
        none_twice(&ledger.config().borrow());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bootstrap_can_be_repeated() {
    let dir = TempDir::new().unwrap();
    let ledger = open(&dir, 1).await.unwrap();
    let first = ledger
        .bootstrap(nowhere(1), bootstrap(nowhere(1)))
        .await
        .unwrap();
    ledger.shutdown().await;
    let ledger = open(&dir, 1).await.unwrap();
    let again = ledger
        .bootstrap(nowhere(1), bootstrap(nowhere(1)))
        .await
        .unwrap();
    assert_eq!(first.outcome, again.outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_belongs_to_one_node_and_one_process() {
    let dir = TempDir::new().unwrap();
    let ledger = open(&dir, 1).await.unwrap();
    assert!(matches!(
        open(&dir, 1).await,
        Err(LedgerError::Locked { .. })
    ));
    ledger.shutdown().await;
    let foreign = open(&dir, 2).await;
    assert!(matches!(
        foreign,
        Err(LedgerError::Foreign {
            node: NodeId(1),
            ..
        })
    ));
    let settings = LedgerSettings::new("other", NodeId(1), dir.path()).local();
    let foreign = Ledger::open_alone(settings, &Registry::new()).await;
    assert!(matches!(foreign, Err(LedgerError::Foreign { .. })));
    // Dropped without a shutdown it is released as well.
    drop(open(&dir, 1).await.unwrap());
    let mut reopened = open(&dir, 1).await;
    for _ in 0..500 {
        if reopened.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        reopened = open(&dir, 1).await;
    }
    reopened.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_something_else_are_named() {
    let dir = TempDir::new().unwrap();
    for garbage in [b"garbage".to_vec(), vec![0; 100_000], vec![0xff; 4096]] {
        fs::write(dir.path().join("raft.redb"), garbage).unwrap();
        let Err(error) = open(&dir, 1).await else {
            panic!("garbage was opened")
        };
        assert!(error.to_string().contains("raft.redb"), "{error}");
    }
    fs::remove_file(dir.path().join("raft.redb")).unwrap();
    fs::write(dir.path().join("snapshot"), b"garbage").unwrap();
    assert!(matches!(
        open(&dir, 1).await,
        Err(LedgerError::Corrupt { .. })
    ));

    let plain = dir.path().join("plain");
    fs::write(&plain, b"").unwrap();
    let settings = LedgerSettings::new("test", NodeId(1), plain.join("below"));
    let opened = Ledger::open_alone(settings, &Registry::new()).await;
    assert!(matches!(opened, Err(LedgerError::Directory { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_that_contradict_each_other_are_refused() {
    let dir = TempDir::new().unwrap();
    let mut settings = LedgerSettings::new("test", NodeId(1), dir.path());
    settings.election_max = settings.election_min;
    let opened = Ledger::open_alone(settings, &Registry::new()).await;
    assert!(matches!(opened, Err(LedgerError::Settings(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_on_disk_before_anything_is_closed() {
    let dir = TempDir::new().unwrap();
    let mut settings = LedgerSettings::new("test", NodeId(1), dir.path()).local();
    settings.snapshot_every = 20;
    let ledger = Ledger::open_alone(settings, &Registry::new())
        .await
        .unwrap();
    ledger
        .bootstrap(nowhere(1), bootstrap(nowhere(1)))
        .await
        .unwrap();
    for number in 0..50 {
        ledger.propose(pop(number)).await.unwrap().outcome.unwrap();
        if number % 10 != 9 {
            continue;
        }
        // The files as a process that was killed now would leave them.
        let killed = TempDir::new().unwrap();
        for file in ["snapshot", "raft.redb"] {
            if dir.path().join(file).exists() {
                fs::copy(dir.path().join(file), killed.path().join(file)).unwrap();
            }
        }
        let again = open(&killed, 1).await.unwrap();
        shows(&again, |config| config.pops.len() as u128 == number + 1).await;
        none_twice(&again.config().borrow());
    }
}
