//! Join policies, and what a proof is good for.

use super::{Bench, node};
use crate::{
    Admission, Change, JoinChange, JoinPolicy, JoinProof, NodeId, NodeRole, Oidc, OidcKeys, Op,
    Rejection, ResourceKind, Revision,
    codec::{self, CodecError, Kind, Level, Only},
    limits::JOIN_USES_MAX,
};

fn op(change: JoinChange) -> Op {
    Op::Joining(Only(Box::new(change)))
}

fn policy(pop: &str) -> Op {
    let proof = JoinProof::Oidc(Oidc {
        issuer: "https://i.test".to_owned(),
        audiences: ["edge".to_owned()].into(),
        claims: [("sub".to_owned(), ["pop".to_owned()].into())].into(),
        keys: OidcKeys::Discovered,
        once_by: None,
    });
    op(JoinChange::Put(JoinPolicy {
        name: "pops".into(),
        role: NodeRole::Pop(pop.into()),
        proof,
        created_ms: 5,
        stored: Revision(0),
    }))
}

fn admission(bench: &Bench, subject: &str, request: u8, until_ms: u64) -> Op {
    let policies = &bench.machine.config().joining.policies;
    op(JoinChange::Admit(Admission {
        policy: "pops".into(),
        stored: policies
            .get("pops")
            .map_or(Revision(0), |policy| policy.stored),
        subject: subject.to_owned(),
        until_ms,
        request_sha256: [request; 32],
        node: node(9, NodeRole::Dns),
    }))
}

fn check(rejection: &Rejection, kind: ResourceKind, start: &str) {
    let Rejection::Conflict {
        kind: found,
        reason,
    } = rejection
    else {
        panic!("{rejection:?}");
    };
    assert_eq!(*found, kind);
    assert!(reason.starts_with(start), "{reason}");
}

#[test]
fn a_proof_admits_one_node_with_the_policys_role() {
    let mut bench = Bench::new();
    let early = admission(&bench, "aws:i-1", 1, 90_000);
    let rejection = bench.refused(early);
    check(
        &rejection,
        ResourceKind::JoinPolicy,
        "the join policy pops is not known",
    );
    bench.must(policy("oslo"));
    let first = admission(&bench, "aws:i-1", 1, 90_000);
    let id = bench.must(first).node.unwrap();
    let config = bench.machine.config();
    assert_eq!(config.nodes[&id].role, NodeRole::Pop("oslo".into()));
    assert!(config.pops.contains_key("oslo"));
    // Its answer was lost: the same number again, and no other node.
    let again = admission(&bench, "aws:i-1", 1, 90_000);
    assert_eq!(bench.must(again).node, Some(id));
    // Somebody else with the same proof.
    let other = admission(&bench, "aws:i-1", 2, 90_000);
    let rejection = bench.refused(other.clone());
    check(
        &rejection,
        ResourceKind::JoinUse,
        "aws:i-1 has been used by node",
    );
    // Not even the same one once its node was removed, until an operator says so.
    bench.must(Op::DeleteNode(id));
    let again = admission(&bench, "aws:i-1", 1, 90_000);
    check(
        &bench.refused(again),
        ResourceKind::JoinUse,
        "aws:i-1 has been used",
    );
    bench.must(op(JoinChange::Forget("aws:i-1".to_owned())));
    assert!(bench.must(other).node.unwrap() > id);
    let rejection = bench.refused(op(JoinChange::Forget("aws:i-2".to_owned())));
    assert!(
        matches!(rejection, Rejection::NotFound { .. }),
        "{rejection:?}"
    );
}

#[test]
fn a_policy_that_was_changed_meanwhile_admits_nobody() {
    let mut bench = Bench::new();
    bench.must(policy("oslo"));
    let judged = admission(&bench, "aws:i-1", 1, 90_000);
    bench.must(policy("rome"));
    let policy = &bench.machine.config().joining.policies["pops"];
    assert_eq!(policy.created_ms, 5);
    let rejection = bench.refused(judged.clone());
    check(
        &rejection,
        ResourceKind::JoinPolicy,
        "the join policy pops has just been changed",
    );
    bench.must(op(JoinChange::Delete("pops".into())));
    let rejection = bench.refused(judged);
    check(
        &rejection,
        ResourceKind::JoinPolicy,
        "the join policy pops is not known",
    );
    bench.refused(op(JoinChange::Delete("pops".into())));
}

#[test]
fn old_uses_are_forgotten_only_for_want_of_room() {
    let mut bench = Bench::new();
    bench.must(policy("oslo"));
    let first = admission(&bench, "aws:i-0", 1, 1);
    let gone = bench.must(first).node.unwrap();
    let second = admission(&bench, "aws:i-1", 1, 1);
    bench.must(second);
    bench.must(Op::DeleteNode(gone));
    // Filled by hand: so many nodes would take long.
    let config = std::sync::Arc::make_mut(&mut bench.machine.config);
    let joining = std::sync::Arc::make_mut(&mut config.joining);
    let used = joining.uses["aws:i-1"].clone();
    for number in 2..JOIN_USES_MAX {
        let mut used = crate::JoinUse::clone(&used);
        used.until_ms = u64::MAX;
        joining.uses.insert(format!("aws:i-{number}"), used.into());
    }
    // One whose node has gone makes room, then the one that nobody could use any more.
    let third = admission(&bench, "aws:new", 1, u64::MAX);
    bench.must(third);
    let uses =
        |bench: &Bench, subject: &str| bench.machine.config().joining.uses.contains_key(subject);
    assert!(!uses(&bench, "aws:i-0") && uses(&bench, "aws:i-1") && uses(&bench, "aws:new"));
    let fourth = admission(&bench, "aws:newer", 1, u64::MAX);
    bench.must(fourth);
    assert!(!uses(&bench, "aws:i-1") && uses(&bench, "aws:newer"));
    let fifth = admission(&bench, "aws:newest", 1, u64::MAX);
    let limit = bench.refused(fifth);
    let max = JOIN_USES_MAX;
    let kind = ResourceKind::JoinUse;
    assert_eq!(limit, Rejection::Limit { kind, max });
}

#[test]
fn policies_need_the_second_format() {
    let mut bench = Bench::new();
    let change: Change = bench.change(policy("oslo"));
    let (one, two) = (Level::numbered(1), Level::numbered(2));
    let refused = codec::encode_at(one, Kind::Change, &change).unwrap_err();
    assert_eq!(
        refused,
        CodecError::Needs {
            needs: two,
            at: one
        }
    );
    let bytes = codec::encode_at(two, Kind::Change, &change).unwrap();
    assert_eq!(
        codec::decode::<Change>(Kind::Change, &bytes).unwrap(),
        change
    );
    // A configuration without policies is one that the first format can say.
    let config = bench.machine.config().clone();
    let bytes = codec::encode_at(one, Kind::Machine, &*config).unwrap();
    let read: crate::Config = codec::decode(Kind::Machine, &bytes).unwrap();
    assert_eq!(read, *config);
    assert_eq!(NodeId(1), config.last_node);
}
