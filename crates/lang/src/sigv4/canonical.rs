//! The canonical request: one text for all the ways in which the same request may be written.
//!
//! Clients percent-encode a path once to send it, and once more to sign it (every service but S3),
//! so `/a%20b` is signed as `/a%2520b`. A query is decoded and encoded anew, then sorted in its
//! encoded form; a `+` is a space. These are the rules of the AWS SDKs, which the tests compare.

use aws_lc_rs::digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use super::Message;

/// All but RFC 3986 "unreserved".
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const ESCAPED_IN_PATH: &AsciiSet = &ESCAPED.remove(b'/');

/// A name and value of a query, decoded.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// The canonical request for `signed` headers (lower case, in their order) and `query`.
pub(super) fn request(message: &Message<'_>, signed: &[String], query: &str) -> String {
    request_at(message, &path(message.path), signed, query)
}

/// As [`request`], with a path that is canonical already.
pub(super) fn request_at(
    message: &Message<'_>,
    path: &str,
    signed: &[String],
    query: &str,
) -> String {
    let mut text = format!("{}\n{path}\n{query}\n", message.method);
    for name in signed {
        text.push_str(name);
        text.push(':');
        text.push_str(&header_value(message, name));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&signed.join(";"));
    text.push('\n');
    text.push_str(&sha256_hex(message.body));
    text
}

/// Removes empty, `.` and `..` segments (RFC 3986, 5.2.4), then encodes once more.
pub(super) fn path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut normal = format!("/{}", kept.join("/"));
    let open = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if open && !normal.ends_with('/') {
        normal.push('/');
    }
    percent_encode(normal.as_bytes(), ESCAPED_IN_PATH).to_string()
}

/// The decoded pairs of a query, empty ones left out.
pub(super) fn pairs(query: &str) -> Vec<Pair> {
    let decode = |text: &str| {
        let spaces = text.replace('+', " ");
        percent_decode(spaces.as_bytes()).collect::<Vec<u8>>()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    let split = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    split
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// The pairs encoded, sorted and joined.
pub(super) fn query(pairs: &[Pair]) -> String {
    let encode = |bytes: &[u8]| percent_encode(bytes, ESCAPED).to_string();
    let mut encoded: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    encoded.sort();
    let joined: Vec<String> = encoded
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    joined.join("&")
}

/// All values of a header joined by commas, outer spaces cut, inner runs of spaces folded.
fn header_value(message: &Message<'_>, name: &str) -> String {
    let fold = |value: &[u8]| {
        let text = String::from_utf8_lossy(value);
        text.split(' ')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    message.header(name).map(fold).collect::<Vec<_>>().join(",")
}

/// SHA-256 in lower-case hexadecimal digits.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            text
        })
}

/// The bytes of hexadecimal digits, or none if there is anything else in `text`.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}
