//! What anybody may write as a path, for fuzzers and for property tests: panics when something
//! that must hold does not. Nothing else uses it.

use serde_json::Value;

use super::{Found, Path, PathError};

/// Parses a path and follows it: that ends within its budget; what it finds lies in the document;
/// a definite path finds one place at most.
pub fn path(text: &str, document: &Value) {
    let Ok(path) = Path::parse(text) else { return };
    let mut steps = 10_000;
    match path.find_within(document, &mut steps) {
        Ok(Found::One(one)) => assert!(one.is_none_or(|one| contains(document, one))),
        Ok(Found::Many(places)) => {
            assert!(!path.is_definite());
            for place in places.iter().take(100) {
                assert!(contains(document, place));
            }
        }
        Ok(Found::Made(_)) => {}
        Err(error) => assert_eq!(error, PathError::Steps),
    }
    assert!(steps <= 10_000);
}

/// The same, of a document that is still a text; one that is no JSON is nobody's business here.
pub fn path_in_text(text: &str, document: &str) {
    if let Ok(document) = serde_json::from_str(document) {
        path(text, &document);
    }
}

/// Whether a value is, by address, somewhere in the document.
fn contains(document: &Value, wanted: &Value) -> bool {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        if std::ptr::eq(value, wanted) {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(entries) => open.extend(entries.values()),
            _ => {}
        }
    }
    false
}
