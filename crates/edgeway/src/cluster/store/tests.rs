//! What survives on disk.

use model::{EdgeView, Revision, codec};

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
    assert_eq!(store.newest::<EdgeView>(), None);
    for revision in 1..=9 {
        store.keep(Revision(revision), &view(revision)).unwrap();
    }
    assert_eq!(store.files().len(), KEPT);
    assert_eq!(store.newest::<EdgeView>(), Some(view(9)));
    // A torn file leads to the one before.
    std::fs::write(store.files().last().unwrap(), [3, 1, 0]).unwrap();
    assert_eq!(store.newest::<EdgeView>(), Some(view(8)));
}
