//! A digest of what an object is: it changes exactly when the content does.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value as Json;

/// Digits enough to tell contents apart.
const DIGITS: usize = 24;

/// The digest of `content`, whatever the order of its fields.
pub(crate) fn revision(content: &Json) -> String {
    let mut content = content.clone();
    content.sort_all_objects();
    let digest = digest(&SHA256, content.to_string().as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<String>().chars().take(DIGITS).collect()
}
