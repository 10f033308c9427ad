//! Compiled schemas.

use serde_json::{Number, Value};

use super::format::Format;
use crate::{json::View, pattern_java::Pattern};

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
    pub(super) named: Named,
    pub(super) patterns: Vec<(Pattern, Id)>,
    /// For those that neither has.
    pub(super) other: Option<Id>,
}

/// Schemas by the names of members. Bodies have few names, mostly those, and all of them in every
/// object: looking through a sorted list takes less than hashing.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<(Box<str>, Id)>);

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

// === impl Named ===

impl Named {
    pub(super) fn new(mut named: Vec<(Box<str>, Id)>) -> Self {
        named.sort_unstable_by(|(one, _), (other, _)| order(one, other));
        Self(named)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<Id> {
        let found = self.0.binary_search_by(|(known, _)| order(known, name));
        found.ok().and_then(|at| self.0.get(at)).map(|(_, id)| *id)
    }
}

/// Short names first: lengths are compared sooner than bytes.
fn order(one: &str, other: &str) -> std::cmp::Ordering {
    (one.len(), one).cmp(&(other.len(), other))
}

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

    pub(super) fn has(self, value: View<'_>) -> bool {
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
    pub(super) fn name_of(value: View<'_>) -> &'static str {
        NAMES.get(place(value)).copied().unwrap_or_default()
    }
}

fn place(value: View<'_>) -> usize {
    if value.as_str().is_some() {
        6
    } else if value.is_object() {
        5
    } else if value.is_array() {
        0
    } else if value.as_integer_digits().is_some() {
        INTEGER
    } else if let Some(number) = super::number::of(value) {
        if super::number::is_integer(&number) {
            INTEGER
        } else {
            NUMBER
        }
    } else if value.is_null() {
        3
    } else {
        1
    }
}
