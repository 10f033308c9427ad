//! What a method's requests must have: required parameters, and bodies that fit models.
//!
//! Compiled once for frozen content; a model that several methods refer to is compiled once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use lang::json_schema::Schema;
use model::rest::{Content, MethodSettings};

/// What is checked before anything is called.
#[derive(Debug, Default)]
pub struct Validation {
    /// In the order in which missing ones are named.
    pub parameters: Vec<Required>,
    /// By media type; none where bodies are not checked.
    pub bodies: Option<BTreeMap<String, BodyModel>>,
}

/// A parameter that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// Where.
    pub place: Place,
    /// Its name, as its owner wrote it.
    pub name: String,
}

/// Where a parameter of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A header.
    Header,
    /// A part of the path.
    Path,
    /// A query parameter.
    Query,
}

/// What a body must be.
#[derive(Clone, Debug)]
pub enum BodyModel {
    /// Anything: the model `Empty`.
    Anything,
    /// As the model says.
    Schema(Arc<Schema>),
}

/// The models of one content, compiled as they are asked for.
pub(super) struct Models<'a> {
    content: &'a Content,
    texts: BTreeMap<String, &'a str>,
    compiled: HashMap<String, Result<BodyModel, String>>,
}

/// The model that accepts everything, whatever its schema.
const EMPTY: &str = "Empty";

impl Validation {
    /// What a method's validator wants to be checked.
    pub(super) fn compile(
        settings: &MethodSettings,
        models: &mut Models<'_>,
    ) -> Result<Self, String> {
        let validator = settings.validator.as_ref();
        let validator = validator.and_then(|id| models.content.validators.get(id));
        let Some(validator) = validator else {
            return Ok(Self::default());
        };
        let required = settings.request_parameters.iter();
        let required = required.filter(|(_, required)| validator.parameters && **required);
        let bodies = if validator.body {
            let named = settings.request_models.iter();
            let compiled = named.map(|(media, name)| Ok((media.clone(), models.model(name)?)));
            Some(compiled.collect::<Result<_, String>>()?)
        } else {
            None
        };
        Ok(Self {
            parameters: required.filter_map(|(key, _)| parameter(key)).collect(),
            bodies,
        })
    }

    /// Nothing is checked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.bodies.is_none()
    }
}

/// `method.request.{header|path|querystring}.NAME`.
fn parameter(key: &str) -> Option<Required> {
    let (place, name) = key.strip_prefix("method.request.")?.split_once('.')?;
    let place = match place {
        "header" => Place::Header,
        "path" => Place::Path,
        "querystring" => Place::Query,
        _ => return None,
    };
    let name = name.to_owned();
    Some(Required { place, name })
}

impl<'a> Models<'a> {
    pub(super) fn new(content: &'a Content) -> Self {
        let texts = content.models.iter();
        let texts = texts.filter_map(|(name, model)| {
            let text = model.schema.as_deref()?;
            Some((name.clone(), text))
        });
        Self {
            content,
            texts: texts.collect(),
            compiled: HashMap::new(),
        }
    }

    fn model(&mut self, name: &str) -> Result<BodyModel, String> {
        let has_schema = self.texts.contains_key(name);
        if name == EMPTY || self.content.models.contains_key(name) && !has_schema {
            return Ok(BodyModel::Anything);
        }
        if let Some(known) = self.compiled.get(name) {
            return known.clone();
        }
        let compiled = Schema::compile(name, &self.texts)
            .map(|schema| BodyModel::Schema(Arc::new(schema)))
            .map_err(|error| error.to_string());
        self.compiled.insert(name.to_owned(), compiled.clone());
        compiled
    }
}
