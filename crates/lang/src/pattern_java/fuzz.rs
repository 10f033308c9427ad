//! What must hold for any pattern and any text.

use super::Pattern;

/// A pattern in the first line, and a text to match behind it.
///
/// # Panics
/// When replacing every match by itself alters the text, or when splitting makes parts that the
/// text does not have.
pub fn pattern(text: &str) {
    const BYTES_MAX: usize = 1 << 16;
    const PARTS_MAX: usize = 1 << 10;
    let (pattern, text) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(pattern) = Pattern::parse_ecma(pattern) {
        let _ = pattern.is_found(text);
    }
    let Ok(pattern) = Pattern::parse(pattern) else {
        return;
    };
    let _ = pattern.is_full_match(text);
    if let Ok(same) = pattern.replace_all(text, "$0", BYTES_MAX) {
        assert_eq!(same, text, "matches replaced by themselves");
    }
    if let Ok(parts) = pattern.split(text, -1, PARTS_MAX) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        assert!(length <= text.len(), "parts come from the text");
    }
}
