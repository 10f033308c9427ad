//! When a revision counts as bad.

use std::collections::BTreeSet;

use model::Revision;
use proptest::prelude::*;

use super::{BAD_MAX, Guard, State};

const N: Revision = Revision(7);

#[test]
fn two_crashes_in_a_row_make_a_revision_bad_and_survival_forgives() {
    let mut state = State::default();
    assert!(state.apply(N));
    assert_eq!(state.started(), None, "one crash may be anything");
    assert!(
        !state.apply(Revision(6)),
        "the start applies what is on disk"
    );
    assert!(!state.apply(N));
    assert_eq!(state.started(), Some(N));
    assert!(state.bad.contains(&N));
    assert_eq!((state.applying, state.crashes), (None, 0));

    assert!(state.apply(Revision(8)));
    assert_eq!(state.started(), None);
    assert!(state.survived(Revision(8)));
    assert!(state.apply(Revision(9)));
    assert_eq!(state.started(), None, "the count began anew");
}

#[test]
fn an_end_in_order_is_no_crash_and_deadly_changes_add_up() {
    let mut state = State::default();
    state.apply(N);
    state.ended();
    assert_eq!(state.started(), None);
    assert_eq!(state.crashes, 0);

    state.apply(Revision(8));
    assert_eq!(state.started(), None);
    state.apply(Revision(9));
    assert_eq!(state.started(), Some(Revision(9)));
}

#[test]
fn the_marker_is_on_disk_before_the_revision_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Guard::open(folder.path());
    open().0.mark(N);
    let (guard, bad) = open();
    assert_eq!(bad, None);
    guard.mark(N);
    let (guard, bad) = open();
    assert_eq!(bad, Some(N));
    assert!(guard.is_bad(N) && !guard.is_bad(Revision(8)));
    assert_eq!(open().1, None, "it is said once, and remembered");
    assert_eq!(open().0.last_bad(), Some(N));
}

proptest! {
    /// Whatever happens, only revisions that were applied turn bad, and few are remembered.
    #[test]
    fn only_applied_revisions_turn_bad(
        steps in prop::collection::vec((0_u8..4, 1_u64..40), 0..80),
    ) {
        let (mut state, mut applied) = (State::default(), BTreeSet::new());
        for (step, revision) in steps {
            let revision = Revision(revision);
            match step {
                0 => { state.started(); }
                1 => { state.survived(revision); }
                2 => state.ended(),
                _ => {
                    state.apply(revision);
                    applied.insert(revision);
                }
            }
            prop_assert!(state.bad.is_subset(&applied));
            prop_assert!(state.bad.len() <= BAD_MAX);
            prop_assert!(state.crashes < 2);
        }
    }
}
