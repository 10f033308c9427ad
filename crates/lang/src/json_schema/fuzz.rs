//! What must hold for any model and any body.

use std::collections::BTreeMap;

use super::{SENTENCES_MAX, Schema};
use crate::json::Document;

/// A model in the first line, another one that it may refer to as `B` in the second, and a body in
/// the third.
///
/// # Panics
/// When a wrong body has no sentence, or more than there may be, or is right the second time.
pub fn model(text: &str) {
    let mut lines = text.splitn(3, '\n');
    let (Some(first), Some(second), Some(body)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let models = BTreeMap::from([("A".to_owned(), first), ("B".to_owned(), second)]);
    let (Ok(schema), Ok(body)) = (Schema::compile("A", &models), Document::read(body)) else {
        return;
    };
    let found = schema.check(body.root());
    if let Err(sentences) = &found {
        assert!(
            (1..=SENTENCES_MAX).contains(&sentences.len()),
            "what is wrong is said, within bounds"
        );
    }
    assert_eq!(
        found,
        schema.check(body.root()),
        "a check depends on model and body alone"
    );
}
