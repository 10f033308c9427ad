//! Schemas become models, and places that use a schema become names of models.
//!
//! A model is JSON schema of draft 4. Keywords that draft does not know stay in the text: they mean
//! nothing to a validator, and they come back when the API is exported.

use std::sync::Arc;

use model::rest::Model;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::node::Node;
use super::super::references;
use super::{Builder, Dialect};

const JSON: &str = "application/json";

impl<'a> Builder<'a> {
    pub(super) fn read_schemas(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let all = match self.dialect {
            Dialect::Two => top.get("definitions"),
            Dialect::Three => top.get("components").and_then(|node| node.get("schemas")),
        };
        let Some(all) = all else { return Ok(()) };
        for (name, node) in all.object()? {
            if let Err(fault) = self.read_schema(name, &node) {
                self.report.error(fault);
            }
        }
        Ok(())
    }

    fn read_schema(&mut self, name: &str, node: &Node<'a>) -> Result<(), Fault> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(node.fault(format!(
                "Unable to create model for '{name}': Model name must be alphanumeric: {name}"
            )));
        }
        if !node.value.is_object() {
            return Err(node.fault("a schema must be an object"));
        }
        let description = node.get("description").and_then(|text| text.text().ok());
        self.put_model(name, description, node.value);
        Ok(())
    }

    fn put_model(&mut self, name: &str, description: Option<String>, schema: &Value) {
        let id = self.before.models.get(name);
        let id = id.map_or_else(Self::id, |old| old.id.clone());
        let model = Model {
            id,
            name: name.to_owned(),
            description,
            schema: Some(references::to_models(schema, self.wanted.api)),
            content_type: JSON.to_owned(),
        };
        self.content.models.insert(name.to_owned(), Arc::new(model));
    }

    /// The model of whatever has a `schema`: the one it refers to, or one made of it.
    pub(super) fn model_of(&mut self, node: &Node<'a>) -> Result<Option<String>, Fault> {
        let Some(schema) = node.get("schema") else {
            return Ok(None);
        };
        if let Some(target) = schema.get("$ref") {
            let text = target.text()?;
            return match references::name(&text) {
                Some(name) if self.content.models.contains_key(name) => Ok(Some(name.to_owned())),
                _ => Err(target.fault(format!("Invalid model identifier specified: {text}"))),
            };
        }
        if schema
            .value
            .as_object()
            .is_none_or(serde_json::Map::is_empty)
        {
            return Ok(None);
        }
        let text = schema.value.to_string();
        // The same schema is the same model, wherever it stands and however often it is read.
        let name = format!("Inline{:016x}", model::codec::digest(text.as_bytes()));
        if !self.content.models.contains_key(&name) {
            self.put_model(&name, None, schema.value);
        }
        Ok(Some(name))
    }

    /// References between schemas must lead somewhere.
    pub(super) fn read_models_used(&mut self, _top: &Node<'a>) -> Result<(), Fault> {
        for model in self.content.models.values() {
            let schema = model.schema.as_deref().unwrap_or_default();
            let missing = references::used(schema)
                .into_iter()
                .find(|name| !self.content.models.contains_key(name));
            if let Some(missing) = missing {
                return Err(Fault::at(
                    &format!("/{}", model.name),
                    format!("the schema refers to {missing:?}, which the file has not"),
                ));
            }
        }
        Ok(())
    }
}
