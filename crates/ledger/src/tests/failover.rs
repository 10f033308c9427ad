//! Leaders that die or are cut off: nothing acknowledged is lost, nothing is applied twice, and a
//! node that was cut off does not depose a healthy leader.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    changes::{none_twice, pop, pop_name},
    hub::{Lab, becomes, shows},
};
use crate::{Ledger, ProposeError};

/// Proposes POPs from `first` on in steps until told to stop, each until it is acknowledged.
async fn write(
    ledger: Ledger,
    first: u128,
    stop: Arc<AtomicBool>,
    done: Arc<Mutex<BTreeSet<u128>>>,
) {
    let mut number = first;
    while !stop.load(Ordering::Relaxed) {
        match ledger
            .propose_within(pop(number), Duration::from_secs(5))
            .await
        {
            Ok(applied) => {
                applied.outcome.unwrap();
                done.lock().unwrap().insert(number);
                number += 10;
            }
            // The same id again.
            Err(error) if error.is_retryable() => {}
            Err(ProposeError::Stopped) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_leader_loses_nothing_that_was_acknowledged() {
    let mut lab = Lab::of(3).await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let mut writers = JoinSet::new();
    for (node, ledger) in lab.ledgers.clone() {
        for writer in 0..3 {
            let first = u128::from(node * 3 + writer);
            // Ten writers at most, so that numbers never meet.
            let first = first - 3;
            writers.spawn(write(
                ledger.clone(),
                first,
                Arc::clone(&stop),
                Arc::clone(&done),
            ));
        }
    }
    sleep(Duration::from_millis(300)).await;
    let leader = lab.leader().await;
    let (before, killed) = (done.lock().unwrap().len(), Instant::now());
    lab.kill(leader).await;
    let next = lab.leader().await;
    assert_ne!(next, leader);
    while done.lock().unwrap().len() < before + 20 {
        sleep(Duration::from_millis(5)).await;
        assert!(
            killed.elapsed() < Duration::from_secs(10),
            "writes did not go on"
        );
    }
    stop.store(true, Ordering::Relaxed);
    writers.join_all().await;

    // The old leader comes back and catches up; it may have entries that were never committed.
    lab.start(leader).await;
    let acknowledged = done.lock().unwrap().clone();
    assert!(before > 0 && acknowledged.len() >= before + 20);
    for ledger in lab.ledgers.values() {
        ledger.linearizable().await.unwrap();
        let config = ledger.config().borrow().clone();
        none_twice(&config);
        for number in &acknowledged {
            assert!(
                config.pops.contains_key(&pop_name(*number)),
                "{number} is lost"
            );
        }
    }
    let configs: Vec<_> = lab
        .ledgers
        .values()
        .map(|l| l.config().borrow().clone())
        .collect();
    assert!(
        configs.windows(2).all(|pair| pair[0] == pair[1]),
        "the nodes differ"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_was_cut_off_does_not_depose_the_leader() {
    let lab = Lab::of(3).await;
    let leader = lab.leader().await;
    let follower = if leader == 3 { 2 } else { 3 };
    let term = lab.ledgers[&leader].status().borrow().term;
    for other in [1, 2, 3].into_iter().filter(|other| *other != follower) {
        lab.hub.cut(follower, other, true);
    }
    becomes(&lab.ledgers[&follower], |status| !status.healthy).await;
    // Several election time-outs.
    sleep(Duration::from_secs(3)).await;
    lab.ledgers[&leader].propose(pop(1)).await.unwrap();
    for other in [1, 2, 3].into_iter().filter(|other| *other != follower) {
        lab.hub.cut(follower, other, false);
    }
    shows(&lab.ledgers[&follower], |config| config.pops.len() == 1).await;
    let status = lab.ledgers[&follower].status().borrow().clone();
    assert_eq!(
        (status.term, status.leader.map(|id| id.0)),
        (term, Some(leader))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_only_lost_the_leader_lets_the_others_be() {
    let lab = Lab::of(3).await;
    let leader = lab.leader().await;
    let follower = if leader == 3 { 2 } else { 3 };
    let term = lab.ledgers[&leader].status().borrow().term;
    lab.hub.cut(follower, leader, true);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(lab.ledgers[&leader].status().borrow().term, term);
    assert_eq!(lab.leader().await, leader);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_cut_off_accepts_nothing_and_rejoins() {
    let lab = Lab::of(3).await;
    let old = lab.leader().await;
    let others: Vec<u64> = [1, 2, 3]
        .into_iter()
        .filter(|other| *other != old)
        .collect();
    for other in &others {
        lab.hub.cut(old, *other, true);
    }
    // The others elect a new leader and go on.
    let applied = lab.ledgers[&others[0]].propose(pop(1)).await.unwrap();
    applied.outcome.unwrap();
    becomes(&lab.ledgers[&old], |status| !status.healthy).await;
    let refused = lab.ledgers[&old]
        .propose_within(pop(2), Duration::from_millis(500))
        .await;
    assert_eq!(refused, Err(ProposeError::NoLeader));
    let stale = lab.ledgers[&old]
        .linearizable_within(Duration::from_millis(500))
        .await;
    assert_eq!(stale, Err(ProposeError::NoLeader));
    for other in &others {
        lab.hub.cut(old, *other, false);
    }
    shows(&lab.ledgers[&old], |config| config.pops.len() == 1).await;
    lab.ledgers[&old]
        .propose(pop(2))
        .await
        .unwrap()
        .outcome
        .unwrap();
    none_twice(&lab.ledgers[&old].config().borrow());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_asked_for_again() {
    let lab = Lab::of(3).await;
    let leader = lab.leader().await;
    let follower = if leader == 3 { 2 } else { 3 };
    let ledger = lab.ledgers[&follower].clone();
    for number in 0..10 {
        let proposed = tokio::spawn({
            let ledger = ledger.clone();
            async move { ledger.propose(pop(number)).await }
        });
        // Sometimes before, sometimes after the leader has accepted it.
        sleep(Duration::from_micros(400 * u64::try_from(number).unwrap())).await;
        lab.hub.cut(follower, leader, true);
        sleep(Duration::from_millis(20)).await;
        lab.hub.cut(follower, leader, false);
        proposed.await.unwrap().unwrap().outcome.unwrap();
    }
    let config = ledger.config().borrow().clone();
    assert_eq!(config.pops.len(), 10);
    none_twice(&config);
}
