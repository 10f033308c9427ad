//! What a client may get: method responses.

use std::collections::BTreeMap;

use model::rest::{DocumentationKind, MethodResponse};

use super::super::fault::Fault;
use super::super::node::Node;
use super::methods::Place;
use super::{Builder, Dialect};

impl<'a> Builder<'a> {
    pub(super) fn read_responses(
        &mut self,
        node: &Node<'a>,
        place: &Place<'_, 'a>,
    ) -> Result<BTreeMap<u16, MethodResponse>, Fault> {
        let mut responses = BTreeMap::new();
        let Some(all) = node.get("responses") else {
            return Ok(responses);
        };
        for (key, found) in all.object()? {
            let number = key
                .parse()
                .ok()
                .filter(|number| (100..600).contains(number));
            let Some(status) = number else {
                if !key.starts_with("x-") {
                    let text = format!("responses need a status; {key:?} is left out");
                    self.report.warn(&found.at, text);
                }
                continue;
            };
            let found = found.resolve(self.root)?;
            let response = self.read_response(node, &found, key, place)?;
            responses.insert(status, response);
        }
        Ok(responses)
    }

    fn read_response(
        &mut self,
        node: &Node<'a>,
        found: &Node<'a>,
        status: &str,
        place: &Place<'_, 'a>,
    ) -> Result<MethodResponse, Fault> {
        let mut response = MethodResponse::default();
        if let Some(headers) = found.get("headers") {
            for (name, header) in headers.object()? {
                let header = header.resolve(self.root)?;
                let key = format!("method.response.header.{name}");
                response.parameters.insert(key, false);
                let kind = DocumentationKind::ResponseHeader;
                self.describe(kind, place, Some(status), Some(name), &header)?;
            }
        }
        match self.dialect {
            Dialect::Two => {
                if let Some(name) = self.model_of(found)? {
                    for media_type in self.media_types(node, "produces")? {
                        response.models.insert(media_type, name.clone());
                    }
                }
            }
            Dialect::Three => {
                if let Some(content) = found.get("content") {
                    for (media_type, media) in content.object()? {
                        if let Some(name) = self.model_of(&media)? {
                            response.models.insert(media_type.to_owned(), name);
                        }
                    }
                }
            }
        }
        let kind = DocumentationKind::Response;
        self.describe(kind, place, Some(status), None, found)?;
        Ok(response)
    }
}
