//! Rules of methods: what they refer to, and what belongs to them.

use std::{collections::BTreeMap, sync::Arc};

use super::{rest::concurrent, rest_content::missing};
use crate::{
    Rejection, ResourceId,
    rest::{
        Content, Integration, IntegrationResponse, IntegrationSettings, Method, MethodResponse,
        MethodSettings, RestKey, RestPart, Seen, Verb,
    },
};

impl Content {
    /// Puts or removes a method or what belongs to one.
    pub(super) fn change_method(
        &mut self,
        key: RestKey,
        put: Option<RestPart>,
        seen: Seen,
    ) -> Result<(), Rejection> {
        match (key, put) {
            (RestKey::Method(id, verb), Some(RestPart::Method(new))) => {
                self.put_method(&id, verb, *new)
            }
            (RestKey::Method(id, verb), None) => {
                let resource = self.resources.get_mut(&id).map(Arc::make_mut);
                resource.ok_or_else(concurrent)?.methods.remove(&verb);
                Ok(())
            }
            (RestKey::MethodResponse(id, verb, status), Some(RestPart::MethodResponse(new))) => {
                self.known_models(new.models.values())?;
                let responses = &mut self.method_mut(&id, verb)?.responses;
                responses.insert(status, *new);
                Ok(())
            }
            (RestKey::MethodResponse(id, verb, status), None) => {
                self.method_mut(&id, verb)?.responses.remove(&status);
                Ok(())
            }
            (RestKey::Integration(id, verb), Some(RestPart::Integration(new))) => {
                let method = self.method_mut(&id, verb)?;
                put_integration(method, *new, seen);
                Ok(())
            }
            (RestKey::Integration(id, verb), None) => {
                self.method_mut(&id, verb)?.integration = None;
                Ok(())
            }
            (
                RestKey::IntegrationResponse(id, verb, status),
                Some(RestPart::IntegrationResponse(new)),
            ) => {
                let method = self.method_mut(&id, verb)?;
                maps_to_declared(method.responses.get(&status), &new)?;
                integration_mut(method)?.responses.insert(status, *new);
                Ok(())
            }
            (RestKey::IntegrationResponse(id, verb, status), None) => {
                integration_mut(self.method_mut(&id, verb)?)?
                    .responses
                    .remove(&status);
                Ok(())
            }
            // A key and a part that do not belong together; no writer makes such a pair.
            _ => Err(concurrent()),
        }
    }

    fn put_method(
        &mut self,
        id: &ResourceId,
        verb: Verb,
        settings: MethodSettings,
    ) -> Result<(), Rejection> {
        self.check_settings(&settings)?;
        let resource = self.resources.get_mut(id).map(Arc::make_mut);
        let resource = resource.ok_or_else(|| missing("Invalid Resource identifier specified"))?;
        match resource.methods.get_mut(&verb) {
            Some(known) => Arc::make_mut(known).settings = settings,
            None => {
                let method = Method {
                    settings,
                    responses: BTreeMap::new(),
                    integration: None,
                    aggregate: None,
                };
                resource.methods.insert(verb, Arc::new(method));
            }
        }
        Ok(())
    }

    fn method_mut(&mut self, id: &ResourceId, verb: Verb) -> Result<&mut Method, Rejection> {
        let resource = self.resources.get_mut(id).map(Arc::make_mut);
        let resource = resource.ok_or_else(|| missing("Invalid Resource identifier specified"))?;
        let method = resource.methods.get_mut(&verb).map(Arc::make_mut);
        method.ok_or_else(|| missing("Invalid Method identifier specified"))
    }

    /// The rules of a method that comes as a whole.
    pub(super) fn check_method(&self, method: &Method) -> Result<(), Rejection> {
        self.check_settings(&method.settings)?;
        for response in method.responses.values() {
            self.known_models(response.models.values())?;
        }
        let integration = method.integration.iter();
        for (status, response) in integration.flat_map(|integration| &integration.responses) {
            maps_to_declared(method.responses.get(status), response)?;
        }
        Ok(())
    }

    fn check_settings(&self, settings: &MethodSettings) -> Result<(), Rejection> {
        let known = settings.authorizer.as_ref();
        let known = known.is_some_and(|id| self.authorizers.contains_key(id));
        if settings.authorization.needs_authorizer() && !known {
            return Err(Rejection::invalid(
                "authorizerId",
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or \
                 COGNITO_USER_POOLS requires a valid authorizer.",
            ));
        }
        let validator = settings.validator.as_ref();
        if validator.is_some_and(|id| !self.validators.contains_key(id)) {
            return Err(Rejection::invalid(
                "requestValidatorId",
                "Invalid Request Validator identifier specified",
            ));
        }
        self.known_models(settings.request_models.values())
    }

    fn known_models<'m>(
        &self,
        mut names: impl Iterator<Item = &'m String>,
    ) -> Result<(), Rejection> {
        match names.find(|name| !self.models.contains_key(*name)) {
            Some(name) => Err(Rejection::invalid(
                "models",
                format!("Invalid model identifier specified: {name}"),
            )),
            None => Ok(()),
        }
    }
}

/// A writer that saw the integration alters it; any other puts a new one in its place.
fn put_integration(method: &mut Method, settings: IntegrationSettings, seen: Seen) {
    match (&mut method.integration, seen) {
        (Some(known), Seen::This(_)) => known.settings = settings,
        _ => {
            method.integration = Some(Integration {
                settings,
                responses: BTreeMap::new(),
            });
        }
    }
}

fn integration_mut(method: &mut Method) -> Result<&mut Integration, Rejection> {
    let integration = method.integration.as_mut();
    integration.ok_or_else(|| missing("No integration defined for method"))
}

/// An integration response may only fill what the method response declares.
fn maps_to_declared(
    declared: Option<&MethodResponse>,
    response: &IntegrationResponse,
) -> Result<(), Rejection> {
    let declared = declared.ok_or_else(|| missing("Invalid Response status code specified"))?;
    let mut names = response.parameters.keys();
    match names.find(|name| !declared.parameters.contains_key(*name)) {
        Some(name) => Err(Rejection::invalid(
            "responseParameters",
            format!(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors \
                 : [Invalid mapping expression parameter specified: {name}]"
            ),
        )),
        None => Ok(()),
    }
}
