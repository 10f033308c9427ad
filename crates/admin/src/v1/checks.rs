//! Shapes and ranges of single fields of API Gateway v1, with Amazon's texts.

use std::collections::BTreeMap;

use lang::uri_template::UriTemplate;
use model::rest::{Millionths, Verb};

use crate::{document::Document, refusal::Refusal};

/// An optional text; an empty one counts as none.
pub(super) fn optional(input: &Document, name: &str) -> Result<Option<String>, Refusal> {
    Ok(input.text(name)?.filter(|text| !text.is_empty()))
}

pub(super) fn status_code(text: &str) -> Result<u16, Refusal> {
    let code = text.parse::<u16>().ok();
    let code = code.filter(|code| (100..=599).contains(code) && text.len() == 3);
    code.ok_or_else(|| {
        Refusal::Validation(format!(
            "1 validation error detected: Value '{text}' at 'statusCode' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [1-5]\\d\\d"
        ))
    })
}

pub(super) fn verb(text: &str) -> Result<Verb, Refusal> {
    Verb::parse(text).ok_or_else(|| {
        Refusal::bad(
            "Invalid HttpMethod specified. Valid options are \
             GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY",
        )
    })
}

/// A number from 0 on.
pub(super) fn rate(input: &Document, name: &str) -> Result<Option<Millionths>, Refusal> {
    let Some(number) = input.number(name)? else {
        return Ok(None);
    };
    let rate = Millionths::of(number);
    rate.map(Some)
        .ok_or_else(|| Refusal::bad(format!("{} must not be negative", input.path(name))))
}

pub(super) fn count(input: &Document, name: &str) -> Result<Option<u32>, Refusal> {
    let number = input.integer(name, 0, i64::from(i32::MAX))?;
    Ok(number.and_then(|number| u32::try_from(number).ok()))
}

/// Names of stage variables, and what their values may hold.
pub(super) fn variables(map: &BTreeMap<String, String>) -> Result<(), Refusal> {
    crate::v2::stage_variables(map)
}

/// The keys of request or response parameters, such as `method.request.header.x`.
pub(super) fn targets<'k>(
    mut keys: impl Iterator<Item = &'k String>,
    prefix: &str,
    places: &[&str],
) -> Result<(), Refusal> {
    let fits = |key: &str| {
        let rest = key.strip_prefix(prefix)?.strip_prefix('.')?;
        let (place, name) = rest.split_once('.')?;
        (places.contains(&place) && is_name(name)).then_some(())
    };
    match keys.find(|key| fits(key).is_none()) {
        Some(key) => Err(bad_expression(key)),
        None => Ok(()),
    }
}

/// The values of parameter mappings: a place in the message that `prefix` begins with, a stage
/// variable, a context variable or a constant.
pub(super) fn sources(map: &BTreeMap<String, String>, prefix: &str) -> Result<(), Refusal> {
    let fits = |value: &str| {
        let constant = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
        let from = |source: &str| {
            let rest = value.strip_prefix(source);
            rest.is_some_and(|rest| !rest.is_empty())
        };
        constant || from("stageVariables.") || from("context.") || from(&format!("{prefix}."))
    };
    match map.values().find(|value| !fits(value)) {
        Some(value) => Err(bad_expression(value)),
        None => Ok(()),
    }
}

pub(super) fn bad_expression(text: &str) -> Refusal {
    Refusal::bad(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : \
         [Invalid mapping expression specified: {text}]"
    ))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._$-".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

/// Media types of templates and models.
pub(super) fn media_types<'k>(mut keys: impl Iterator<Item = &'k String>) -> Result<(), Refusal> {
    let fits = |key: &str| key == "$default" || key.split_once('/').is_some();
    match keys.find(|key| !fits(key)) {
        Some(key) => Err(Refusal::bad(format!(
            "Validation Result: warnings : [], errors : [Invalid content type specified: {key}]"
        ))),
        None => Ok(()),
    }
}

/// The URL of an HTTP backend. Stage variables are not known yet: any value may stand for them.
pub(super) fn url(text: &str) -> Result<(), Refusal> {
    let mut variables = BTreeMap::new();
    for part in text.split("${stageVariables.").skip(1) {
        let name = part.split('}').next().unwrap_or_default();
        variables.insert(name.to_owned(), "1".to_owned());
    }
    match UriTemplate::compile(text, &variables) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::bad("Invalid HTTP endpoint specified for URI")),
    }
}

/// The ARN of an integration, an authorizer or a listener.
pub(super) fn arn(text: &str) -> Result<Vec<&str>, Refusal> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !service.is_empty() && !resource.is_empty() =>
        {
            Ok(parts)
        }
        _ => Err(Refusal::bad("Invalid ARN specified in the request")),
    }
}

/// What an empty or missing name is answered with.
pub(super) fn name(input: &Document, text: &str) -> Result<String, Refusal> {
    optional(input, "name")?.ok_or_else(|| Refusal::bad(text))
}

pub(super) fn tags(input: &Document) -> Result<BTreeMap<String, String>, Refusal> {
    let tags = input.map("tags")?.unwrap_or_default();
    crate::v2::tags_allowed(&tags)?;
    Ok(tags)
}
