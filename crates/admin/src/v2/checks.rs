//! Shapes and ranges of single fields, which are checked before a change is proposed.

use std::collections::{BTreeMap, BTreeSet};

use lang::uri_template::UriTemplate;
use model::{EndpointType, IpAddressType, RouteKey, limits};

use crate::{document::Document, refusal::Refusal};

/// The tag that chooses where clients reach an API or a custom domain.
pub(super) const ENDPOINT_TAG: &str = "edgeway:endpointType";

/// The backend's address. Stage variables are not known yet: any value may stand for them.
pub(super) fn uri(field: &str, text: String) -> Result<String, Refusal> {
    if text.starts_with("arn:") {
        return Err(Refusal::unsupported(format!("{field} with an ARN")));
    }
    let mut variables = BTreeMap::new();
    for part in text.split("${stageVariables.").skip(1) {
        let name = part.split('}').next().unwrap_or_default();
        // A digit can stand in a host, a port, a path and a query.
        variables.insert(name.to_owned(), "1".to_owned());
    }
    match UriTemplate::compile(&text, &variables) {
        Ok(_) => Ok(text),
        Err(error) => Err(Refusal::bad(format!(
            "Invalid HTTP endpoint specified for URI: {error}"
        ))),
    }
}

pub(super) fn route_key(text: &str) -> Result<RouteKey, Refusal> {
    RouteKey::parse(text).map_err(|error| {
        Refusal::bad(format!(
            "The provided route key is not formatted properly: {error}"
        ))
    })
}

/// `$default` or letters, digits, `-` and `_`.
pub(super) fn stage_name(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name == "$default" || (!name.is_empty() && name.chars().all(plain)) {
        return Ok(());
    }
    Err(Refusal::bad(
        "Stage name only allows a-zA-Z0-9_- or $default",
    ))
}

pub(crate) fn stage_variables(map: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if map.len() > limits::STAGE_VARIABLES_MAX {
        let max = limits::STAGE_VARIABLES_MAX;
        return Err(Refusal::bad(format!(
            "at most {max} stageVariables are allowed"
        )));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(name) = map
        .keys()
        .find(|name| name.is_empty() || !name.chars().all(word))
    {
        return Err(Refusal::bad(format!(
            "Stage variable names must contain only alphanumeric characters and underscores: \
             {name}"
        )));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c);
    let bad = |value: &String| value.len() > 2048 || !value.chars().all(plain);
    match map.iter().find(|(_, value)| bad(value)) {
        Some((name, _)) => Err(Refusal::bad(format!(
            "Stage variable values must match [A-Za-z0-9-._~:/?#&=,]+ and have at most 2048 \
             characters: {name}"
        ))),
        None => Ok(()),
    }
}

/// Amazon's rules for tags, and the values of our own one.
pub(crate) fn tags(map: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if map.len() > limits::TAGS_MAX {
        return Err(Refusal::bad(format!(
            "at most {} tags are allowed",
            limits::TAGS_MAX
        )));
    }
    for (key, value) in map {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(Refusal::bad(format!(
                "a tag key has 1 to 128 characters and a value at most 256: {key}"
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::bad(
                "aws: prefixed tag key names are not allowed for external use.",
            ));
        }
    }
    endpoint_tag(map).map(|_| ())
}

/// What the tags say of the endpoint type.
pub(super) fn endpoint_tag(
    tags: &BTreeMap<String, String>,
) -> Result<Option<EndpointType>, Refusal> {
    match tags.get(ENDPOINT_TAG).map(String::as_str) {
        None => Ok(None),
        Some("EDGE") => Ok(Some(EndpointType::Edge)),
        Some("REGIONAL") => Ok(Some(EndpointType::Regional)),
        Some("PRIVATE") => Err(Refusal::unsupported(format!("tag {ENDPOINT_TAG}=PRIVATE"))),
        Some(other) => Err(Refusal::bad(format!(
            "tag {ENDPOINT_TAG} must be EDGE or REGIONAL, not {other}"
        ))),
    }
}

pub(super) fn ip_address_type(document: &Document) -> Result<Option<IpAddressType>, Refusal> {
    match document.text("ipAddressType")?.as_deref() {
        None => Ok(None),
        Some("ipv4") => Ok(Some(IpAddressType::Ipv4)),
        Some("dualstack") => Ok(Some(IpAddressType::Dualstack)),
        Some(_) => Err(Refusal::bad(
            "ipAddressType must be either ipv4 or dualstack.",
        )),
    }
}

pub(super) const fn ip_address_type_text(value: IpAddressType) -> &'static str {
    match value {
        IpAddressType::Ipv4 => "ipv4",
        IpAddressType::Dualstack => "dualstack",
    }
}

/// Lower-case labels of letters, digits and `-`, at least two, perhaps `*.` in front.
pub(crate) fn domain_name(text: &str, base: &str) -> Result<String, Refusal> {
    let name = text.to_ascii_lowercase();
    let labels: Vec<&str> = name
        .strip_prefix("*.")
        .unwrap_or(&name)
        .split('.')
        .collect();
    let plain = |label: &&str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || labels.len() < 2 || !labels.iter().all(plain) {
        return Err(Refusal::bad(format!(
            "Invalid domain name specified: {text}"
        )));
    }
    let generated = labels.contains(&"execute-api") && name.ends_with(&format!(".{base}"));
    if generated {
        return Err(Refusal::bad(format!(
            "{text} is a name that the cluster gives out itself"
        )));
    }
    Ok(name)
}

/// Segments of a base path without outer slashes; empty maps everything else.
pub(crate) fn mapping_key(text: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "$-_.+!*'()/".contains(c);
    if text.len() > 300 || !text.chars().all(plain) {
        return Err(Refusal::bad(
            "API mapping key should have at most 300 characters of a-zA-Z0-9$-_.+!*'()/",
        ));
    }
    if !text.is_empty() && text.split('/').any(str::is_empty) {
        return Err(Refusal::bad(
            "API mapping key should not start with a '/' or have consecutive '/'s.",
        ));
    }
    Ok(())
}

/// Refuses the same text twice in a list.
pub(super) fn distinct(field: &str, items: &[String]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    match items
        .iter()
        .find(|item| !seen.insert(item.to_ascii_lowercase()))
    {
        Some(item) => Err(Refusal::bad(format!("{field} holds {item} twice"))),
        None => Ok(()),
    }
}
