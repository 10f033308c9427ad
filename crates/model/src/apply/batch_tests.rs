//! Batches take effect whole or not at all, and count as one change.

use std::sync::Arc;

use super::Machine;
use crate::{
    AccessKeyId, Change, ChangeId, Config, Op, Outcome, Rejection, Revision, RolloutMode,
    fixtures::{bootstrap, key},
};

struct Bench {
    machine: Machine,
    next: u128,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            machine: Machine::default(),
            next: 0,
        };
        assert!(bench.apply(bootstrap()).is_ok());
        bench
    }

    fn apply(&mut self, op: Op) -> Result<Outcome, Rejection> {
        self.next += 1;
        self.machine.apply(Change {
            id: ChangeId(self.next),
            at_ms: 1,
            by: "test".into(),
            origin: crate::Origin::default(),
            spare_deployment: "spare".into(),
            op,
        })
    }

    fn config(&self) -> &Arc<Config> {
        self.machine.config()
    }
}

fn keys(ids: &[&str]) -> Op {
    Op::Batch(ids.iter().map(|id| Op::CreateAccessKey(key(id))).collect())
}

#[test]
fn all_take_effect_as_one_change() {
    let mut bench = Bench::new();
    let before = bench.config().revision;
    let outcome = bench.apply(keys(&["AKIA2", "AKIA3"])).unwrap();
    assert_eq!(outcome.revision, Revision(before.0 + 1));
    let config = bench.config();
    assert_eq!(config.access_keys.len(), 3);
    let entry = config.history.entries().last().unwrap();
    assert_eq!((entry.revision, entry.touched.len()), (outcome.revision, 2));
    assert_eq!(entry.origin.operation, "Batch");
    let differences = config.differences(before, outcome.revision).unwrap();
    assert_eq!(differences.len(), 2);
}

#[test]
fn a_refusal_of_one_is_a_refusal_of_all() {
    let mut bench = Bench::new();
    let before = Arc::clone(bench.config());
    // The second one is there already once the first one is.
    let refused = bench.apply(keys(&["AKIA2", "AKIA2"])).unwrap_err();
    assert!(matches!(refused, Rejection::Conflict { .. }), "{refused}");
    assert_eq!(*bench.config(), before);
    let later: AccessKeyId = "AKIA2".into();
    let op = Op::Batch(vec![
        Op::CreateAccessKey(key("AKIA2")),
        Op::DeleteAccessKey(later),
    ]);
    assert!(bench.apply(op).is_ok(), "each sees those before it");
    assert_eq!(bench.config().access_keys.len(), 1);
}

#[test]
fn a_batch_holds_neither_batches_nor_what_gives_out_numbers() {
    let mut bench = Bench::new();
    let before = Arc::clone(bench.config());
    let inner = || Op::CreateAccessKey(key("AKIA2"));
    for odd in [
        Op::Batch(vec![inner()]),
        Op::InMode(RolloutMode::Now, Box::new(inner())),
        bootstrap(),
        Op::Assemble(ChangeId(7)),
    ] {
        let refused = bench.apply(Op::Batch(vec![inner(), odd])).unwrap_err();
        assert!(matches!(refused, Rejection::Invalid { .. }), "{refused}");
    }
    let many = vec![inner(); crate::limits::BATCH_OPS_MAX + 1];
    let refused = bench.apply(Op::Batch(many)).unwrap_err();
    assert!(matches!(refused, Rejection::Limit { .. }), "{refused}");
    assert_eq!(*bench.config(), before);
}
