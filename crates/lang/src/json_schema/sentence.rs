//! What is wrong with a body, in words.
//!
//! The sentences are the ones that clients of Amazon's know from `validationErrorString`.

use serde_json::Value;

use super::node::{Bound, Rule, Types};

/// Most characters of a value that a sentence repeats.
const SHOWN_CHARS_MAX: usize = 256;

/// Why a value breaks a rule.
pub(super) fn broken(rule: &Rule, value: &Value, matched: usize) -> String {
    match rule {
        Rule::AdditionalItems(most) => format!(
            "array has too many elements: {} where the schema has {most}",
            length(value)
        ),
        Rule::AdditionalProperties => {
            "object instance has properties which are not allowed by the schema".to_owned()
        }
        Rule::AllOf(all) => format!(
            "instance failed to match all required schemas (matched only {matched} out of {})",
            all.len()
        ),
        Rule::AnyOf(any) => format!(
            "instance failed to match at least one required schema among {}",
            any.len()
        ),
        Rule::OneOf(one) => format!(
            "instance failed to match exactly one schema (matched {matched} out of {})",
            one.len()
        ),
        Rule::Not(_) => "instance matched a schema which it should not have".to_owned(),
        Rule::DependsOnMembers(name, needed) => needs(name, needed, value),
        Rule::DependsOnSchema(name, _) => {
            format!("property {name:?} of object needs a schema that it does not match")
        }
        Rule::Enum(values) => format!(
            "instance value ({}) not found in enum (possible values: {})",
            shown(&value.to_string()),
            shown(&Value::from(values.clone()).to_string())
        ),
        Rule::Format(format) => format!(
            "string {} is invalid against requested format {:?}",
            shown(&value.to_string()),
            format.name()
        ),
        Rule::Pattern(_, text) => format!(
            "ECMA 262 regex \"{}\" does not match input string {}",
            shown(text),
            shown(&value.to_string())
        ),
        Rule::Type(types) => format!(
            "instance type ({}) does not match any allowed primitive type (allowed: {})",
            Types::name_of(value),
            list(types.names())
        ),
        Rule::Required(names) => {
            let object = value.as_object();
            let missing = names
                .iter()
                .filter(|name| object.is_none_or(|object| !object.contains_key(*name)));
            format!("object has missing required properties ({})", list(missing))
        }
        Rule::UniqueItems => "array must not contain duplicate elements".to_owned(),
        _ => measured(rule, value),
    }
}

/// As [`broken`], for rules that compare a size or a number.
fn measured(rule: &Rule, value: &Value) -> String {
    let length = length(value);
    let text = || shown(&value.to_string());
    match rule {
        Rule::MaxItems(most) => format!(
            "array is too long: must have at most {most} elements but instance has {length} elements"
        ),
        Rule::MinItems(least) => format!(
            "array is too short: must have at least {least} elements but instance has {length} elements"
        ),
        Rule::MaxLength(most) => format!(
            "string {} is too long (length: {length}, maximum allowed: {most})",
            text()
        ),
        Rule::MinLength(least) => format!(
            "string {} is too short (length: {length}, required minimum: {least})",
            text()
        ),
        Rule::MaxProperties(most) => {
            format!(
                "object has too many properties (found {length} but schema requires at most {most})"
            )
        }
        Rule::MinProperties(least) => {
            format!(
                "object has too few properties (found {length} but schema requires at least {least})"
            )
        }
        Rule::Maximum(most, Bound::Inclusive) => format!(
            "numeric instance is greater than the required maximum (maximum: {most}, found: {value})"
        ),
        Rule::Maximum(most, Bound::Exclusive) => {
            format!("numeric instance is not strictly lower than the required maximum {most}")
        }
        Rule::Minimum(least, Bound::Inclusive) => format!(
            "numeric instance is lower than the required minimum (minimum: {least}, found: {value})"
        ),
        Rule::Minimum(least, Bound::Exclusive) => {
            format!("numeric instance is not strictly greater than the required minimum {least}")
        }
        Rule::MultipleOf(of) => format!("remainder of division is not zero ({value} / {of})"),
        _ => "instance does not match the schema".to_owned(),
    }
}

/// Members that a schema does not allow.
pub(super) fn not_allowed(names: &mut Vec<&str>) -> String {
    names.sort_unstable();
    format!(
        "object instance has properties which are not allowed by the schema: {}",
        list(names.iter())
    )
}

/// Characters, items or members.
pub(super) fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn needs(name: &str, needed: &[String], value: &Value) -> String {
    let object = value.as_object();
    let missing = needed
        .iter()
        .filter(|name| object.is_none_or(|object| !object.contains_key(*name)));
    format!(
        "property {name:?} of object has missing property dependencies (schema requires {}; missing: {})",
        list(needed),
        list(missing)
    )
}

fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = names
        .into_iter()
        .map(|name| Value::from(name.as_ref()).to_string())
        .collect();
    format!("[{}]", shown(&quoted.join(",")))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}
