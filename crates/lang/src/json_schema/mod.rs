//! Models of REST APIs: JSON Schema draft 4, with references from one model to another.
//!
//! A model is compiled once, with every model that it refers to, into a flat list of nodes; a body
//! is checked against them within a budget of steps, whatever schema and body are. What is wrong
//! is said in the sentences of the validator that Amazon's uses. As there, the parts of an object
//! or list are only looked at once it is right itself.
//!
//! Not here: other drafts, `id` as a base of references, and fetching anything.

mod check;
mod compile;
mod document;
mod format;
pub mod fuzz;
mod node;
mod number;
mod sentence;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::json::View;

pub use check::{DEPTH_MAX, SENTENCES_MAX, STEPS_MAX};
pub use compile::NODES_MAX;

/// A model, compiled.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<node::Node>,
    root: usize,
}

/// Why a model cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No model of this name.
    #[error("model {0:?} is not there")]
    Model(String),
    /// The text of a model is not JSON.
    #[error("model {model:?} is not JSON: {why}")]
    Json {
        /// Its name.
        model: String,
        /// What is wrong with it.
        why: String,
    },
    /// A keyword has a value that it cannot have.
    #[error("model {model:?} has a wrong {keyword:?} at {at:?}")]
    Keyword {
        /// Its name.
        model: String,
        /// The JSON pointer of the schema.
        at: String,
        /// The keyword; `$schema` for what is no schema at all.
        keyword: &'static str,
    },
    /// A `$ref` leads nowhere, or only to itself.
    #[error("model {model:?} has a reference that leads nowhere: {reference:?}")]
    Reference {
        /// Its name.
        model: String,
        /// The reference.
        reference: String,
    },
    /// More than [`NODES_MAX`] schemas.
    #[error("model {0:?} is too large, with all models that it refers to")]
    Size(String),
}

impl Schema {
    /// Compiles a model. `models` has the text of all models by name; those that are not referred
    /// to are not read.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn compile(name: &str, models: &BTreeMap<String, &str>) -> Result<Self, SchemaError> {
        compile::compile(name, models)
    }

    /// Checks a body.
    ///
    /// # Errors
    /// A sentence for each thing that is wrong, at most [`SENTENCES_MAX`]. A check that exceeds
    /// [`STEPS_MAX`] or [`DEPTH_MAX`] fails and says so.
    pub fn check(&self, body: View<'_>) -> Result<(), Vec<String>> {
        check::check(self, body)
    }
}
