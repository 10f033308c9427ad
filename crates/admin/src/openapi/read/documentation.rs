//! Documentation: the extension's parts, and the descriptions that stand where they belong.
//!
//! Descriptions become parts so that an export has them again. The text `200 response` that exports
//! put where a response has no description is not taken for one.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::DocumentationPartId;
use model::rest::{Content, DocumentationKind, DocumentationLocation, DocumentationPart};
use serde_json::{Map, Value};

use super::super::fault::Fault;
use super::super::node::Node;
use super::Builder;
use super::methods::Place;

/// Fields of an operation that describe it.
const METHOD_FIELDS: [&str; 3] = ["summary", "description", "tags"];
/// Fields of `info` that only describe; title, version and description are the API's own.
const INFO_FIELDS: [&str; 3] = ["termsOfService", "contact", "license"];

/// The ids of all parts.
pub(super) fn known(content: &Content) -> BTreeMap<DocumentationLocation, DocumentationPartId> {
    let parts = content.documentation.values();
    parts
        .map(|part| (part.location.clone(), part.id.clone()))
        .collect()
}

impl<'a> Builder<'a> {
    /// Keeps a description of a piece of an operation.
    pub(super) fn describe(
        &mut self,
        kind: DocumentationKind,
        place: &Place<'_, 'a>,
        status: Option<&str>,
        name: Option<&str>,
        node: &Node<'a>,
    ) -> Result<(), Fault> {
        let Some(text) = node.text_of("description")?.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let usual = |status: &str| text == format!("{status} response");
        if kind == DocumentationKind::Response && status.is_some_and(usual) {
            return Ok(());
        }
        let location = DocumentationLocation {
            kind,
            path: Some(place.path.to_owned()),
            method: Some(place.verb.to_string()),
            status: status.map(str::to_owned),
            name: name.map(str::to_owned),
        };
        let properties = serde_json::json!({ "description": text });
        self.put_part(location, &properties);
        Ok(())
    }

    pub(super) fn document_method(
        &mut self,
        node: &Node<'a>,
        place: &Place<'_, 'a>,
    ) -> Result<(), Fault> {
        let location = DocumentationLocation {
            kind: DocumentationKind::Method,
            path: Some(place.path.to_owned()),
            method: Some(place.verb.to_string()),
            status: None,
            name: None,
        };
        self.put_fields(location, node, &METHOD_FIELDS);
        Ok(())
    }

    pub(super) fn read_documentation(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let mut about = Map::new();
        let info = top.get("info").map(|info| picked(&info, &INFO_FIELDS));
        if let Some(info) = info.filter(|info| !info.is_empty()) {
            about.insert("info".to_owned(), Value::Object(info));
        }
        about.extend(picked(top, &["tags", "externalDocs"]));
        if !about.is_empty() {
            let location = DocumentationLocation {
                kind: DocumentationKind::Api,
                path: None,
                method: None,
                status: None,
                name: None,
            };
            self.put_part(location, &Value::Object(about));
        }
        let Some(extension) = top.get("x-amazon-apigateway-documentation") else {
            return Ok(());
        };
        if self.wanted.ignore_documentation {
            return Ok(());
        }
        self.documentation_version = extension.text_of("version")?;
        let parts = extension.get("documentationParts");
        let parts = parts.map(|list| list.items()).transpose()?;
        for part in parts.unwrap_or_default() {
            let location = part.get("location");
            let location = location.ok_or_else(|| part.fault("'location' is missing"))?;
            let location = read_location(&location)?;
            let properties = part.get("properties");
            let properties = properties.ok_or_else(|| part.fault("'properties' is missing"))?;
            if !properties.value.is_object() {
                return Err(properties.fault("must be an object"));
            }
            self.put_part(location, properties.value);
        }
        Ok(())
    }

    fn put_fields(&mut self, location: DocumentationLocation, node: &Node<'a>, names: &[&str]) {
        let fields = picked(node, names);
        if !fields.is_empty() {
            self.put_part(location, &Value::Object(fields));
        }
    }

    /// A part of the same location is replaced.
    fn put_part(&mut self, location: DocumentationLocation, properties: &Value) {
        if self.wanted.ignore_documentation {
            return;
        }
        let id = self.documented.entry(location.clone());
        let part = DocumentationPart {
            id: id.or_insert_with(Self::id).clone(),
            location,
            properties: properties.to_string(),
        };
        self.content
            .documentation
            .insert(part.id.clone(), Arc::new(part));
    }
}

fn picked(node: &Node<'_>, names: &[&str]) -> Map<String, Value> {
    let fields = node.fields();
    fields
        .filter(|(name, field)| names.contains(name) && !field.value.is_null())
        .map(|(name, field)| (name.to_owned(), field.value.clone()))
        .collect()
}

fn read_location(node: &Node<'_>) -> Result<DocumentationLocation, Fault> {
    let kind = node.get("type");
    let kind = kind.ok_or_else(|| node.fault("'type' is missing"))?;
    Ok(DocumentationLocation {
        kind: super::settings::word(&kind, DocumentationKind::parse)?,
        path: node.text_of("path")?,
        method: node.text_of("method")?,
        status: node.text_of("statusCode")?,
        name: node.text_of("name")?,
    })
}
