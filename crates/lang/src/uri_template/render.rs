//! Rendering of a compiled URI for one request: path and query as they go to the backend.
//!
//! Values come from the client's path and are encoded for the place they go to. This file is where
//! a client's bytes meet the owner's URI, so it holds every rule about that and nothing else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Piece, UriTemplate};

/// A path parameter's value, as it stood in the client's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// One segment, still encoded.
    Segment(&'a str),
    /// The rest of the path, still encoded.
    Greedy(&'a str),
    /// Text that is not encoded and may be of one segment only.
    Decoded(&'a str),
    /// Text that is not encoded; its slashes stay separators.
    DecodedPath(&'a str),
}

/// What the client's request adds to the URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras<'a> {
    /// A path without its first slash to append, as the `$default` route does.
    pub append_path: Option<&'a str>,
    /// The client's query, appended behind the URI's own.
    pub query: Option<&'a str>,
}

/// Why a value cannot be put into the URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The route has no such parameter.
    #[error("integration uri needs path parameter {0:?}, which the route does not have")]
    Missing(String),
    /// `.` or `..` as a segment, plain or encoded: browsers and HTTP clients resolve these before
    /// they send; here they could only serve to leave the path that the owner wrote.
    #[error("path parameter holds a dot segment")]
    DotSegment,
}

/// Encoded in a path segment: all but RFC 3986 `pchar`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Encoded in a path.
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// Encoded in a query's value: all but RFC 3986 `unreserved`.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encoded in the owner's own text: only what no URI may hold.
const LITERAL: &AsciiSet = &SEGMENT.remove(b'/').remove(b'?').remove(b'%');

impl UriTemplate {
    /// The path and query for a request; `value_of` finds a path parameter.
    ///
    /// # Errors
    /// A value is missing or may not be put in.
    pub fn render<'a>(
        &self,
        value_of: impl Fn(&str) -> Option<Value<'a>>,
        extras: Extras<'_>,
    ) -> Result<String, ValueError> {
        let mut out = String::with_capacity(self.capacity(&extras));
        for piece in &self.path {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Parameter(name) => match find(&value_of, name)? {
                    Value::Segment(raw) => push_segment(&mut out, raw)?,
                    Value::Greedy(raw) => push_greedy(&mut out, raw)?,
                    Value::Decoded(text) => push_decoded(&mut out, text, SEGMENT)?,
                    Value::DecodedPath(text) => push_decoded(&mut out, text, PATH)?,
                },
            }
        }
        if let Some(path) = extras.append_path {
            if !out.ends_with('/') {
                out.push('/');
            }
            push_greedy(&mut out, path)?;
        }
        let mut separator = '?';
        if !self.query.is_empty() {
            out.push(separator);
            separator = '&';
        }
        for piece in &self.query {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Parameter(name) => match find(&value_of, name)? {
                    Value::Segment(raw) | Value::Greedy(raw) => {
                        push_encoded(&mut out, raw, QUERY_VALUE);
                    }
                    Value::Decoded(text) | Value::DecodedPath(text) => {
                        out.extend(utf8_percent_encode(text, QUERY_VALUE));
                    }
                },
            }
        }
        if let Some(query) = extras.query.filter(|query| !query.is_empty()) {
            out.push(separator);
            out.push_str(query);
        }
        Ok(out)
    }

    fn capacity(&self, extras: &Extras<'_>) -> usize {
        // Room for a value of usual length each, so that one allocation is enough.
        let texts = self
            .path
            .iter()
            .chain(&self.query)
            .map(|piece| match piece {
                Piece::Text(text) => text.len(),
                Piece::Parameter(_) => 48,
            });
        let added = |text: Option<&str>| text.map_or(0, |text| text.len() + 1);
        texts.sum::<usize>() + added(extras.append_path) + added(extras.query)
    }
}

fn find<'a>(
    value_of: &impl Fn(&str) -> Option<Value<'a>>,
    name: &str,
) -> Result<Value<'a>, ValueError> {
    value_of(name).ok_or_else(|| ValueError::Missing(name.to_owned()))
}

fn push_segment(out: &mut String, raw: &str) -> Result<(), ValueError> {
    if has_dot_segment(raw) {
        return Err(ValueError::DotSegment);
    }
    push_encoded(out, raw, SEGMENT);
    Ok(())
}

fn push_greedy(out: &mut String, raw: &str) -> Result<(), ValueError> {
    if has_dot_segment(raw) {
        return Err(ValueError::DotSegment);
    }
    out.push_str(raw);
    Ok(())
}

fn push_decoded(out: &mut String, text: &str, set: &'static AsciiSet) -> Result<(), ValueError> {
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    // Backends may decode twice, so an encoded dot counts as well.
    if text.split(['/', '\\']).any(is_dots) || has_dot_segment(text) {
        return Err(ValueError::DotSegment);
    }
    out.extend(utf8_percent_encode(text, set));
    Ok(())
}

/// Decodes and encodes again; bytes that are not UTF-8 keep the client's own encoding, which is
/// safe in both places because an encoded byte is never a delimiter.
fn push_encoded(out: &mut String, raw: &str, set: &'static AsciiSet) {
    match percent_decode_str(raw).decode_utf8() {
        Ok(text) => out.extend(utf8_percent_encode(&text, set)),
        Err(_) => out.extend(utf8_percent_encode(raw, ENCODED_ALREADY)),
    }
}

/// As `QUERY_VALUE`, but leaves the client's escapes alone.
const ENCODED_ALREADY: &AsciiSet = &QUERY_VALUE.remove(b'%');

/// Whether a segment, also one behind an encoded slash, decodes to `.` or `..`.
fn has_dot_segment(raw: &str) -> bool {
    // Nearly every path ends here: a dot segment begins with a dot, plain or encoded.
    let bytes = raw.as_bytes();
    let encoded = bytes.contains(&b'%');
    if !encoded && !bytes.starts_with(b".") && !bytes.windows(2).any(|pair| pair == b"/.") {
        return false;
    }
    let decoded: Vec<u8> = percent_decode_str(raw).collect();
    decoded
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| matches!(segment, b"." | b".."))
}

/// The owner's text with what no URI may hold encoded.
pub(super) fn encode_literal(text: &str) -> String {
    utf8_percent_encode(text, LITERAL).to_string()
}
