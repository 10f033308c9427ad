//! Rules of what a REST API consists of: the tree of resources, and what may be removed.

use std::sync::Arc;

use super::{rest::concurrent, rest_tree::beside, room_for};
use crate::{
    Rejection, ResourceId, ResourceKind, limits,
    rest::{
        Authorizer, Content, DocumentationPart, Model, Resource, RestKey, RestPart, Seen, Verb,
    },
};

impl Content {
    /// Puts or removes a piece; that it is what its writer saw has been checked.
    pub(super) fn change(
        &mut self,
        key: RestKey,
        put: Option<RestPart>,
        seen: Seen,
    ) -> Result<(), Rejection> {
        match (key, put) {
            (RestKey::Resource(id), Some(RestPart::Resource(parent, part))) => {
                self.put_resource(id, parent, part)
            }
            (RestKey::Resource(id), None) => self.delete_resource(&id),
            (RestKey::Model(name), Some(RestPart::Model(model))) => self.put_model(name, *model),
            (RestKey::Model(name), None) => {
                self.model_unused(&name)?;
                self.models.remove(&name);
                Ok(())
            }
            (RestKey::Validator(id), Some(RestPart::Validator(new))) => {
                room_for(
                    &self.validators,
                    &id,
                    ResourceKind::Part,
                    limits::PARTS_PER_API_MAX,
                )?;
                self.validators.insert(id, (*new).into());
                Ok(())
            }
            (RestKey::Validator(id), None) => {
                let used =
                    |method: &crate::rest::Method| method.settings.validator.as_ref() == Some(&id);
                self.unused("request validator", id.as_str(), used)?;
                self.validators.remove(&id);
                Ok(())
            }
            (RestKey::Authorizer(_), Some(RestPart::Authorizer(new))) => self.put_authorizer(*new),
            (RestKey::Authorizer(id), None) => {
                let used =
                    |method: &crate::rest::Method| method.settings.authorizer.as_ref() == Some(&id);
                self.unused("authorizer", id.as_str(), used)?;
                self.authorizers.remove(&id);
                Ok(())
            }
            (RestKey::GatewayResponse(kind), Some(RestPart::GatewayResponse(new))) => {
                self.gateway_responses.insert(kind, (*new).into());
                Ok(())
            }
            (RestKey::GatewayResponse(kind), None) => {
                self.gateway_responses.remove(&kind);
                Ok(())
            }
            (RestKey::DocumentationPart(_), Some(RestPart::DocumentationPart(new))) => {
                self.put_documentation(*new)
            }
            (RestKey::DocumentationPart(id), None) => {
                self.documentation.remove(&id);
                Ok(())
            }
            (key, put) => self.change_method(key, put, seen),
        }
    }

    fn put_resource(
        &mut self,
        id: ResourceId,
        parent: Option<ResourceId>,
        part: String,
    ) -> Result<(), Rejection> {
        let max = limits::RESOURCES_PER_API_MAX;
        room_for(&self.resources, &id, ResourceKind::Resource, max)?;
        let resource = match self.resources.get(&id) {
            Some(known) => Resource {
                parent,
                part,
                ..Resource::clone(known)
            },
            None => Resource {
                id: id.clone(),
                parent,
                part,
                methods: std::collections::BTreeMap::new(),
            },
        };
        self.fits(&resource)?;
        self.resources.insert(id, Arc::new(resource));
        Ok(())
    }

    /// Whether a resource may stand where it says.
    fn fits(&self, resource: &Resource) -> Result<(), Rejection> {
        let has_children = || self.children(&resource.id).next().is_some();
        self.hangs(resource, has_children)?;
        let Some(parent) = &resource.parent else {
            return Ok(());
        };
        let siblings = self.children(parent);
        let mut siblings = siblings.filter(|sibling| sibling.id != resource.id);
        siblings.try_for_each(|sibling| beside(&resource.part, &sibling.part))
    }

    /// Whether the resource above lets it stand there, and it those below.
    pub(super) fn hangs(
        &self,
        resource: &Resource,
        has_children: impl FnOnce() -> bool,
    ) -> Result<(), Rejection> {
        let Some(parent_id) = &resource.parent else {
            if resource.id == self.root {
                return Ok(());
            }
            return Err(missing("Invalid Resource identifier specified"));
        };
        let parent = self.resources.get(parent_id);
        let parent = parent.ok_or_else(|| missing("Invalid Resource identifier specified"))?;
        self.no_circle(resource, parent)?;
        if is_greedy(&parent.part) {
            return Err(childless(&parent.part));
        }
        if is_greedy(&resource.part) && has_children() {
            return Err(childless(&resource.part));
        }
        Ok(())
    }

    fn no_circle(&self, resource: &Resource, parent: &Arc<Resource>) -> Result<(), Rejection> {
        let mut at = Some(parent);
        for _ in 0..=self.resources.len() {
            let Some(above) = at else { return Ok(()) };
            if above.id == resource.id {
                break;
            }
            at = above.parent.as_ref().and_then(|id| self.resources.get(id));
        }
        Err(Rejection::invalid(
            "parentId",
            "Resources cannot be cyclical.",
        ))
    }

    fn delete_resource(&mut self, id: &ResourceId) -> Result<(), Rejection> {
        if *id == self.root {
            return Err(Rejection::invalid(
                "resourceId",
                "Root resource cannot be deleted.",
            ));
        }
        let mut gone = vec![id.clone()];
        // The list grows while it is walked: children of children follow.
        let mut at = 0;
        while let Some(next) = gone.get(at).cloned() {
            gone.extend(self.children(&next).map(|child| child.id.clone()));
            at += 1;
        }
        for id in gone {
            self.resources.remove(&id);
        }
        Ok(())
    }

