//! Parameter mapping of REST APIs: `integration.request.header.X` gets `method.request.query...`.
//!
//! An expression is read once and evaluated per request against a [`Source`]. A source that is
//! absent makes nothing, so that its target is dropped rather than sent empty. Where a value goes
//! and how it is encoded there is the caller's business.

mod expression;
pub mod fuzz;
mod target;
#[cfg(test)]
mod tests;

pub use expression::Expression;
pub use target::{Target, Towards};

use std::borrow::Cow;

use crate::json::Document;

/// Longest expression, bytes.
pub const EXPRESSION_BYTES_MAX: usize = 2048;

/// What an expression made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// One value.
    One(String),
    /// Every value of a repeated query parameter; a query target repeats its name.
    Many(Vec<String>),
}

/// Why a mapping cannot be read or evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not a target of its kind.
    #[error("not a target of a parameter mapping: {0:?}")]
    Target(String),
    /// Not an expression.
    #[error("not a mapping expression: {0:?}")]
    Expression(String),
    /// The JSONPath behind `body.` cannot be read.
    #[error("mapping expression {expression:?} has a JSONPath that cannot be read: {why}")]
    Path {
        /// The whole expression.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// A body looks like JSON, is wanted as JSON, and is not.
    #[error("body is not valid JSON")]
    Body,
}

/// Where expressions get their values from. Names are compared as the caller does it: Amazon's
/// are case-sensitive. Values are decoded.
pub trait Source {
    /// A path parameter of the request.
    fn request_path(&self, name: &str) -> Option<Cow<'_, str>>;
    /// All values of a query parameter, in order.
    fn request_query(&self, name: &str) -> Vec<Cow<'_, str>>;
    /// All values of a header of the request, in order.
    fn request_header(&self, name: &str) -> Vec<Cow<'_, str>>;
    /// The request's body, as templates see it.
    fn body(&self) -> Option<&str>;
    /// All values of a header of the integration's answer, in order.
    fn integration_header(&self, _name: &str) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
    /// The body of the integration's answer.
    fn integration_body(&self) -> Option<&str> {
        None
    }
    /// A stage variable.
    fn stage_variable(&self, name: &str) -> Option<Cow<'_, str>>;
    /// A `$context` value by the path behind `context.`, as text.
    fn context(&self, path: &str) -> Option<String>;

    /// The request's body as JSON. A source that has read it already overrides this.
    ///
    /// # Errors
    /// [`MappingError::Body`].
    fn body_json(&self) -> Result<Option<Document<'_>>, MappingError> {
        self.body().map_or(Ok(None), json)
    }

    /// The body of the integration's answer as JSON; as [`Source::body_json`].
    ///
    /// # Errors
    /// [`MappingError::Body`].
    fn integration_json(&self) -> Result<Option<Document<'_>>, MappingError> {
        self.integration_body().map_or(Ok(None), json)
    }
}

impl Mapped {
    /// As one text: several values are joined by commas.
    #[must_use]
    pub fn joined(self) -> String {
        match self {
            Self::One(value) => value,
            Self::Many(values) => values.join(","),
        }
    }

    /// As a list of values.
    #[must_use]
    pub fn values(self) -> Vec<String> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// Reads a body as JSON where it looks like it: Amazon's looks at the first character only.
///
/// # Errors
/// [`MappingError::Body`].
pub fn json(body: &str) -> Result<Option<Document<'_>>, MappingError> {
    if !body.starts_with(['{', '[', '"', '\'']) {
        return Ok(None);
    }
    Document::read(body)
        .map(Some)
        .map_err(|_| MappingError::Body)
}

/// Whether Amazon's takes it as the name of a parameter.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._$-".contains(&byte))
}
