//! Paths and query strings of REST APIs: decoded once on the way in, encoded again on the way out.
//!
//! A path is cut at its slashes *before* it is decoded, so `%2F` is a slash inside a segment and
//! never a delimiter: what a client escapes cannot reach another resource. Text that is not UTF-8
//! after decoding gets U+FFFD where it is broken, and a `%` without two hexadecimal digits stands
//! for itself. Nothing is matched here.

#[cfg(test)]
mod tests;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Most pairs of one query string that are read; the rest is an error.
pub const QUERY_PAIRS_MAX: usize = 1024;

/// Whether slashes of a value stay delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slashes {
    /// They do: greedy values.
    Keep,
    /// They become `%2F`: values of one segment.
    Encode,
}

/// Why a query string is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `|`, `{` and `}` must be written percent-encoded.
    #[error("query string holds {0:?}, which must be percent-encoded")]
    Delimiter(char),
    /// More than [`QUERY_PAIRS_MAX`].
    #[error("query string has too many parameters")]
    Pairs,
}

/// What must be encoded in a segment, beside controls and everything outside of ASCII. `%` is
/// there because values were decoded before.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// As of a segment, and what would end or split a pair or mean a space.
const QUERY: &AsciiSet = &SEGMENT
    .remove(b'/')
    .remove(b'?')
    .add(b'&')
    .add(b'+')
    .add(b';')
    .add(b'=');

/// The decoded segments of a path, for matching: slashes at the start count as one, one at the end
/// is ignored. Empty segments in the middle stay; only a greedy parameter takes them.
///
/// ```
/// assert_eq!(lang::rest_path::segments("//a/b%2Fc/%C3%A4/"), ["a", "b/c", "ä"]);
/// assert!(lang::rest_path::segments("/").is_empty());
/// ```
#[must_use]
pub fn segments(path: &str) -> Vec<String> {
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Vec::new();
    }
    path.split('/').map(decode).collect()
}

/// A whole path, decoded: what events and `$context.path` show.
#[must_use]
pub fn decode(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// The decoded parameters of a query string without its `?`, in order of arrival, repeated ones
/// repeated. `&` and `;` separate, `+` is a space, a name alone has an empty value.
///
/// # Errors
/// [`QueryError`]; answer with 400.
pub fn query(text: &str) -> Result<Vec<(String, String)>, QueryError> {
    if let Some(found) = text.chars().find(|found| matches!(found, '|' | '{' | '}')) {
        return Err(QueryError::Delimiter(found));
    }
    let mut pairs = Vec::new();
    for pair in text.split(['&', ';']).filter(|pair| !pair.is_empty()) {
        if pairs.len() == QUERY_PAIRS_MAX {
            return Err(QueryError::Pairs);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode_form(name), decode_form(value)));
    }
    Ok(pairs)
}

/// A decoded value, encoded for the path of a backend.
#[must_use]
pub fn encode(value: &str, slashes: Slashes) -> String {
    let set = match slashes {
        Slashes::Keep => PATH,
        Slashes::Encode => SEGMENT,
    };
    utf8_percent_encode(value, set).to_string()
}

/// Decoded parameters, encoded as a query string without `?`, in their order.
#[must_use]
pub fn encode_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, QUERY));
        text.push('=');
        text.extend(utf8_percent_encode(value, QUERY));
    }
    text
}

fn decode_form(text: &str) -> String {
    if text.contains('+') {
        return decode(&text.replace('+', " "));
    }
    decode(text)
}