    fn put_model(&mut self, name: String, model: Model) -> Result<(), Rejection> {
        room_for(
            &self.models,
            &name,
            ResourceKind::Part,
            limits::PARTS_PER_API_MAX,
        )?;
        self.models.insert(name, Arc::new(model));
        Ok(())
    }

    fn model_unused(&self, name: &str) -> Result<(), Rejection> {
        let refers = |models: &std::collections::BTreeMap<String, String>| {
            models.values().any(|used| used == name)
        };
        let refuse = |what: &str, place: &str| {
            Err(Rejection::conflict(
                ResourceKind::Part,
                format!("Cannot delete model '{name}', is referenced in {what}: {place}"),
            ))
        };
        for (resource, verb, method) in self.methods() {
            let place = || self.place(resource, verb);
            if refers(&method.settings.request_models) {
                return refuse("method request", &place());
            }
            if method
                .responses
                .values()
                .any(|response| refers(&response.models))
            {
                return refuse("method response", &place());
            }
        }
        let reference = format!("/models/{name}\"");
        let user = self.models.values().find(|model| {
            let schema = model.schema.as_deref().unwrap_or_default();
            model.name != name && schema.contains(&reference)
        });
        match user {
            Some(user) => refuse("model", &user.name),
            None => Ok(()),
        }
    }

    /// `/PATH/VERB`, where the root makes two slashes, as Amazon writes it.
    fn place(&self, resource: &Resource, verb: Verb) -> String {
        format!("{}/{verb}", self.path(&resource.id))
    }

    fn unused(
        &self,
        what: &str,
        id: &str,
        used: impl Fn(&crate::rest::Method) -> bool,
    ) -> Result<(), Rejection> {
        let user = self.methods().find(|(_, _, method)| used(method));
        let Some((resource, verb, _)) = user else {
            return Ok(());
        };
        let place = self.place(resource, verb);
        Err(Rejection::conflict(
            ResourceKind::Part,
            format!("Cannot delete {what} '{id}', is referenced in method: {place}"),
        ))
    }

    fn put_authorizer(&mut self, new: Authorizer) -> Result<(), Rejection> {
        room_for(
            &self.authorizers,
            &new.id,
            ResourceKind::Part,
            limits::PARTS_PER_API_MAX,
        )?;
        let taken = |other: &Arc<Authorizer>| other.name == new.name && other.id != new.id;
        if self.authorizers.values().any(taken) {
            return Err(Rejection::conflict(
                ResourceKind::Part,
                "Authorizer name must be unique. Authorizer with this name already exists in \
                 this RestApi.",
            ));
        }
        self.authorizers.insert(new.id.clone(), Arc::new(new));
        Ok(())
    }

    fn put_documentation(&mut self, new: DocumentationPart) -> Result<(), Rejection> {
        room_for(
            &self.documentation,
            &new.id,
            ResourceKind::Part,
            limits::PARTS_PER_API_MAX,
        )?;
        let taken =
            |other: &Arc<DocumentationPart>| other.location == new.location && other.id != new.id;
        if self.documentation.values().any(taken) {
            return Err(Rejection::conflict(
                ResourceKind::Part,
                format!(
                    "Documentation part already exists for the specified location: type '{}'.",
                    new.location.kind
                ),
            ));
        }
        self.documentation.insert(new.id.clone(), Arc::new(new));
        Ok(())
    }

    /// Every rule at once, for content that comes as a whole.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        for (count, kind, max) in [
            (
                self.resources.len(),
                ResourceKind::Resource,
                limits::RESOURCES_PER_API_MAX,
            ),
            (
                self.models.len(),
                ResourceKind::Part,
                limits::PARTS_PER_API_MAX,
            ),
            (
                self.validators.len(),
                ResourceKind::Part,
                limits::PARTS_PER_API_MAX,
            ),
            (
                self.authorizers.len(),
                ResourceKind::Part,
                limits::PARTS_PER_API_MAX,
            ),
            (
                self.documentation.len(),
                ResourceKind::Part,
                limits::PARTS_PER_API_MAX,
            ),
        ] {
            if count > max {
                return Err(Rejection::Limit { kind, max });
            }
        }
        if !self.resources.contains_key(&self.root) {
            return Err(concurrent());
        }
        self.all_fit()?;
        for resource in self.resources.values() {
            for method in resource.methods.values() {
                self.check_method(method)?;
            }
        }
        Ok(())
    }

    /// Whether it can be frozen.
    pub(super) fn deployable(&self) -> Result<(), Rejection> {
        if self.methods().next().is_none() {
            return Err(Rejection::invalid(
                "restApiId",
                "The REST API doesn't contain any methods",
            ));
        }
        if self.methods().any(|(_, _, method)| !method.is_complete()) {
            return Err(missing("No integration defined for method"));
        }
        Ok(())
    }
}

pub(super) fn missing(text: &str) -> Rejection {
    Rejection::Missing(text.to_owned())
}

fn is_greedy(part: &str) -> bool {
    part.ends_with("+}")
}

fn childless(part: &str) -> Rejection {
    Rejection::invalid(
        "parentId",
        format!("Cannot create a child of a resource with a greedy path variable: {part}"),
    )
}
