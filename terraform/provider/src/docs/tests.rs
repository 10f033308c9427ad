//! Whether the pages of the tree are those of the schemas.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{pages, write};
use crate::registry::registry;

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.insert(path);
        }
    }
}

#[test]
fn the_pages_are_those_of_the_schemas() {
    let folder = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("docs");
    let registry = registry();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        drop(fs::remove_dir_all(&folder));
        write(&registry, &folder).unwrap();
    }
    let pages = pages(&registry);
    for (name, text) in &pages {
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            found, *text,
            "docs/{name} is not what the schema says: run this test with UPDATE_DOCS=1"
        );
    }
    let mut found = BTreeSet::new();
    files(&folder, &mut found);
    let known: BTreeSet<PathBuf> = pages.keys().map(|name| folder.join(name)).collect();
    let stale: Vec<&PathBuf> = found.difference(&known).collect();
    assert!(stale.is_empty(), "pages of what is gone: {stale:?}");
}
