//! What survives on disk.

use model::{
    EdgeView, Revision,
    codec::{self, Level},
};

use super::{KEPT, ViewStore};

fn view(revision: u64) -> EdgeView {
    EdgeView {
        revision: Revision(revision),
        cluster: "test".into(),
        ..EdgeView::default()
    }
}

#[test]
fn the_newest_readable_view_is_found_and_few_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = ViewStore::new(folder.path(), codec::Kind::EdgeView);
    assert_eq!(store.newest::<EdgeView>(|_| true), None);
    for revision in 1..=9 {
        let id = (Revision(revision), Level::OLDEST);
        store.keep(id, &view(revision)).unwrap();
    }
    assert_eq!(store.files().len(), KEPT);
    assert_eq!(store.newest::<EdgeView>(|_| true), Some(view(9)));
    let before = store.newest::<EdgeView>(|revision| revision < Revision(9));
    assert_eq!(
        before,
        Some(view(8)),
        "a revision that may not be used is passed over"
    );
    // A torn file leads to the one before.
    std::fs::write(store.files().last().unwrap(), [3, 1, 0]).unwrap();
    assert_eq!(store.newest::<EdgeView>(|_| true), Some(view(8)));
}
