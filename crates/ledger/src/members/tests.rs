//! What has to be done for a change of the members.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use model::NodeId;
use openraft::{CommittedLeaderId, LogId, ServerState, StoredMembership};

use super::{Refusal, Step, decide};
use crate::{
    messages::MemberChange,
    types::{Member, RaftMetrics},
};

fn link(node: u64) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], u16::try_from(1000 + node).unwrap()))
}

/// Node 1 leads 100 entries; 1 and 2 vote, 3 is a learner at entry `third`.
fn now(third: u64) -> RaftMetrics {
    let nodes: Vec<(u64, Member)> = (1..=3).map(|id| (id, Member { link: link(id) })).collect();
    let nodes: std::collections::BTreeMap<_, _> = nodes.into_iter().collect();
    let membership = openraft::Membership::new(vec![BTreeSet::from([1, 2])], nodes);
    let mut now = RaftMetrics::new_initial(1);
    now.state = ServerState::Leader;
    now.last_log_index = Some(100);
    now.membership_config = Arc::new(StoredMembership::new(None, membership));
    let at = |index| Some(LogId::new(CommittedLeaderId::new(1, 1), index));
    now.replication = Some([(2, at(100)), (3, at(third))].into());
    now
}

#[test]
fn what_is_so_already_needs_nothing() {
    for change in [
        MemberChange::Put(NodeId(2), link(2)),
        MemberChange::Promote(NodeId(2)),
        MemberChange::Remove(NodeId(9)),
    ] {
        assert_eq!(decide(&change, &now(100)), Step::Nothing);
    }
}

#[test]
fn a_learner_is_promoted_once_it_has_the_log() {
    let promote = MemberChange::Promote(NodeId(3));
    assert_eq!(decide(&promote, &now(50)), Step::Refuse(Refusal::Behind));
    assert!(matches!(decide(&promote, &now(99)), Step::Alter { .. }));
    let stranger = MemberChange::Promote(NodeId(9));
    assert_eq!(decide(&stranger, &now(99)), Step::Refuse(Refusal::Unknown));
}

#[test]
fn a_member_moves_and_a_stranger_joins() {
    assert!(matches!(
        decide(&MemberChange::Put(NodeId(3), link(9)), &now(1)),
        Step::Alter { .. }
    ));
    let join = decide(&MemberChange::Put(NodeId(4), link(4)), &now(1));
    assert_eq!(join, Step::Add(4, Member { link: link(4) }));
}

#[test]
fn nobody_is_retired_who_is_needed_for_a_majority() {
    let mut now = now(100);
    let nodes: std::collections::BTreeMap<u64, Member> =
        (1..=5).map(|id| (id, Member { link: link(id) })).collect();
    let voters = BTreeSet::from([1, 2, 3, 4]);
    let membership = openraft::Membership::new(vec![voters], nodes);
    now.membership_config = Arc::new(StoredMembership::new(None, membership));
    let retire = |node: u64, live: &[u64]| MemberChange::Retire {
        node: NodeId(node),
        live: live.iter().copied().map(NodeId).collect(),
    };
    let lost = Step::Refuse(Refusal::Minority { live: 1, left: 3 });
    assert_eq!(decide(&retire(2, &[1, 2, 5]), &now), lost);
    // One that is gone, one of enough, and a learner may go.
    for (node, live) in [(3, [1, 2, 4]), (4, [1, 2, 4]), (5, [1, 2, 5])] {
        let step = decide(&retire(node, &live), &now);
        assert!(matches!(step, Step::Alter { .. }), "{node}: {step:?}");
    }
    // Removing one that is gone does not help while the rest cannot decide it anyway.
    let still = Step::Refuse(Refusal::Minority { live: 1, left: 3 });
    assert_eq!(decide(&retire(3, &[1]), &now), still);
    assert_eq!(decide(&retire(9, &[1, 2, 3]), &now), Step::Nothing);
}
