//! Why a template cannot be parsed or rendered. The texts are for the API's owner; clients see a
//! plain error of the gateway.

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

/// Why a rendering failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template does more than it may.
    #[error("template takes more than {0} steps")]
    Steps(u64),
    /// The text would become too long.
    #[error("rendered text is longer than {0} bytes")]
    Output(usize),
    /// Texts and lists made on the way are too large.
    #[error("values made while rendering take more than {0} bytes")]
    Memory(usize),
    /// Blocks, macros or values are nested too deeply, perhaps without end.
    #[error("template nests deeper than {0} levels while rendering")]
    Depth(u32),
    /// An override was set twice in one template.
    #[error("override of {0} is set more than once")]
    Override(String),
    /// A text that should be JSON is not.
    #[error("cannot read {place} as JSON: {what}")]
    Json {
        /// Which text: the body, or what `$util.parseJson` was given.
        place: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A JSONPath cannot be understood, or costs too much.
    #[error("cannot follow JSONPath {path:?}: {what}")]
    Path {
        /// The path as written.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// A regular expression cannot be understood, or costs too much.
    #[error("cannot apply regular expression {pattern:?}: {what}")]
    Pattern {
        /// The expression as written.
        pattern: String,
        /// What is wrong with it.
        what: String,
    },
    /// A method was given what it cannot work with, such as a number that is none.
    #[error("cannot apply {method} to {value:?}")]
    Argument {
        /// The method's name.
        method: &'static str,
        /// What it was given, shortened.
        value: String,
    },
}
