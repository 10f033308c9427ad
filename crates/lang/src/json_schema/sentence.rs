//! What is wrong with a body, in words.
//!
//! The sentences are the ones that clients of Amazon's know from `validationErrorString`.

use serde_json::Value;

use super::node::{Bound, Rule, Types};
use crate::json::View;

/// Most characters of a value that a sentence repeats.
const SHOWN_CHARS_MAX: usize = 256;

/// Why a value breaks a rule.
pub(super) fn broken(rule: &Rule, value: View<'_>, matched: usize) -> String {
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
            text(value),
            shown(&Value::from(values.clone()).to_string())
        ),
        Rule::Format(format) => format!(
            "string {} is invalid against requested format {:?}",
            text(value),
            format.name()
        ),
        Rule::Pattern(_, pattern) => format!(
            "ECMA 262 regex \"{}\" does not match input string {}",
            shown(pattern),
            text(value)
        ),
        Rule::Type(types) => format!(
            "instance type ({}) does not match any allowed primitive type (allowed: {})",
            Types::name_of(value),
            list(types.names())
        ),
        Rule::Required(names) => {
            let missing = names.iter().filter(|name| value.get(name).is_none());
            format!("object has missing required properties ({})", list(missing))
        }
        Rule::UniqueItems => "array must not contain duplicate elements".to_owned(),
        _ => measured(rule, value),
    }
}

/// As [`broken`], for rules that compare a size or a number.
fn measured(rule: &Rule, value: View<'_>) -> String {
    let length = length(value);
    let text = || text(value);
    match rule {
        Rule::MaxItems(most) => format!(
            "array is too long: must have at most {most} elements \
             but instance has {length} elements"
        ),
        Rule::MinItems(least) => format!(
            "array is too short: must have at least {least} elements \
             but instance has {length} elements"
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
                "object has too many properties \
             (found {length} but schema requires at most {most})"
            )
        }
        Rule::MinProperties(least) => {
            format!(
                "object has too few properties \
             (found {length} but schema requires at least {least})"
            )
        }
        Rule::Maximum(most, Bound::Inclusive) => format!(
            "numeric instance is greater than the required maximum \
             (maximum: {most}, found: {})",
            text()
        ),
        Rule::Maximum(most, Bound::Exclusive) => {
            format!("numeric instance is not strictly lower than the required maximum {most}")
        }
        Rule::Minimum(least, Bound::Inclusive) => format!(
            "numeric instance is lower than the required minimum \
             (minimum: {least}, found: {})",
            text()
        ),
        Rule::Minimum(least, Bound::Exclusive) => {
            format!("numeric instance is not strictly greater than the required minimum {least}")
        }
        Rule::MultipleOf(of) => format!("remainder of division is not zero ({} / {of})", text()),
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
fn length(value: View<'_>) -> usize {
    value
        .as_str()
        .map_or_else(|| value.len(), |text| text.chars().count())
}

/// A value as JSON, as much of it as is shown.
fn text(value: View<'_>) -> String {
    let mut out = String::new();
    write(value, &mut out);
    shown(&out)
}

/// Appends a value as JSON, up to about what is shown.
fn write(value: View<'_>, out: &mut String) {
    let is_enough = |out: &String| out.len() > SHOWN_CHARS_MAX * 4;
    if let Some(text) = value.as_str() {
        out.push_str(&Value::from(shown(text)).to_string());
    } else if value.is_array() {
        out.push('[');
        for (number, item) in value.items().enumerate() {
            if is_enough(out) {
                return;
            }
            out.push_str(if number > 0 { "," } else { "" });
            write(item, out);
        }
        out.push(']');
    } else if value.is_object() {
        out.push('{');
        for (number, (name, member)) in value.entries().enumerate() {
            if is_enough(out) {
                return;
            }
            out.push_str(if number > 0 { "," } else { "" });
            out.push_str(&Value::from(shown(name)).to_string());
            out.push(':');
            write(member, out);
        }
        out.push('}');
    } else {
        out.push_str(&value.to_value().to_string());
    }
}

fn needs(name: &str, needed: &[String], value: View<'_>) -> String {
    let missing = needed.iter().filter(|name| value.get(name).is_none());
    format!(
        "property {name:?} of object has missing property dependencies \
         (schema requires {}; missing: {})",
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
