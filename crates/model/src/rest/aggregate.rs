//! An integration that Amazon's does not have: several backends called for one answer.
//!
//! Kept as its owner gave it, like all integrations; `plan` reads the expressions and finds the
//! order of the calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::word::words;

words! {
    /// How the answers of parts become one.
    Merge {
        /// An object with a member for each part.
        Named = "NAMED",
        /// One object with the members of all; later parts win.
        Flat = "FLAT",
    }
}

words! {
    /// What a part's failure means for the whole.
    OnFailure {
        /// The whole fails.
        Fail = "FAIL",
        /// The part is left out.
        Omit = "OMIT",
        /// Its default is taken.
        Default = "DEFAULT",
    }
}

/// Several calls that make one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// In the order in which they are merged; names are unique.
    pub parts: Vec<AggregatePart>,
    /// How answers become one.
    pub merge: Merge,
    /// A mapping template over what was merged, whose text is answered in its place.
    pub template: Option<String>,
    /// The status of the whole.
    pub status: u16,
}

/// One of the calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregatePart {
    /// Its name in the answer and in expressions of other parts.
    pub name: String,
    /// The backend's URL; may hold `{name}` and `${stageVariables.name}`.
    pub uri: String,
    /// The method towards the backend.
    pub http_method: String,
    /// How long the whole answer may take, milliseconds.
    pub timeout_ms: u32,
    /// Names of the URL to expressions; others are path parameters of the request.
    pub path: BTreeMap<String, String>,
    /// Query parameters to expressions.
    pub query: BTreeMap<String, String>,
    /// Headers to expressions.
    pub headers: BTreeMap<String, String>,
    /// An expression for the body.
    pub body: Option<String>,
    /// Parts that must have ended before, beside those that expressions name.
    pub after: Vec<String>,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// Instead of its answer, a JSON text.
    pub default: Option<String>,
    /// For how long equal calls share an answer, seconds; 0 for never.
    pub cache_ttl_s: u32,
}

/// Most parts of one aggregate.
pub const AGGREGATE_PARTS_MAX: usize = 16;
