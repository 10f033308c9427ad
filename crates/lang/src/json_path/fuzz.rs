//! What anybody may write as a path, for fuzzers and for property tests: panics when something
//! that must hold does not. Nothing else uses it.

use serde_json::Value;

use super::{Found, Path, PathError};
use crate::json::{Document, View};

/// Parses a path and follows it: that ends within its budget; what it finds lies in the document;
/// a definite path finds one place at most.
pub fn path(text: &str, document: &Value) {
    path_in_text(text, &document.to_string());
}

/// The same, of a document that is still a text; one that is no JSON is nobody's business here.
pub fn path_in_text(text: &str, document: &str) {
    let (Ok(path), Ok(document)) = (Path::parse(text), Document::read(document)) else {
        return;
    };
    let (root, mut steps) = (document.root(), 10_000);
    match path.find_within(root, &mut steps) {
        Ok(Found::One(one)) => assert!(one.is_none_or(|one| contains(root, one))),
        Ok(Found::Many(places)) => {
            assert!(!path.is_definite());
            for place in places.iter().take(100) {
                assert!(contains(root, *place));
            }
        }
        Ok(Found::Made(_)) => {}
        Err(error) => assert_eq!(error, PathError::Steps),
    }
    assert!(steps <= 10_000);
}

/// Whether a value is, by its place, somewhere in the document.
fn contains(document: View<'_>, wanted: View<'_>) -> bool {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        if value == wanted {
            return true;
        }
        open.extend(value.items());
        open.extend(value.entries().map(|(_, value)| value));
    }
    false
}
