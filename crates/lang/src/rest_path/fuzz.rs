//! What must hold for any path and query string.

use super::{QUERY_PAIRS_MAX, Slashes, decode, encode, encode_query, query, segments};

/// Reads a target of a request, path and query string, as any client may send it.
///
/// # Panics
/// When a value is another one after encoding and decoding, when an encoded segment has a slash, or
/// when there are more segments or parameters than the text has room for.
pub fn target(text: &str) {
    let (path, rest) = text.split_once('?').unwrap_or((text, ""));
    let found = segments(path);
    assert!(
        found.len() <= path.split('/').count(),
        "segments come from the path"
    );
    for segment in &found {
        let encoded = encode(segment, Slashes::Encode);
        assert!(!encoded.contains('/'), "a value never becomes a delimiter");
        assert_eq!(&decode(&encoded), segment, "encoding is undone");
        assert_eq!(
            &decode(&encode(segment, Slashes::Keep)),
            segment,
            "encoding is undone"
        );
    }
    if let Ok(pairs) = query(rest) {
        assert!(pairs.len() <= QUERY_PAIRS_MAX, "parameters are bounded");
        let text = encode_query(pairs.iter().map(|(name, value)| (&**name, &**value)));
        let again = query(&text);
        let again = again.as_deref();
        assert_eq!(again, Ok(pairs.as_slice()), "encoding is undone");
    }
}
