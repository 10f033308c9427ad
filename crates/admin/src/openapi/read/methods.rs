//! An operation becomes a method: request, responses, integration, access.

use std::sync::Arc;

use model::ResourceId;
use model::rest::{AuthorizationType, Method, MethodSettings, Verb};

use super::super::fault::Fault;
use super::super::node::Node;
use super::{Builder, aggregate};

/// Where an operation stands.
pub(super) struct Place<'p, 'a> {
    pub(super) path: &'p str,
    pub(super) resource: &'p ResourceId,
    pub(super) verb: Verb,
    /// The path item around it.
    pub(super) item: &'p Node<'a>,
}

impl<'a> Builder<'a> {
    pub(super) fn method(
        &mut self,
        node: &Node<'a>,
        place: &Place<'_, 'a>,
    ) -> Result<Method, Fault> {
        node.object().map(drop)?;
        let mut settings = MethodSettings {
            authorization: AuthorizationType::None,
            authorizer: None,
            scopes: Vec::new(),
            api_key_required: false,
            operation_name: node.text_of("operationId")?,
            validator: self.validator(node)?,
            request_parameters: std::collections::BTreeMap::new(),
            request_models: std::collections::BTreeMap::new(),
        };
        self.read_security(node, &mut settings)?;
        self.read_request(node, place, &mut settings)?;
        let responses = self.read_responses(node, place)?;
        self.document_method(node, place)?;
        let integration = match node.get("x-amazon-apigateway-integration") {
            Some(found) => {
                let found = found.resolve(self.root)?;
                Some(self.integration(&found, place, &responses)?)
            }
            None => None,
        };
        let aggregate = match node.get(aggregate::NAME) {
            Some(found) if integration.is_some() => {
                return Err(found.fault("an operation has an integration or this, not both"));
            }
            Some(found) => Some(Arc::new(aggregate::aggregate(&found)?)),
            None => None,
        };
        Ok(Method {
            settings,
            responses,
            integration,
            aggregate,
        })
    }

    /// The validator that the operation names, or else the file as a whole.
    fn validator(&self, node: &Node<'a>) -> Result<Option<model::ValidatorId>, Fault> {
        const NAME: &str = "x-amazon-apigateway-request-validator";
        let top = Node::root(self.root);
        let Some(named) = node.get(NAME).or_else(|| top.get(NAME)) else {
            return Ok(None);
        };
        let name = named.text()?;
        let mut all = self.content.validators.values();
        let found = all.find(|validator| validator.name.as_deref() == Some(name.as_str()));
        let found = found.ok_or_else(|| {
            named.fault(format!(
                "{name:?} is not in x-amazon-apigateway-request-validators"
            ))
        })?;
        Ok(Some(found.id.clone()))
    }
}
