//! Mapping templates: the Velocity template language as API Gateway exposes it.
//!
//! A [`Template`] is parsed once into a tree and rendered for each request with that request's
//! [`Inputs`]. The grammar, the whitespace rules and the methods are those of the Velocity that
//! API Gateway runs (the 1.x line); a reference that finds nothing is an empty string that counts
//! as true, as recorded there. Rendering has a budget ([`Limits`]): whatever a template does, it
//! ends in bounded time and memory with a text or an error.
//!
//! It deliberately has no `#include`, `#parse` and `#evaluate` (refused when parsed), no access to
//! classes, and no clock or randomness.

mod codec;
mod error;
pub mod fuzz;
mod limits;
mod methods;
mod number;
mod overrides;
mod parse;
mod print;
mod regex;
mod render;
mod tree;
mod value;

use std::collections::BTreeMap;

use crate::json::Notes;

pub use error::{ParseError, RenderError};
pub use limits::{Limits, TEMPLATE_BYTES_MAX};
pub use overrides::{Overrides, RequestOverrides, ResponseOverrides};

/// A template that has been parsed. It never changes; any number of threads may render it.
///
/// ```
/// use lang::vtl::{Inputs, Limits, Overrides, Parameters, Template};
/// let template = Template::parse(r#"{"id": "$input.path('$.order.id')"}"#)?;
/// let text = template.render(
///     &Inputs {
///         body: r#"{"order": {"id": 7}}"#,
///         notes: None,
///         parameters: &Parameters::default(),
///         context: &serde_json::Value::Null,
///         stage_variables: &Default::default(),
///         limits: Limits::default(),
///     },
///     &mut Overrides::default(),
/// )?;
/// assert_eq!(text, r#"{"id": "7"}"#);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Template(tree::Tree);

/// What a template can see.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The body as text: that of the request, or of the backend's answer. Binary comes as base64.
    pub body: &'a str,
    /// The notes about it, if somebody has read it as JSON before.
    pub notes: Option<&'a Notes>,
    /// Parameters of the request.
    pub parameters: &'a Parameters,
    /// The tree behind `$context`, without the overrides.
    pub context: &'a serde_json::Value,
    /// What `$stageVariables` shows.
    pub stage_variables: &'a BTreeMap<String, String>,
    /// What the rendering may spend.
    pub limits: Limits,
}

/// Parameters of a request, decoded, in order of arrival; repeated ones are repeated.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Path parameters.
    pub path: Vec<(String, String)>,
    /// Parameters of the query string.
    pub querystring: Vec<(String, String)>,
    /// Headers.
    pub header: Vec<(String, String)>,
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// Says where and what when the text is not a template, is longer than
    /// [`TEMPLATE_BYTES_MAX`], is nested too deeply, or uses a directive that is not available.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::template(text).map(Self)
    }

    /// Whether a rendering may look at this value below `$context` (`identity.sourceIp`), or at
    /// something in it. Others may be left out of [`Inputs::context`].
    #[must_use]
    pub fn uses_context(&self, name: &str) -> bool {
        self.0.uses.context(name)
    }

    /// Whether a rendering may look at [`Inputs::parameters`].
    #[must_use]
    pub const fn uses_parameters(&self) -> bool {
        self.0.uses.parameters
    }

    /// Renders for one request. Overrides that the template sets are put into `overrides`, and
    /// those already there can be read by it.
    ///
    /// # Errors
    /// See [`RenderError`]. `overrides` may hold a part of what the template set then.
    pub fn render(
        &self,
        inputs: &Inputs<'_>,
        overrides: &mut Overrides,
    ) -> Result<String, RenderError> {
        render::render(&self.0, inputs, overrides)
    }
}

#[cfg(test)]
mod tests;
