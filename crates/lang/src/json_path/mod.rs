//! JSONPath as the Jayway library reads it, which API Gateway uses for `$input.json`,
//! `$input.path` and parameter mappings.
//!
//! `$.a.b`, `['a']`, `['a','b']`, `[0]`, `[-1]`, `[0,2]`, `[1:3]`, `[*]`, `..`, filters such as
//! `[?(@.x == 'y' && @.n > 2)]`, and functions such as `length()` at the end. A path that can
//! mean one place only is definite and finds that or nothing; any other finds a list.
//!
//! It deliberately does not change documents, and does no more than a budget of steps allows.

mod compare;
mod filter;
mod find;
mod function;
pub mod fuzz;
mod parse;

use crate::json::{Document, View};

/// Longest path in bytes.
pub const PATH_BYTES_MAX: usize = 8 * 1024;

/// Steps that [`Path::find`] may take: about one for each value that is looked at.
pub const FIND_STEPS_MAX: u64 = 2_000_000;

/// A path that has been parsed.
///
/// ```
/// use lang::{json::Document, json_path::{Found, Path}};
/// let document = Document::read(r#"{"pets": [{"name": "Rex"}, {"name": "Mia"}]}"#)?;
/// let root = document.root();
/// let Found::One(Some(name)) = Path::parse("$.pets[-1].name")?.find(root) else { panic!() };
/// assert_eq!(name.as_str(), Some("Mia"));
/// let Found::Many(names) = Path::parse("$..name")?.find(root) else { panic!() };
/// assert_eq!(names.len(), 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Path {
    steps: Vec<Step>,
    function: Option<function::Function>,
    is_definite: bool,
}

/// What a path has found.
#[derive(Debug, Clone)]
pub enum Found<'a> {
    /// The place that a definite path means, if the document has it.
    One(Option<View<'a>>),
    /// All places that an indefinite path matches, in the document's order.
    Many(Vec<View<'a>>),
    /// A value that is nowhere in the document: of a function, or of several properties.
    Made(Document<'static>),
}

/// Why a text is not a path, or why following it was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is not a path.
    #[error("at character {at}: {what}")]
    Syntax {
        /// Where, in bytes from 0.
        at: usize,
        /// What is wrong there.
        what: String,
    },
    /// The text is longer than [`PATH_BYTES_MAX`].
    #[error("path is longer than {PATH_BYTES_MAX} bytes")]
    Length,
    /// Following the path takes more steps than allowed.
    #[error("following the path takes too many steps")]
    Steps,
}

/// One step of a path.
#[derive(Debug)]
enum Step {
    Property(String),
    /// Several properties: one object with those that exist when last, else each of them.
    Properties(Vec<String>),
    Index(i64),
    Indexes(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    Wildcard,
    /// The value itself and everything within it, as the start of the step that follows.
    Scan,
    Filter(filter::Filter),
}

impl Path {
    /// Parses a path. One that does not begin with `$` is taken from the root.
    ///
    /// # Errors
    /// When the text is not a path, or too long.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::path(text)
    }

    /// What the path means in `document`. A path that takes more than [`FIND_STEPS_MAX`] steps
    /// finds nothing; [`Path::find_within`] tells.
    #[must_use]
    pub fn find<'a>(&self, document: View<'a>) -> Found<'a> {
        self.find_within(document, &mut FIND_STEPS_MAX.clone())
            .unwrap_or(match self.is_definite {
                true => Found::One(None),
                false => Found::Many(Vec::new()),
            })
    }

    /// What the path means in `document`, taking its steps off `steps`.
    ///
    /// # Errors
    /// [`PathError::Steps`] when there are not enough.
    pub fn find_within<'a>(
        &self,
        document: View<'a>,
        steps: &mut u64,
    ) -> Result<Found<'a>, PathError> {
        find::Search {
            root: document,
            steps,
        }
        .run(self)
    }

    /// Whether the path can mean one place only.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        self.is_definite
    }
}

#[cfg(test)]
mod tests;
