//! Texts within expressions. Single quotes hold what is written; double quotes are templates of
//! their own when something in them can be filled in. A quote is written by doubling it; a
//! backslash is a character like any other, except before `uXXXX` in double quotes.

use super::{End, Parsed, Parser, Problem};
use crate::vtl::tree::Expression;

impl Parser<'_, '_> {
    /// The text at hand, which begins with a quote.
    pub(super) fn string(&mut self) -> Parsed<Expression> {
        let start = self.at;
        let quote = if self.peek() == Some(b'\'') {
            '\''
        } else {
            '"'
        };
        self.at += 1;
        let Some(length) = content_length(self.rest(), quote) else {
            return Err(Problem {
                at: start,
                what: format!("text without closing {quote}"),
            });
        };
        let content = self.rest().get(..length).unwrap_or_default();
        self.at += length + 1;
        if quote == '\'' {
            return Ok(Expression::Text(content.replace("''", "'").into()));
        }
        let content = unescape(content).replace("\"\"", "\"");
        if !content.contains(['$', '#']) {
            return Ok(Expression::Text(content.into()));
        }
        let mut inner = Parser {
            text: &content,
            at: 0,
            may_end_with_sign: true,
            scope: &mut *self.scope,
        };
        let (nodes, end) = inner.block().map_err(|problem| Problem {
            at: start,
            what: problem.what,
        })?;
        if end != End::Text {
            let what = format!("{} within a text, without #if", end.name());
            return Err(Problem { at: start, what });
        }
        Ok(Expression::Filled(nodes))
    }
}

/// How long the content is up to the closing quote. The longest reading is taken, as Velocity
/// does: a doubled quote is one in the text, unless nothing closes the text then.
fn content_length(rest: &str, quote: char) -> Option<usize> {
    let quote = quote as u8;
    let bytes = rest.as_bytes();
    let mut closable = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            closable = Some(at);
            at += 2;
        } else {
            return Some(at);
        }
    }
    closable
}

/// Puts in characters that are written as `\uXXXX`.
fn unescape(content: &str) -> String {
    let mut parts = content.split("\\u");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match number.and_then(char::from_u32) {
            Some(char) => {
                text.push(char);
                text.push_str(part.get(4..).unwrap_or_default());
            }
            None => {
                text.push_str("\\u");
                text.push_str(part);
            }
        }
    }
    text
}
