//! Templates of gateway responses: text with a few references in it, and nothing else.
//!
//! `$context.PATH`, `$stageVariables.NAME` and `$method.request.{header|querystring|path}.NAME`,
//! each also in braces, stand for values; everything else, directives and unknown references
//! included, stays as it is written. Absent values are empty. Values go in as they are:
//! `$context.error.messageString` is the one that is quoted as JSON, by whoever provides it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::mapping::Source;

/// Longest text that one template makes, bytes; what is behind it is cut off.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// A template, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Context(String),
    StageVariable(String),
    Header(String),
    Query(String),
    Path(String),
}

impl Text {
    /// Reads a template; every text is one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, dollar) = rest.split_at(at);
            plain.push_str(before);
            if let Some((piece, behind)) = reference(dollar) {
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                pieces.push(piece);
                rest = behind;
            } else {
                plain.push('$');
                rest = dollar.strip_prefix('$').unwrap_or_default();
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Self(pieces)
    }

    /// The text with its values.
    #[must_use]
    pub fn render(&self, source: &dyn Source) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            let value = match piece {
                Piece::Plain(text) => Some(Cow::Borrowed(text.as_str())),
                Piece::Context(path) => source.context(path).map(Cow::Owned),
                Piece::StageVariable(name) => source.stage_variable(name),
                Piece::Header(name) => source.request_header(name).pop(),
                Piece::Query(name) => source.request_query(name).pop(),
                Piece::Path(name) => source.request_path(name),
            };
            let value = value.unwrap_or_default();
            let room = OUTPUT_BYTES_MAX - out.len();
            if value.len() > room {
                out.push_str(
                    value
                        .get(..value.floor_char_boundary(room))
                        .unwrap_or_default(),
                );
                return out;
            }
            out.push_str(&value);
        }
        out
    }
}

/// The reference at the start of `text`, and what is behind it.
fn reference(text: &str) -> Option<(Piece, &str)> {
    let behind = text.strip_prefix('$')?;
    if let Some(inside) = behind.strip_prefix('{') {
        let (path, behind) = inside.split_once('}')?;
        return Some((piece(path)?, behind));
    }
    // Names of parameters may have dashes, those of the gateway's own values never do.
    let dashes = behind.starts_with("method.");
    let end = behind
        .find(|one: char| {
            !(one.is_ascii_alphanumeric() || "._".contains(one) || dashes && one == '-')
        })
        .unwrap_or(behind.len());
    let path = behind.get(..end)?.trim_end_matches(['.', '-']);
    Some((piece(path)?, behind.get(path.len()..)?))
}

fn piece(path: &str) -> Option<Piece> {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if let Some(rest) = path.strip_prefix("context.") {
        return named(rest).map(Piece::Context);
    }
    if let Some(rest) = path.strip_prefix("stageVariables.") {
        return named(rest).map(Piece::StageVariable);
    }
    let (place, name) = path.strip_prefix("method.request.")?.split_once('.')?;
    match place {
        "header" => named(name).map(Piece::Header),
        "querystring" => named(name).map(Piece::Query),
        "path" => named(name).map(Piece::Path),
        _ => None,
    }
}
