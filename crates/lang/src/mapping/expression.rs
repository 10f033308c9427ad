//! The right-hand side of a mapping.

use std::borrow::Cow;

use super::{EXPRESSION_BYTES_MAX, Mapped, MappingError, Source, is_name};
use crate::{
    json::{Document, View},
    json_path::{Found, Path},
};

/// A mapping expression, read once.
#[derive(Debug)]
pub struct Expression(Origin);

#[derive(Debug)]
enum Origin {
    Static(String),
    RequestPath(String),
    RequestQuery(String, Values),
    RequestHeader(String, Values),
    RequestBody(Option<Path>),
    IntegrationHeader(String, Values),
    IntegrationBody(Option<Path>),
    StageVariable(String),
    Context(String),
}

/// Which of the values of a repeated parameter count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    Last,
    All,
}

impl Expression {
    /// Reads an expression: `'text'`, `method.request...`, `integration.response...`,
    /// `stageVariables.NAME` or `context.PATH`.
    ///
    /// # Errors
    /// [`MappingError::Expression`], and [`MappingError::Path`] for what follows `body.`.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let text = text.trim();
        let wrong = || MappingError::Expression(shown(text));
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(wrong());
        }
        if let Some(rest) = text.strip_prefix('\'') {
            let value = rest.strip_suffix('\'').ok_or_else(wrong)?;
            return Ok(Self(Origin::Static(value.to_owned())));
        }
        if let Some(rest) = text.strip_prefix("method.request.") {
            return request(rest, text);
        }
        if let Some(rest) = text.strip_prefix("integration.response.") {
            return answer(rest, text);
        }
        let from = match text.split_once('.') {
            Some(("stageVariables", name)) if is_name(name) => {
                Origin::StageVariable(name.to_owned())
            }
            Some(("context", path)) if is_name(path) => Origin::Context(path.to_owned()),
            _ => return Err(wrong()),
        };
        Ok(Self(from))
    }

    /// The value, or nothing where its source is absent.
    ///
    /// # Errors
    /// [`MappingError::Body`].
    pub fn evaluate(&self, source: &dyn Source) -> Result<Option<Mapped>, MappingError> {
        let one = |value: Option<Cow<'_, str>>| value.map(|value| Mapped::One(value.into_owned()));
        Ok(match &self.0 {
            Origin::Static(value) => Some(Mapped::One(value.clone())),
            Origin::RequestPath(name) => one(source.request_path(name)),
            Origin::RequestQuery(name, values) => match values {
                Values::Last => one(source.request_query(name).pop()),
                Values::All => many(source.request_query(name)),
            },
            Origin::RequestHeader(name, values) => header(source.request_header(name), *values),
            Origin::IntegrationHeader(name, values) => {
                header(source.integration_header(name), *values)
            }
            Origin::RequestBody(None) => one(source.body().map(Cow::Borrowed)),
            Origin::RequestBody(Some(path)) => within(path, source.body_json()?.as_ref()),
            Origin::IntegrationBody(None) => one(source.integration_body().map(Cow::Borrowed)),
            Origin::IntegrationBody(Some(path)) => {
                within(path, source.integration_json()?.as_ref())
            }
            Origin::StageVariable(name) => one(source.stage_variable(name)),
            Origin::Context(path) => source.context(path).map(Mapped::One),
        })
    }

    /// Whether it reads a body, so that the caller must have one.
    #[must_use]
    pub const fn reads_body(&self) -> bool {
        matches!(self.0, Origin::RequestBody(_) | Origin::IntegrationBody(_))
    }
}

fn request(rest: &str, text: &str) -> Result<Expression, MappingError> {
    if let Some(path) = body(rest, text)? {
        return Ok(Expression(Origin::RequestBody(path)));
    }
    let from = match rest.split_once('.') {
        Some((place, name)) if is_name(name) => {
            let name = name.to_owned();
            match place {
                "path" => Origin::RequestPath(name),
                "querystring" => Origin::RequestQuery(name, Values::Last),
                "multivaluequerystring" => Origin::RequestQuery(name, Values::All),
                "header" => Origin::RequestHeader(name, Values::Last),
                "multivalueheader" => Origin::RequestHeader(name, Values::All),
                _ => return Err(MappingError::Expression(shown(text))),
            }
        }
        _ => return Err(MappingError::Expression(shown(text))),
    };
    Ok(Expression(from))
}

fn answer(rest: &str, text: &str) -> Result<Expression, MappingError> {
    if let Some(path) = body(rest, text)? {
        return Ok(Expression(Origin::IntegrationBody(path)));
    }
    let from = match rest.split_once('.') {
        Some(("header", name)) if is_name(name) => {
            Origin::IntegrationHeader(name.to_owned(), Values::Last)
        }
        Some(("multivalueheader", name)) if is_name(name) => {
            Origin::IntegrationHeader(name.to_owned(), Values::All)
        }
        _ => return Err(MappingError::Expression(shown(text))),
    };
    Ok(Expression(from))
}

/// `body` or `body.PATH`: what is inside of it, if it is one of them. The path is written without
/// its `$.`, though with it does no harm.
fn body(rest: &str, text: &str) -> Result<Option<Option<Path>>, MappingError> {
    let Some(behind) = rest.strip_prefix("body") else {
        return Ok(None);
    };
    if behind.is_empty() {
        return Ok(Some(None));
    }
    let path = match behind.strip_prefix('.') {
        Some(path) if path.starts_with('$') => path.to_owned(),
        Some(path) if path.starts_with('[') => format!("${path}"),
        Some(path) if !path.is_empty() => format!("$.{path}"),
        None if behind.starts_with('[') => format!("${behind}"),
        _ => return Err(MappingError::Expression(shown(text))),
    };
    Path::parse(&path)
        .map(|path| Some(Some(path)))
        .map_err(|error| MappingError::Path {
            expression: shown(text),
            why: error.to_string(),
        })
}

fn header(mut values: Vec<Cow<'_, str>>, wanted: Values) -> Option<Mapped> {
    match wanted {
        Values::Last => values.pop().map(|value| Mapped::One(value.into_owned())),
        Values::All if values.is_empty() => None,
        Values::All => Some(Mapped::One(values.join(","))),
    }
}

fn many(values: Vec<Cow<'_, str>>) -> Option<Mapped> {
    let values: Vec<String> = values.into_iter().map(Cow::into_owned).collect();
    (!values.is_empty()).then_some(Mapped::Many(values))
}

/// What a JSONPath finds, as text: strings as they are, everything else as JSON. Null is absent.
fn within(path: &Path, body: Option<&Document<'_>>) -> Option<Mapped> {
    let text = match path.find(body?.root()) {
        Found::One(found) => text_of(found?)?,
        Found::Made(made) => text_of(made.root())?,
        Found::Many(found) if found.is_empty() => return None,
        Found::Many(found) => {
            let inside: Vec<String> = found.iter().map(|one| one.to_value().to_string()).collect();
            format!("[{}]", inside.join(","))
        }
    };
    Some(Mapped::One(text))
}

fn text_of(value: View<'_>) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let text = value.as_str().map(str::to_owned);
    Some(text.unwrap_or_else(|| value.to_value().to_string()))
}

/// Most characters of a wrong text that an error repeats.
const SHOWN_CHARS_MAX: usize = 200;

/// The part of a wrong text that an error repeats.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}
