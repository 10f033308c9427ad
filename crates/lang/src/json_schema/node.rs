//! Compiled schemas.

use std::collections::HashMap;

use serde_json::{Number, Value};

use super::format::Format;
use crate::pattern_java::Pattern;

/// Where a schema is in the list of all.
pub(super) type Id = usize;

/// One schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// What must hold of a value itself, in the order of checking.
    pub(super) rules: Vec<Rule>,
    /// What must hold of the parts of a list.
    pub(super) items: Items,
    /// What must hold of the parts of an object.
    pub(super) members: Members,
}

/// A keyword.
#[derive(Debug)]
pub(super) enum Rule {
    /// Most items, where there is a schema for each and no further ones.
    AdditionalItems(usize),
    /// No members but those of [`Members`].
    AdditionalProperties,
    AllOf(Vec<Id>),
    AnyOf(Vec<Id>),
    /// A member that needs others.
    DependsOnMembers(String, Vec<String>),
    /// A member that makes a schema apply.
    DependsOnSchema(String, Id),
    Enum(Vec<Value>),
    Format(Format),
    MaxItems(u64),
    MaxLength(u64),
    MaxProperties(u64),
    Maximum(Number, Bound),
    MinItems(u64),
    MinLength(u64),
    MinProperties(u64),
    Minimum(Number, Bound),
    MultipleOf(Number),
    Not(Id),
    OneOf(Vec<Id>),
    Pattern(Pattern, String),
    Required(Vec<String>),
    Type(Types),
    UniqueItems,
}

/// Whether a bound itself is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Inclusive,
    Exclusive,
}

#[derive(Debug, Default)]
pub(super) enum Items {
    #[default]
    Any,
    /// One schema for all.
    All(Id),
    /// One for each, and one for what is behind them.
    Each(Vec<Id>, Option<Id>),
}

#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) named: HashMap<String, Id>,
    pub(super) patterns: Vec<(Pattern, Id)>,
    /// For those that neither has.
    pub(super) other: Option<Id>,
}

/// A set of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

/// All types, in the order of sentences.
const NAMES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// The places of types in the list.
const INTEGER: usize = 2;
const NUMBER: usize = 4;

// === impl Types ===

impl Types {
    /// Adds a type by name; false if there is none of that name.
    pub(super) fn add(&mut self, name: &str) -> bool {
        let at = NAMES.iter().position(|known| *known == name);
        if let Some(at) = at {
            self.0 |= 1 << at;
        }
        at.is_some()
    }

    pub(super) fn has(self, value: &Value) -> bool {
        let at = place(value);
        self.0 & 1 << at != 0 || at == INTEGER && self.0 & 1 << NUMBER != 0
    }

    /// The names of all.
    pub(super) fn names(self) -> Vec<&'static str> {
        let named = NAMES.iter().enumerate();
        named
            .filter(|(at, _)| self.0 & 1 << at != 0)
            .map(|(_, name)| *name)
            .collect()
    }

    /// The name of the type of a value.
    pub(super) fn name_of(value: &Value) -> &'static str {
        NAMES.get(place(value)).copied().unwrap_or_default()
    }
}

fn place(value: &Value) -> usize {
    match value {
        Value::Array(_) => 0,
        Value::Bool(_) => 1,
        Value::Number(number) if super::number::is_integer(number) => INTEGER,
        Value::Null => 3,
        Value::Number(_) => NUMBER,
        Value::Object(_) => 5,
        Value::String(_) => 6,
    }
}
