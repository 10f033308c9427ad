//! JSON texts that are looked into, not taken apart: what templates, paths and mappings read of a
//! body.
//!
//! Reading checks the whole text and notes where each value is, in eight bytes each (sixteen for
//! lists and objects); texts and numbers stay in the body until somebody asks. So a document costs
//! a fraction of what a tree of values does, in time and in memory. Of members with the same name
//! the last counts, in the place of the first.
//!
//! Documents do not change. What wants to change one makes values of its own; where that is
//! wanted anyway, [`View::to_value`] makes the tree.

mod scan;
mod text;
mod view;

use std::{borrow::Cow, fmt::Write as _};

use indexmap::IndexMap;

pub use view::{Entries, Items, Number, View};

/// Longest text that can be read.
pub const TEXT_BYTES_MAX: usize = (1 << START_BITS) - 1;

/// Deepest nesting of lists and objects in a text that somebody sends.
pub const DEPTH_MAX: usize = 127;

/// The same of texts made of a document's own parts.
const MADE_DEPTH_MAX: usize = 2 * DEPTH_MAX;

const START_BITS: u32 = 28;

/// A text that was read.
#[derive(Debug, Clone)]
pub struct Document<'t> {
    text: Cow<'t, str>,
    notes: Cow<'t, Notes>,
}

/// What reading a text has found out about it, to be kept beside the text.
#[derive(Debug, Clone)]
pub struct Notes {
    /// Texts that are written with escapes, without them.
    decoded: String,
    nodes: Vec<Node>,
}

/// Why a text is not JSON, or none that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotJson(String);

/// Where a value is: four bits say of what kind, the rest where it begins and ends. A list or
/// object is two of them, and all within it behind those: the end of the first is the number of
/// the next value beside it, the second holds how many parts there are.
#[derive(Debug, Clone, Copy)]
struct Node {
    what: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    False,
    True,
    Integer,
    Float,
    /// A text as it stands.
    Text,
    /// One among those decoded.
    Decoded,
    Array,
    Object,
}

impl Node {
    /// Positions fit: texts are not longer than [`TEXT_BYTES_MAX`].
    fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self {
            what: (kind as u32) << START_BITS | count(start),
            end: count(end),
        }
    }

    const fn kind(self) -> Kind {
        match self.what >> START_BITS {
            0 => Kind::Null,
            1 => Kind::False,
            2 => Kind::True,
            3 => Kind::Integer,
            4 => Kind::Float,
            5 => Kind::Text,
            6 => Kind::Decoded,
            7 => Kind::Array,
            _ => Kind::Object,
        }
    }

    const fn start(self) -> usize {
        (self.what & ((1 << START_BITS) - 1)) as usize
    }

    const fn end(self) -> usize {
        self.end as usize
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl<'t> Document<'t> {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it, and where; it is longer than [`TEXT_BYTES_MAX`] or nested deeper
    /// than [`DEPTH_MAX`].
    pub fn read(text: impl Into<Cow<'t, str>>) -> Result<Self, NotJson> {
        Self::within(text.into(), DEPTH_MAX)
    }

    fn within(text: Cow<'t, str>, depth: usize) -> Result<Self, NotJson> {
        let found = scan::scan(&text, depth)?;
        let document = Self {
            text,
            notes: Cow::Owned(found.notes),
        };
        if !found.has_doubles {
            return Ok(document);
        }
        let mut once = String::with_capacity(document.text.len());
        write_once(document.root(), &mut once);
        let found = scan::scan(&once, depth)?;
        Ok(Self {
            text: Cow::Owned(once),
            notes: Cow::Owned(found.notes),
        })
    }

    /// A text that was read before, with the notes made then. With those of another text it holds
    /// anything.
    #[must_use]
    pub const fn noted(text: &'t str, notes: &'t Notes) -> Self {
        Self {
            text: Cow::Borrowed(text),
            notes: Cow::Borrowed(notes),
        }
    }

    /// The notes about the text as it was given; none if it had to be written anew.
    #[must_use]
    pub fn into_notes(self) -> Option<Notes> {
        match self.text {
            Cow::Borrowed(_) => Some(self.notes.into_owned()),
            Cow::Owned(_) => None,
        }
    }

    /// The document of a value made of parts of documents.
    ///
    /// # Errors
    /// It is too large or nested too deeply.
    pub fn of(value: &serde_json::Value) -> Result<Document<'static>, NotJson> {
        Document::within(Cow::Owned(value.to_string()), MADE_DEPTH_MAX)
    }

    /// The whole.
    #[must_use]
    pub const fn root(&self) -> View<'_> {
        View::new(self, 0)
    }

    /// Bytes that it takes beside the text.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.notes.nodes.len() * size_of::<Node>() + self.notes.decoded.len()
    }
}

/// Writes a document in which a member may be there more than once, each once.
fn write_once(value: View<'_>, out: &mut String) {
    if let Some(text) = value.as_str() {
        let _written = write!(out, "{}", serde_json::Value::from(text));
    } else if value.is_array() {
        out.push('[');
        for (number, item) in value.items().enumerate() {
            if number > 0 {
                out.push(',');
            }
            write_once(item, out);
        }
        out.push(']');
    } else if value.is_object() {
        let mut members: IndexMap<&str, View<'_>> = IndexMap::new();
        members.extend(value.entries());
        out.push('{');
        for (number, (name, member)) in members.into_iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            let _written = write!(out, "{}:", serde_json::Value::from(name));
            write_once(member, out);
        }
        out.push('}');
    } else {
        out.push_str(value.written());
    }
}

#[cfg(test)]
mod tests;
