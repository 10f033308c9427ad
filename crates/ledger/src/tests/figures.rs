//! How fast it is here, printed and not judged: `--no-capture` shows it.

use std::time::Duration;

use model::ChangeId;
use tokio::{task::JoinSet, time::Instant};

use super::{changes::pop, hub::Lab};

/// Proposes with this many writers for a moment; answers changes per second.
async fn rate(lab: &Lab, writers: u128, first: u128) -> f64 {
    let (begun, time) = (Instant::now(), Duration::from_millis(700));
    let mut running = JoinSet::new();
    for writer in 0..writers {
        let ledger = lab.ledgers[&1].clone();
        running.spawn(async move {
            let (mut number, mut done) = (first + writer, 0_u32);
            while begun.elapsed() < time {
                // Always the same POP, so that the configuration stays small.
                let mut again = pop(0);
                again.id = ChangeId(10 + number);
                ledger.propose(again).await.unwrap().outcome.unwrap();
                number += writers;
                done += 1;
            }
            done
        });
    }
    let done: u32 = running.join_all().await.into_iter().sum();
    f64::from(done) / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_failover() {
    let mut lab = Lab::of(3).await;
    for (writers, first) in [(1, 0), (16, 100_000), (64, 200_000)] {
        let rate = rate(&lab, writers, first).await;
        println!("{writers} writers: {rate:.0} changes/s");
        assert!(rate > 0.0);
    }
    let begun = Instant::now();
    for _ in 0..50 {
        lab.ledgers[&1].linearizable().await.unwrap();
    }
    println!("linearizable read: {:?}", begun.elapsed() / 50);
    let leader = lab.leader().await;
    let other = 1 + leader % 3;
    lab.kill(leader).await;
    let begun = Instant::now();
    lab.ledgers[&other].propose(pop(999_999)).await.unwrap();
    println!(
        "first write after the leader's death: {:?}",
        begun.elapsed()
    );
}
