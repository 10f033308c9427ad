//! The texts of models, read as they are referred to, and where references lead.

use std::{collections::BTreeMap, rc::Rc};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::SchemaError;

/// A schema: the number of its document, and where it is in there as a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) document: usize,
    pub(super) at: String,
}

pub(super) struct Documents<'a> {
    models: &'a BTreeMap<String, &'a str>,
    read: Vec<(String, Rc<Value>)>,
}

/// Most references in a row.
const HOPS_MAX: usize = 32;

impl<'a> Documents<'a> {
    pub(super) const fn new(models: &'a BTreeMap<String, &'a str>) -> Self {
        Self {
            models,
            read: Vec::new(),
        }
    }

    /// The place of a whole model.
    pub(super) fn model(&mut self, name: &str) -> Result<Place, SchemaError> {
        let known = self.read.iter().position(|(known, _)| known == name);
        let document = match known {
            Some(known) => known,
            None => {
                let text = self
                    .models
                    .get(name)
                    .ok_or_else(|| SchemaError::Model(name.to_owned()))?;
                let value = serde_json::from_str(text).map_err(|error| SchemaError::Json {
                    model: name.to_owned(),
                    why: error.to_string(),
                })?;
                self.read.push((name.to_owned(), Rc::new(value)));
                self.read.len() - 1
            }
        };
        Ok(Place {
            document,
            at: String::new(),
        })
    }

    /// The document of a place.
    pub(super) fn document(&self, place: &Place) -> Rc<Value> {
        let document = self.read.get(place.document);
        document.map_or_else(|| Rc::new(Value::Null), |(_, value)| Rc::clone(value))
    }

    /// The name of the model of a place.
    pub(super) fn name(&self, place: &Place) -> String {
        let document = self.read.get(place.document);
        document.map_or_else(String::new, |(name, _)| name.clone())
    }

    /// Where a place leads: itself, unless it is a reference.
    pub(super) fn resolve(&mut self, from: Place) -> Result<Place, SchemaError> {
        let mut place = from;
        for _ in 0..HOPS_MAX {
            let document = self.document(&place);
            let schema = document.pointer(&place.at);
            let Some(reference) = schema.and_then(|schema| schema.get("$ref")) else {
                return Ok(place);
            };
            let reference = reference.as_str().unwrap_or_default();
            let next = self.follow(&place, reference);
            place = next.ok_or_else(|| self.lost(&place, reference))?;
        }
        Err(self.lost(&place, "a reference that leads to itself"))
    }

    fn follow(&mut self, from: &Place, reference: &str) -> Option<Place> {
        let (resource, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let mut place = if resource.is_empty() {
            Place {
                document: from.document,
                at: String::new(),
            }
        } else {
            // Host and API are those of the file that was imported, so they are not compared.
            let (_, path) = resource.split_once("://")?;
            let (_, rest) = path.split_once("/restapis/")?;
            let (_, name) = rest.split_once("/models/")?;
            let name = percent_decode_str(name).decode_utf8().ok()?;
            self.model(&name).ok()?
        };
        place.at = percent_decode_str(fragment)
            .decode_utf8()
            .ok()?
            .into_owned();
        self.document(&place).pointer(&place.at)?;
        Some(place)
    }

    fn lost(&self, at: &Place, reference: &str) -> SchemaError {
        SchemaError::Reference {
            model: self.name(at),
            reference: reference.chars().take(200).collect(),
        }
    }
}

/// A pointer to a member of a schema.
pub(super) fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}
