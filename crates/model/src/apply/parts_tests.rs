//! Changes in parts: the same effect as in one piece, nothing at all when a part is missing.

use crate::{
    Change, ChangeId, Location, Machine, Op, Prior, Rejection, Revision, codec,
    fixtures::bootstrap, limits,
};

struct Bench(Machine, u128);

impl Bench {
    fn new() -> Self {
        let mut bench = Self(Machine::default(), 0);
        bench.apply(bootstrap()).unwrap();
        bench
    }

    fn apply(&mut self, op: Op) -> Result<Revision, Rejection> {
        self.1 += 1;
        let change = Change {
            id: ChangeId(self.1),
            at_ms: 10,
            by: "test".to_owned(),
            origin: crate::Origin::default(),
            spare_deployment: "spare".into(),
            op,
        };
        self.0.apply(change).map(|outcome| outcome.revision)
    }

    fn part(&mut self, of: u128, at: usize, bytes: &[u8]) -> Result<Revision, Rejection> {
        self.apply(Op::Part {
            of: ChangeId(of),
            at: at as u64,
            bytes: bytes.to_vec(),
        })
    }
}

fn op() -> Op {
    Op::PutPrior(Prior {
        prefix: "203.0.113.0/24".parse().unwrap(),
        location: Location {
            latitude_micro: 1,
            longitude_micro: 2,
        },
    })
}

fn encoded(op: &Op) -> Vec<u8> {
    codec::encode(codec::Kind::Other, op).unwrap()
}

#[test]
fn parts_together_are_the_change() {
    let mut bench = Bench::new();
    let before = bench.0.config().revision;
    let bytes = encoded(&op());
    for (n, chunk) in bytes.chunks(3).enumerate() {
        let revision = bench.part(900, n * 3, chunk).unwrap();
        assert_eq!(revision, before, "a part changes no configuration");
    }
    let revision = bench.apply(Op::Assemble(ChangeId(900))).unwrap();
    assert_eq!(revision.0, before.0 + 1);
    assert_eq!(bench.0.config().priors.len(), 1);
    assert!(
        bench.apply(Op::Assemble(ChangeId(900))).is_err(),
        "only once"
    );
}

#[test]
fn what_is_incomplete_changes_nothing() {
    let mut bench = Bench::new();
    let before = bench.0.config().clone();
    let bytes = encoded(&op());
    let (first, last) = bytes.split_at(4);
    assert!(
        bench.apply(Op::Assemble(ChangeId(900))).is_err(),
        "never sent"
    );
    bench.part(900, 0, first).unwrap();
    assert!(bench.part(900, 5, last).is_err(), "a gap");
    assert!(bench.part(900, 0, first).is_err(), "twice");
    assert!(bench.apply(Op::Assemble(ChangeId(900))).is_err(), "no end");
    for nested in [
        Op::Assemble(ChangeId(1)),
        Op::Part {
            of: ChangeId(1),
            at: 0,
            bytes,
        },
    ] {
        bench.part(901, 0, &encoded(&nested)).unwrap();
        assert!(bench.apply(Op::Assemble(ChangeId(901))).is_err(), "nested");
    }
    assert_eq!(*bench.0.config(), before);
}

#[test]
fn forgotten_parts_are_pushed_out() {
    let mut bench = Bench::new();
    let bytes = encoded(&op());
    for of in 0..=limits::CHANGES_IN_PARTS_MAX {
        bench.part(900 + of as u128, 0, &bytes).unwrap();
    }
    assert!(bench.apply(Op::Assemble(ChangeId(900))).is_err());
    bench.apply(Op::Assemble(ChangeId(901))).unwrap();
    let long = vec![0; limits::CHANGE_IN_PARTS_BYTES_MAX];
    bench.part(700, 0, &long).unwrap();
    assert!(bench.part(700, long.len(), &[0]).is_err());
}
