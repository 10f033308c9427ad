//! Character classes: `[a-z&&[^b]\d]`.
//!
//! Everything is written anew, characters escaped, so that what the engine reads as syntax is
//! syntax in Java too.

use super::{
    Dialect, PatternError,
    escape::{self, Item},
    translate::{Reader, literal},
};

/// Most classes inside of each other.
const DEPTH_MAX: usize = 16;

/// After a `[`, up to and with its `]`.
pub(super) fn translate(
    reader: &mut Reader<'_>,
    out: &mut String,
    depth: usize,
) -> Result<(), PatternError> {
    if depth == DEPTH_MAX {
        return Err(PatternError::Depth);
    }
    let java = reader.dialect == Dialect::Java;
    let negated = reader.eat("^");
    if !java && reader.eat("]") {
        // Nothing, and anything.
        out.push_str(if negated {
            "(?s:.)"
        } else {
            r"[^\x{0}-\x{10FFFF}]"
        });
        return Ok(());
    }
    out.push_str(if negated { "[^" } else { "[" });
    let mut first = true;
    loop {
        let Some(one) = reader.next() else {
            return Err(reader.wrong("a '[' that is not closed"));
        };
        match one {
            ']' if !first => {
                out.push(']');
                return Ok(());
            }
            '[' if java => translate(reader, out, depth + 1)?,
            '&' if java && reader.eat("&") => out.push_str("&&"),
            '\\' if java && reader.eat("Q") => quoted(reader, out)?,
            '\\' => match in_class(reader)? {
                Item::One(one) => range(one, reader, out)?,
                Item::Set(set) => out.push_str(&set),
            },
            _ => range(one, reader, out)?,
        }
        first = false;
    }
}

/// A character, or a range that begins with it.
fn range(from: char, reader: &mut Reader<'_>, out: &mut String) -> Result<(), PatternError> {
    let first = out.ends_with(['[', '^']);
    literal(out, from);
    let rest = reader.rest();
    let set = reader.dialect == Dialect::Java && rest.starts_with("-[");
    if set || !rest.starts_with('-') || rest.starts_with("-]") {
        if first && from == ':' {
            // The engine would take `[:alpha:]` for the class of that name.
            out.push_str(r"-\x{3A}");
        }
        return Ok(());
    }
    reader.next();
    let to = match reader.next() {
        Some('\\') => match in_class(reader)? {
            Item::One(to) => to,
            // `[a-\d]`: the dash is one.
            Item::Set(set) => {
                literal(out, '-');
                out.push_str(&set);
                return Ok(());
            }
        },
        Some(to) => to,
        None => return Err(reader.wrong("a '[' that is not closed")),
    };
    if to < from {
        return Err(reader.wrong("a range that runs backwards"));
    }
    out.push('-');
    literal(out, to);
    Ok(())
}

/// As everywhere, but `\b` is a backspace in ECMA.
fn in_class(reader: &mut Reader<'_>) -> Result<Item, PatternError> {
    if reader.dialect == Dialect::Ecma && reader.eat("b") {
        return Ok(Item::One('\u{8}'));
    }
    escape::item(reader)
}

/// After a `\Q`.
fn quoted(reader: &mut Reader<'_>, out: &mut String) -> Result<(), PatternError> {
    while !reader.eat(r"\E") {
        match reader.next() {
            Some(one) => literal(out, one),
            None => return Err(reader.wrong("a '[' that is not closed")),
        }
    }
    Ok(())
}
