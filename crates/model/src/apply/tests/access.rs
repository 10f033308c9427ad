//! Access keys: policies, rotation, and the one that must stay.

use std::sync::Arc;

use super::Bench;
use crate::{AccessChange, KeyState, Op, Rejection, fixtures::key};

const POLICY: &str = r#"{"Statement":[]}"#;

fn policy(id: &str, text: Option<&str>) -> Op {
    Op::Access(AccessChange::SetPolicy(id.into(), text.map(Arc::from)))
}

#[test]
fn the_last_active_key_without_a_policy_stays_one() {
    let mut bench = Bench::new();
    bench.must(Op::CreateAccessKey(key("AKIA2")));
    bench.must(policy("AKIA2", Some(POLICY)));
    // A restricted key is no way back in.
    for op in [
        policy("AKIA1", Some(POLICY)),
        Op::DeleteAccessKey("AKIA1".into()),
        Op::SetAccessKeyState("AKIA1".into(), KeyState::Disabled),
    ] {
        let rejection = bench.refused(op);
        assert!(
            matches!(rejection, Rejection::Conflict { .. }),
            "{rejection}"
        );
    }
    bench.must(Op::SetAccessKeyState("AKIA2".into(), KeyState::Disabled));
    bench.must(policy("AKIA2", None));
    bench.refused(policy("AKIA1", Some(POLICY)));
    bench.must(Op::SetAccessKeyState("AKIA2".into(), KeyState::Active));
    bench.must(policy("AKIA1", Some(POLICY)));
    bench.must(Op::DeleteAccessKey("AKIA1".into()));
    bench.refused(policy("AKIA1", None));
}

#[test]
fn a_rotated_key_remembers_its_last_secret() {
    let mut bench = Bench::new();
    for (secret, previous_until_ms) in [("two", 50), ("three", 60)] {
        bench.must(Op::Access(AccessChange::Rotate {
            id: "AKIA1".into(),
            secret: secret.to_owned(),
            previous_until_ms,
        }));
    }
    let key = Arc::clone(&bench.machine.config().access_keys["AKIA1"]);
    let previous = key.previous.as_ref().unwrap();
    assert_eq!(key.secret, "three");
    assert_eq!((previous.secret.as_str(), previous.until_ms), ("two", 60));
    assert!(!format!("{key:?} {previous:?}").contains("three"));
}
