//! Checks of a configuration before anything is planned.
//!
//! They say early, and with the attribute's path, what the management API would refuse. What is
//! unknown yet passes: it is checked again once it is known.

use super::{
    note::{Note, Path, Step},
    schema::{Attribute, Block, Kind, Mode, Nesting, Schema},
};
use crate::cty::{Number, Value};

/// A rule about one value that is neither null nor unknown.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    /// One of these texts; in a collection, each element.
    OneOf(&'static [&'static str]),
    /// A number between these, both included.
    Range(i64, i64),
    /// A text of this many characters, both included.
    Length(usize, usize),
    /// What the function says about a text.
    Text(fn(&str) -> Result<(), String>),
}

impl Check {
    /// What is wrong with `value`.
    fn problem(&self, value: &Value) -> Option<String> {
        if let Value::List(items) = value {
            return items.iter().find_map(|item| self.problem(item));
        }
        match (self, value) {
            (Self::OneOf(words), Value::String(text)) => {
                let known = words.contains(&text.as_str());
                (!known).then(|| format!("{text:?} is none of {}.", words.join(", ")))
            }
            (Self::Range(min, max), Value::Number(number)) => {
                let number = match number {
                    Number::Whole(whole) => i128::from(*whole),
                    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
                    other => other.real() as i128,
                };
                let inside = (i128::from(*min)..=i128::from(*max)).contains(&number);
                (!inside).then(|| format!("{number} is not between {min} and {max}."))
            }
            (Self::Length(min, max), Value::String(text)) => {
                let length = text.chars().count();
                let inside = (*min..=*max).contains(&length);
                (!inside).then(|| format!("{length} characters are not {min} to {max}."))
            }
            (Self::Text(check), Value::String(text)) => check(text).err(),
            _ => None,
        }
    }
}

/// A text that is JSON.
pub(crate) fn json(text: &str) -> Result<(), String> {
    let read = serde_json::from_str::<serde::de::IgnoredAny>(text);
    read.map(|_| ())
        .map_err(|error| format!("This is not JSON: {error}."))
}

/// Everything that is wrong with a configuration by its schema alone.
pub(crate) fn config(schema: &Schema, config: &Value, write_only: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    let at = Path::default();
    fields(&schema.attributes, config, &at, write_only, &mut notes);
    blocks(&schema.blocks, config, &at, write_only, &mut notes);
    notes
}

fn fields(
    attributes: &[Attribute],
    object: &Value,
    at: &Path,
    write_only: bool,
    notes: &mut Vec<Note>,
) {
    for attribute in attributes {
        let value = object.attribute(attribute.name);
        let at = at.attribute(attribute.name);
        one(attribute, value, &at, write_only, notes);
    }
}

fn one(attribute: &Attribute, value: &Value, at: &Path, write_only: bool, notes: &mut Vec<Note>) {
    let name = attribute.name;
    if value.is_null() && attribute.mode == Mode::Required {
        let detail = format!("{name:?} must have a value.");
        notes.push(Note::error("Missing value", detail).at(at.clone()));
    }
    if !value.is_set() {
        return;
    }
    if attribute.write_only && !write_only {
        let detail = format!(
            "{name:?} is write-only: it is never stored. This needs Terraform 1.11 or later."
        );
        notes.push(Note::error("Terraform is too old", detail).at(at.clone()));
    }
    if let Some(problem) = attribute
        .checks
        .iter()
        .find_map(|check| check.problem(value))
    {
        let summary = format!("Invalid value for {name}");
        notes.push(Note::error(summary, problem).at(at.clone()));
    }
    if let Kind::Nested(nesting, attributes) = &attribute.kind {
        let mut inner = Vec::new();
        for (item, at) in elements(*nesting, value, at) {
            fields(attributes, item, &at, write_only, &mut inner);
        }
        let found = inner.into_iter().map(|note| note.found(at.0.len()));
        notes.extend(found);
    }
}

fn blocks(known: &[Block], object: &Value, at: &Path, write_only: bool, notes: &mut Vec<Note>) {
    for block in known {
        let value = object.attribute(block.name);
        let at = at.attribute(block.name);
        for (item, at) in elements(block.nesting, value, &at) {
            fields(&block.attributes, item, &at, write_only, notes);
            blocks(&block.blocks, item, &at, write_only, notes);
        }
    }
}

/// The objects of a nested value and where each is. Elements of sets have no address of their own:
/// what is wrong with one is shown at the set.
fn elements<'v>(nesting: Nesting, value: &'v Value, at: &Path) -> Vec<(&'v Value, Path)> {
    match (nesting, value) {
        (Nesting::Single, Value::Map(_)) => vec![(value, at.clone())],
        (Nesting::Set, Value::List(items)) => items.iter().map(|item| (item, at.clone())).collect(),
        (Nesting::List, Value::List(items)) => {
            let items = (0_i64..).zip(items);
            let items = items.map(|(index, item)| (item, at.then(Step::Index(index))));
            items.collect()
        }
        (Nesting::Map, Value::Map(items)) => {
            let items = items.iter();
            let items = items.map(|(key, item)| (item, at.then(Step::Key(key.clone()))));
            items.collect()
        }
        _ => Vec::new(),
    }
}
