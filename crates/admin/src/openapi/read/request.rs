//! Parameters and bodies of a request.

use std::collections::BTreeMap;

use model::rest::{DocumentationKind, MethodSettings};

use super::super::fault::Fault;
use super::super::node::Node;
use super::methods::Place;
use super::{Builder, Dialect};

/// What bodies are taken for when nothing says so.
const JSON: &str = "application/json";

impl<'a> Builder<'a> {
    pub(super) fn read_request(
        &mut self,
        node: &Node<'a>,
        place: &Place<'_, 'a>,
        settings: &mut MethodSettings,
    ) -> Result<(), Fault> {
        let mut named = BTreeMap::new();
        for owner in [place.item, node] {
            let Some(list) = owner.get("parameters") else {
                continue;
            };
            for parameter in list.items()? {
                let parameter = parameter.resolve(self.root)?;
                let kind = parameter.text_of("in")?;
                let kind = kind.ok_or_else(|| parameter.fault("'in' is missing"))?;
                let name = parameter.text_of("name")?;
                let name = name.ok_or_else(|| parameter.fault("'name' is missing"))?;
                // An operation's parameter replaces the path's one of the same name.
                named.insert((kind, name), parameter);
            }
        }
        for ((kind, name), parameter) in &named {
            self.read_parameter((kind, name), parameter, (node, place), settings)?;
        }
        if let Some(body) = node.get("requestBody") {
            let body = body.resolve(self.root)?;
            if let Some(content) = body.get("content") {
                for (media_type, media) in content.object()? {
                    if let Some(name) = self.model_of(&media)? {
                        settings.request_models.insert(media_type.to_owned(), name);
                    }
                }
            }
            self.describe(DocumentationKind::RequestBody, place, None, None, &body)?;
        }
        Ok(())
    }

    fn read_parameter(
        &mut self,
        (kind, name): (&str, &str),
        parameter: &Node<'a>,
        (node, place): (&Node<'a>, &Place<'_, 'a>),
        settings: &mut MethodSettings,
    ) -> Result<(), Fault> {
        let (location, documented) = match kind {
            "path" => ("path", DocumentationKind::PathParameter),
            "query" => ("querystring", DocumentationKind::QueryParameter),
            "header" => ("header", DocumentationKind::RequestHeader),
            "body" if self.dialect == Dialect::Two => {
                if let Some(model) = self.model_of(parameter)? {
                    for media_type in self.media_types(node, "consumes")? {
                        settings.request_models.insert(media_type, model.clone());
                    }
                }
                self.describe(DocumentationKind::RequestBody, place, None, None, parameter)?;
                return Ok(());
            }
            _ => {
                let text = format!("parameters in {kind:?} are not supported; left out");
                self.report.warn(&parameter.at, text);
                return Ok(());
            }
        };
        let required = parameter.flag_of("required")?.unwrap_or(false) || location == "path";
        let key = format!("method.request.{location}.{name}");
        settings.request_parameters.insert(key, required);
        self.describe(documented, place, None, Some(name), parameter)
    }

    /// The operation's media types, or else the file's, or else JSON (2.0).
    pub(super) fn media_types(&self, node: &Node<'a>, key: &str) -> Result<Vec<String>, Fault> {
        let own = node.texts_of(key)?;
        if !own.is_empty() {
            return Ok(own);
        }
        let all = Node::root(self.root).texts_of(key)?;
        Ok(if all.is_empty() {
            vec![JSON.to_owned()]
        } else {
            all
        })
    }
}
