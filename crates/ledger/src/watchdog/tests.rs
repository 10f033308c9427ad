//! Who may stand for election.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use openraft::StoredMembership;
use tokio::time::Instant;

use super::{Pulse, Replies, may_stand};
use crate::types::RaftMetrics;

fn metrics(me: u64, configurations: &[&[u64]]) -> RaftMetrics {
    let sets: Vec<BTreeSet<u64>> = configurations
        .iter()
        .map(|voters| voters.iter().copied().collect())
        .collect();
    let membership = openraft::Membership::new(sets, ());
    let mut metrics = RaftMetrics::new_initial(me);
    metrics.membership_config = Arc::new(StoredMembership::new(None, membership));
    metrics
}

fn check(me: u64, configurations: &[&[u64]], replies: &[(u64, bool)], expected: bool) {
    let replies: Replies = replies.iter().copied().collect();
    assert_eq!(may_stand(&metrics(me, configurations), &replies), expected);
}

#[test]
fn a_majority_that_hears_no_leader_allows_it() {
    check(1, &[&[1]], &[], true);
    check(1, &[&[1, 2]], &[], false);
    check(1, &[&[1, 2]], &[(2, false)], true);
    check(1, &[&[1, 2, 3]], &[], false);
    check(1, &[&[1, 2, 3]], &[(2, true)], false);
    check(1, &[&[1, 2, 3]], &[(2, false)], true);
    check(1, &[&[1, 2, 3]], &[(2, true), (3, false)], true);
    check(1, &[&[1, 2, 3]], &[(2, true), (3, true)], false);
    check(1, &[&[1, 2, 3, 4, 5]], &[(2, false)], false);
    check(1, &[&[1, 2, 3, 4, 5]], &[(2, false), (5, false)], true);
}

#[test]
fn both_configurations_have_a_say() {
    check(
        1,
        &[&[1, 2, 3], &[1, 4, 5]],
        &[(2, false), (3, false)],
        false,
    );
    check(
        1,
        &[&[1, 2, 3], &[1, 4, 5]],
        &[(2, false), (4, false)],
        true,
    );
}

#[test]
fn a_node_without_members_stays_quiet() {
    check(1, &[], &[], false);
}

#[test]
fn a_leader_is_taken_to_live_for_a_while() {
    let pulse = Pulse::new(Duration::from_millis(400));
    let start = Instant::now();
    assert!(!pulse.heard_at(start), "it was never heard");
    pulse.beat_at(start);
    assert!(pulse.heard_at(start));
    assert!(pulse.heard_at(start + Duration::from_millis(399)));
    assert!(!pulse.heard_at(start + Duration::from_millis(410)));
}
