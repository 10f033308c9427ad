//! `x-edgeway-aggregate` becomes an aggregate: several backends for one answer.
//!
//! What is written wrong is refused here; what an expression means is found out by `plan`.

use std::collections::BTreeSet;

use lang::{mapping::Expression, vtl::Template};
use model::rest::{AGGREGATE_PARTS_MAX, Aggregate, AggregatePart, Merge, OnFailure};

use super::super::fault::Fault;
use super::super::node::Node;
use super::settings::word;

/// The extension's name.
pub(in super::super) const NAME: &str = "x-edgeway-aggregate";

const TIMEOUT_MS: u32 = 10_000;
const TIMEOUT_RANGE_MS: std::ops::RangeInclusive<u32> = 50..=29_000;
const TTL_MAX_S: u32 = 3600;

const MEMBERS: [&str; 4] = ["merge", "parts", "statusCode", "template"];
const PART_MEMBERS: [&str; 11] = [
    "after",
    "body",
    "cacheTtlInSeconds",
    "default",
    "headers",
    "httpMethod",
    "onFailure",
    "path",
    "query",
    "timeoutInMillis",
    "uri",
];

pub(super) fn aggregate(node: &Node<'_>) -> Result<Aggregate, Fault> {
    known(node, &MEMBERS)?;
    let parts = node
        .get("parts")
        .ok_or_else(|| node.fault("'parts' is missing"))?;
    let mut read = Vec::new();
    for (name, found) in parts.object()? {
        read.push(part(name, &found)?);
    }
    if !(1..=AGGREGATE_PARTS_MAX).contains(&read.len()) {
        return Err(parts.fault(format!("must have 1 to {AGGREGATE_PARTS_MAX} parts")));
    }
    let names: BTreeSet<&str> = read.iter().map(|part| part.name.as_str()).collect();
    for part in &read {
        if let Some(other) = part
            .after
            .iter()
            .find(|name| !names.contains(name.as_str()))
        {
            return Err(parts.fault(format!(
                "{:?} comes after an unknown part {other:?}",
                part.name
            )));
        }
    }
    let status = node.number_of("statusCode")?.unwrap_or(200);
    let status = u16::try_from(status)
        .ok()
        .filter(|status| (200..600).contains(status))
        .ok_or_else(|| node.fault("statusCode must be from 200 to 599"))?;
    let template = node.text_of("template")?;
    if let Some(Err(error)) = template.as_deref().map(Template::parse) {
        return Err(node.fault(format!("template: {error}")));
    }
    Ok(Aggregate {
        parts: read,
        merge: chosen(node, "merge", Merge::parse)?.unwrap_or(Merge::Named),
        template,
        status,
    })
}

fn part(name: &str, node: &Node<'_>) -> Result<AggregatePart, Fault> {
    known(node, &PART_MEMBERS)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_name) {
        return Err(node.fault("names of parts are 1 to 64 letters, digits, '-' and '_'"));
    }
    let uri = node.text_of("uri")?;
    let uri = uri.ok_or_else(|| node.fault("'uri' is missing"))?;
    let timeout_ms = node.number_of("timeoutInMillis")?.unwrap_or(TIMEOUT_MS);
    if !TIMEOUT_RANGE_MS.contains(&timeout_ms) {
        return Err(node.fault("timeoutInMillis must be from 50 to 29000"));
    }
    let cache_ttl_s = node.number_of("cacheTtlInSeconds")?.unwrap_or(0);
    if cache_ttl_s > TTL_MAX_S {
        return Err(node.fault("cacheTtlInSeconds must be at most 3600"));
    }
    let on_failure = chosen(node, "onFailure", OnFailure::parse)?.unwrap_or(OnFailure::Fail);
    let default = node.value.get("default").map(ToString::to_string);
    if on_failure == OnFailure::Default && default.is_none() {
        return Err(node.fault("'default' is missing"));
    }
    let part = AggregatePart {
        name: name.to_owned(),
        uri,
        http_method: node
            .text_of("httpMethod")?
            .unwrap_or_else(|| "GET".to_owned()),
        timeout_ms,
        path: node.map_of("path")?,
        query: node.map_of("query")?,
        headers: node.map_of("headers")?,
        body: node.text_of("body")?,
        after: node.texts_of("after")?,
        on_failure,
        default,
        cache_ttl_s,
    };
    let maps = [&part.path, &part.query, &part.headers];
    let mapped = maps.into_iter().flat_map(|map| map.values());
    for expression in mapped.chain(&part.body) {
        check(expression, node)?;
    }
    Ok(part)
}

/// What is about another part is checked as the same about an integration's answer.
fn check(expression: &str, node: &Node<'_>) -> Result<(), Fault> {
    let other = expression.strip_prefix("parts.").map(|rest| {
        let behind = rest.split_once('.').map_or("", |(_, behind)| behind);
        match behind {
            "status" => "''".to_owned(),
            _ => format!("integration.response.{behind}"),
        }
    });
    Expression::parse(other.as_deref().unwrap_or(expression))
        .map(drop)
        .map_err(|error| node.fault(error.to_string()))
}

fn known(node: &Node<'_>, members: &[&str]) -> Result<(), Fault> {
    for (key, found) in node.object()? {
        if !members.contains(&key) {
            return Err(found.fault("is not known here"));
        }
    }
    Ok(())
}

fn chosen<T>(node: &Node<'_>, key: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Fault> {
    node.get(key).map(|found| word(&found, parse)).transpose()
}
