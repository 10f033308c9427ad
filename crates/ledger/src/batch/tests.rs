//! What goes into one batch.

use tokio::sync::{mpsc, oneshot};

use super::{Batch, Proposal, gather};
use crate::{limits, messages::LeaderAnswer, types::Blob};

type Waiting = Vec<oneshot::Receiver<LeaderAnswer>>;

/// A queue of proposals of these lengths, and their proposers.
fn queue(lengths: &[usize]) -> (mpsc::Receiver<Proposal>, Waiting) {
    let (sender, queue) = mpsc::channel(1024);
    let mut waiting = Vec::new();
    for length in lengths {
        let (answer, outcome) = oneshot::channel();
        let record = Blob::from(vec![7; *length]);
        sender.try_send(Proposal { record, answer }).unwrap();
        waiting.push(outcome);
    }
    (queue, waiting)
}

/// The sizes of the first batch, and of the proposal that is left over for the next.
fn first_batch(queue: &mut mpsc::Receiver<Proposal>) -> (Vec<usize>, Option<usize>) {
    let (first, mut next) = (queue.try_recv().unwrap(), None);
    let (Batch(records), answers) = gather(first, queue, &mut next);
    assert_eq!(records.len(), answers.len());
    let sizes = records.iter().map(|record| record.0.len()).collect();
    (
        sizes,
        next.map(|proposal: Proposal| proposal.record.0.len()),
    )
}

#[test]
fn what_waits_shares_a_batch() {
    let (mut queue, _waiting) = queue(&[10, 20, 30]);
    assert_eq!(first_batch(&mut queue), (vec![10, 20, 30], None));
}

#[test]
fn a_batch_has_limits() {
    let (mut many, _waiting) = queue(&[1; limits::BATCH_CHANGES_MAX + 1]);
    assert_eq!(first_batch(&mut many).0.len(), limits::BATCH_CHANGES_MAX);
    let large = limits::BATCH_BYTES_MAX - 5;
    let (mut long, _waiting) = queue(&[3, large, 8]);
    assert_eq!(first_batch(&mut long), (vec![3, large], Some(8)));
    let (mut longest, _waiting) = queue(&[limits::BATCH_BYTES_MAX + 1, 8]);
    assert_eq!(
        first_batch(&mut longest),
        (vec![limits::BATCH_BYTES_MAX + 1], Some(8))
    );
}

#[test]
fn who_has_gone_away_is_left_out() {
    let (mut queue, mut waiting) = queue(&[10, 20, 30]);
    drop(waiting.remove(1));
    assert_eq!(first_batch(&mut queue), (vec![10, 30], None));
    let (mut queue, waiting) = self::queue(&[10]);
    drop(waiting);
    assert_eq!(first_batch(&mut queue), (vec![], None));
}
