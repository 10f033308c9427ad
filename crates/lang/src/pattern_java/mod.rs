//! Regular expressions as Java writes them, on an engine that is not Java's.
//!
//! A pattern is translated: classes such as `\d` are ASCII, `.` stops at every line terminator,
//! `\Q..\E`, `\h`, `\R`, possessive quantifiers and the escapes of Java work, and constructs that
//! only the engine below knows are refused. JSON Schema's patterns (ECMA 262) go the same way.
//!
//! Matching is bounded: what exceeds [`BACKTRACKS_MAX`] does not match. Flags other than `i`, `m`,
//! `s` and `x` change nothing, and upper and lower case are those of Unicode.

mod class;
mod escape;
mod replace;
#[cfg(test)]
mod tests;
mod translate;

pub use replace::{ReplaceError, SEARCH_COST_MAX};

use std::sync::OnceLock;

use fancy_regex::{Regex, RegexBuilder};

/// Longest pattern, bytes.
pub const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// Most steps back in one search.
pub const BACKTRACKS_MAX: usize = 100_000;

/// Most memory of a compiled pattern, bytes.
const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A pattern, read once.
#[derive(Debug)]
pub struct Pattern {
    body: String,
    /// Each search takes time in proportion to what it moves on, so that many of them do too.
    is_linear: bool,
    /// [`SEARCH_COST_MAX`]; less in tests.
    search_cost: usize,
    whole: OnceLock<Option<Regex>>,
    anywhere: OnceLock<Option<Regex>>,
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than [`PATTERN_BYTES_MAX`].
    #[error("regular expression is too long")]
    Length,
    /// Classes or groups inside of each other too often.
    #[error("regular expression is nested too deeply")]
    Depth,
    /// At a character (counted from 0) something is not Java's.
    #[error("regular expression has {what} at character {at}")]
    Syntax {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// The engine refuses it; mostly a bracket or a quantifier out of place.
    #[error("regular expression cannot be compiled: {0}")]
    Compile(String),
}

/// Whose rules a pattern follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Java,
    Ecma,
}

impl Pattern {
    /// Reads a pattern of Java.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let pattern = Self::translated(text, Dialect::Java)?;
        let whole = compile(&pattern.whole_text())?;
        let _ = pattern.whole.set(Some(whole));
        Ok(pattern)
    }

    /// Reads a pattern of ECMA 262, as JSON Schema's are, to be searched for.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse_ecma(text: &str) -> Result<Self, PatternError> {
        let pattern = Self::translated(text, Dialect::Ecma)?;
        let anywhere = compile(&pattern.body)?;
        let _ = pattern.anywhere.set(Some(anywhere));
        Ok(pattern)
    }

    /// Whether the whole of a text matches; false as well where that takes too long to find out.
    #[must_use]
    pub fn is_full_match(&self, text: &str) -> bool {
        self.whole
            .get_or_init(|| compile(&self.whole_text()).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(text).unwrap_or(false))
    }

    /// Whether some part of a text matches; false as well where that takes too long to find out.
    #[must_use]
    pub fn is_found(&self, text: &str) -> bool {
        self.anywhere()
            .is_some_and(|regex| regex.is_match(text).unwrap_or(false))
    }

    fn anywhere(&self) -> Option<&Regex> {
        self.anywhere
            .get_or_init(|| compile(&self.body).ok())
            .as_ref()
    }

    fn translated(text: &str, dialect: Dialect) -> Result<Self, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::Length);
        }
        let translated = translate::translate(text, dialect)?;
        Ok(Self {
            body: translated.text,
            is_linear: translated.is_linear,
            search_cost: SEARCH_COST_MAX,
            whole: OnceLock::new(),
            anywhere: OnceLock::new(),
        })
    }

    fn whole_text(&self) -> String {
        format!(r"\A(?:{})\z", self.body)
    }
}

fn compile(text: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(text)
        .backtrack_limit(BACKTRACKS_MAX)
        .delegate_size_limit(COMPILED_BYTES_MAX)
        .delegate_dfa_size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| {
            let why = error.to_string();
            PatternError::Compile(why.chars().take(WHY_CHARS_MAX).collect())
        })
}

/// Most characters that are told of why the engine refuses a pattern.
const WHY_CHARS_MAX: usize = 200;
