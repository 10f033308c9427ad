//! Media types: which template or model fits a body, when bodies are converted, and which coding
//! an answer gets.
//!
//! Tables of Amazon's behaviour as pure functions. Nothing is converted, rendered or compressed
//! here.

mod coding;
mod content;
#[cfg(test)]
mod tests;

pub use coding::{
    CODINGS_MAX, Coding, UnknownCoding, answer_coding, compressible, request_codings,
};
pub use content::{BinaryTypes, Conversion, Handling, answer_conversion, request_conversion};

use std::collections::BTreeMap;

/// The type of bodies that do not say theirs.
pub const DEFAULT: &str = "application/json";

/// The key of a template or model for types that have none of their own.
pub const FALLBACK: &str = "$default";

/// What happens to a request's body that no template fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// It is passed on.
    Pass,
    /// It is passed on only where there are no templates at all.
    PassWithoutTemplates,
    /// It is refused.
    Refuse,
}

/// What becomes of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a, T> {
    /// This makes the backend's body.
    Template(&'a T),
    /// The backend gets it as it is.
    Pass,
    /// 415.
    Refuse,
}

/// `type/subtype` of a content type or of the first range of an `Accept`, without parameters.
///
/// ```
/// assert_eq!(lang::media::essence(" Text/HTML ; charset=x, */*"), "Text/HTML");
/// ```
#[must_use]
pub fn essence(text: &str) -> &str {
    text.split([';', ',']).next().unwrap_or_default().trim()
}

/// What of `by_type` fits a body of this content type: the same type, else what is under
/// `$default`.
#[must_use]
pub fn for_request<'a, T>(
    by_type: &'a BTreeMap<String, T>,
    content_type: Option<&str>,
) -> Option<&'a T> {
    let wanted = content_type.map_or(DEFAULT, essence);
    of_type(by_type, wanted).or_else(|| by_type.get(FALLBACK))
}

/// What becomes of a request's body. A template that fits always wins.
#[must_use]
pub fn choose<'a, T>(
    templates: &'a BTreeMap<String, T>,
    content_type: Option<&str>,
    unmatched: Unmatched,
) -> Choice<'a, T> {
    match (for_request(templates, content_type), unmatched) {
        (Some(template), _) => Choice::Template(template),
        (None, Unmatched::Pass) => Choice::Pass,
        (None, Unmatched::PassWithoutTemplates) if templates.is_empty() => Choice::Pass,
        (None, Unmatched::PassWithoutTemplates | Unmatched::Refuse) => Choice::Refuse,
    }
}

/// What of `templates` makes an answer, with its key: the one of the first type of `Accept`, else
/// the one of JSON, else the first.
#[must_use]
pub fn for_answer<'a, T>(
    templates: &'a BTreeMap<String, T>,
    accept: Option<&str>,
) -> Option<(&'a str, &'a T)> {
    let entry = |wanted: &str| {
        templates
            .iter()
            .find(|(key, _)| essence(key).eq_ignore_ascii_case(wanted))
    };
    accept
        .and_then(|accept| entry(essence(accept)))
        .or_else(|| entry(DEFAULT))
        .or_else(|| templates.first_key_value())
        .map(|(key, template)| (key.as_str(), template))
}

fn of_type<'a, T>(by_type: &'a BTreeMap<String, T>, wanted: &str) -> Option<&'a T> {
    // The quick way first: keys are nearly always written as clients send them.
    by_type.get(wanted).or_else(|| {
        by_type
            .iter()
            .find(|(key, _)| essence(key).eq_ignore_ascii_case(wanted))
            .map(|(_, found)| found)
    })
}
