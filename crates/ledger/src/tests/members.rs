//! Members that join, are removed, move, and the rules for them.

use std::time::Duration;

use model::{NodeId, Op};
use tokio::time::sleep;

use super::{
    changes::{change, node, none_twice, nowhere, pop},
    hub::{Lab, becomes, shows},
};
use crate::{MemberError, Role};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_follows_and_a_voter_can_be_removed() {
    let mut lab = Lab::of(2).await;
    lab.start(3).await;
    // Asked at a follower.
    lab.ledgers[&2]
        .add_learner(NodeId(3), nowhere(3))
        .await
        .unwrap();
    lab.ledgers[&2]
        .add_learner(NodeId(3), nowhere(3))
        .await
        .unwrap();
    lab.ledgers[&2].propose(pop(1)).await.unwrap();
    shows(&lab.ledgers[&3], |config| config.pops.len() == 1).await;
    becomes(&lab.ledgers[&3], |status| {
        status.role == Role::Learner && status.healthy
    })
    .await;
    // A learner proposes as well.
    lab.ledgers[&3].propose(pop(2)).await.unwrap();
    lab.ledgers[&3].promote(NodeId(3)).await.unwrap();
    becomes(&lab.ledgers[&3], |status| status.voters.len() == 3).await;

    lab.ledgers[&3].remove(NodeId(2)).await.unwrap();
    becomes(&lab.ledgers[&1], |status| {
        !status.voters.contains_key(&NodeId(2))
    })
    .await;
    lab.kill(2).await;
    lab.ledgers[&3].propose(pop(3)).await.unwrap();
    assert_eq!(lab.ledgers[&3].config().borrow().pops.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_can_remove_itself() {
    let mut lab = Lab::of(3).await;
    let leader = lab.leader().await;
    lab.ledgers[&leader].remove(NodeId(leader)).await.unwrap();
    lab.kill(leader).await;
    let next = lab.leader().await;
    assert_ne!(next, leader);
    lab.ledgers[&next]
        .propose(pop(1))
        .await
        .unwrap()
        .outcome
        .unwrap();
    assert_eq!(lab.ledgers[&next].status().borrow().voters.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_voter_stays_and_strangers_are_not_promoted() {
    let lab = Lab::of(1).await;
    let ledger = &lab.ledgers[&1];
    assert_eq!(ledger.remove(NodeId(1)).await, Err(MemberError::LastVoter));
    assert_eq!(
        ledger.promote(NodeId(9)).await,
        Err(MemberError::Unknown(NodeId(9)))
    );
    ledger.remove(NodeId(9)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_node_that_does_not_know_it_disturbs_nobody() {
    let lab = Lab::of(3).await;
    let leader = lab.leader().await;
    let gone = if leader == 3 { 2 } else { 3 };
    let term = lab.ledgers[&leader].status().borrow().term;
    lab.hub.cut(leader, gone, true);
    lab.ledgers[&leader].remove(NodeId(gone)).await.unwrap();
    lab.hub.cut(leader, gone, false);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(lab.ledgers[&leader].status().borrow().term, term);
    assert_eq!(lab.leader().await, leader);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_get_the_addresses_of_the_configuration() {
    let lab = Lab::of(3).await;
    let moved = nowhere(77);
    // The bootstrap put node 1 into the configuration; the others are only raft members here.
    let update = change(5, Op::UpdateNode(node(1, moved)));
    lab.ledgers[&2]
        .propose(update)
        .await
        .unwrap()
        .outcome
        .unwrap();
    for ledger in lab.ledgers.values() {
        becomes(ledger, |status| {
            status.voters.get(&NodeId(1)) == Some(&moved)
        })
        .await;
    }
    // By hand, for a node that the configuration does not know.
    lab.ledgers[&2]
        .add_learner(NodeId(3), nowhere(78))
        .await
        .unwrap();
    becomes(&lab.ledgers[&1], |status| {
        status.voters.get(&NodeId(3)) == Some(&nowhere(78))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_node_gets_a_snapshot() {
    let mut lab = Lab::new();
    lab.snapshot_every = 20;
    lab.first().await;
    lab.join(2).await;
    lab.join(3).await;
    // More than the log keeps behind a snapshot.
    let many = u128::from(crate::limits::ENTRIES_KEPT) + 200;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let ledger = lab.ledgers[&1].clone();
        writers.spawn(async move {
            for number in (writer..many).step_by(4) {
                ledger.propose(pop(number)).await.unwrap().outcome.unwrap();
            }
        });
    }
    writers.join_all().await;
    let leader = lab.leader().await;
    let gone = if leader == 3 { 2 } else { 3 };
    lab.kill(gone).await;
    lab.wipe(gone);
    lab.start(gone).await;
    shows(&lab.ledgers[&gone], |config| {
        config.pops.len() as u128 == many
    })
    .await;
    none_twice(&lab.ledgers[&gone].config().borrow());
    becomes(&lab.ledgers[&gone], |status| status.snapshot.is_some()).await;
    // And it starts again from what it was given.
    lab.kill(gone).await;
    lab.start(gone).await;
    lab.ledgers[&gone]
        .propose(pop(many))
        .await
        .unwrap()
        .outcome
        .unwrap();
    none_twice(&lab.ledgers[&gone].config().borrow());
}
