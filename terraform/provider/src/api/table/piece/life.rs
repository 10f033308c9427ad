//! The life of an object that a table describes: made, read, altered, deleted.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};

use super::{Listed, Make, Piece, Style};
use crate::{
    api::table::{
        patch,
        path::{filled, names},
        revision::revision,
        tags,
        wire::{from_wire, to_wire},
    },
    client::{CallError, Written},
    cty::Value,
    framework::{Attribute, Call, Check, Failure, Note, Resource, Schema},
    session::WaitFor,
};

impl Piece {
    pub(crate) fn state(&self, known: &Value, body: &Json) -> Value {
        let mut body = body.clone();
        if let Some(shape) = self.shape {
            shape(&mut body);
        }
        let mut state = from_wire(&self.fields, &body);
        if self.has_revision {
            let content = to_wire(&self.fields, &state);
            state.set("revision", revision(&content));
        }
        // Where the API gives no id, the place is the identity.
        if !self.fields.iter().any(|field| field.attribute.name == "id") {
            let parts = self.import.0.iter();
            let parts: Vec<&str> = parts
                .filter_map(|name| state.text(name).or_else(|| known.text(name)))
                .collect();
            state.set("id", parts.join("/"));
        }
        if let Some(finish) = self.finish {
            finish(&mut state, known);
        }
        state
    }

    pub(crate) fn failed(&self, verb: &str) -> impl Fn(CallError) -> Note + use<> {
        let what = format!("{verb} the {}", self.noun);
        move |error| error.note(&what)
    }

    /// The object as the API has it now, or as it was when the run began.
    pub(crate) async fn look(
        &self,
        call: &Call<'_>,
        known: &Value,
    ) -> Result<Option<Json>, Failure> {
        let failed = self.failed("read");
        let client = call.session.client()?;
        let Some(listed) = self.listed else {
            let path = filled(self.one, known)?;
            return Ok(client.find(&path).await.map_err(failed)?);
        };
        let (Listed::By(path, _) | Listed::In(path, _)) = listed;
        let items = match client.list(&filled(path, known)?).await {
            // What it belongs to is gone.
            Err(error) if error.is_gone() => return Ok(None),
            items => items.map_err(failed)?,
        };
        Ok(match listed {
            Listed::In(_, look) => look(&items, known),
            Listed::By(_, (field, attribute)) => {
                let wanted = known.text(attribute);
                let is = |item: &&Json| item.get(field).and_then(Json::as_str) == wanted;
                items.iter().find(is).cloned()
            }
        })
    }

    /// The call that brings the object from one state to the other; none if nothing is to be sent.
    pub(crate) fn change(
        &self,
        prior: &Value,
        planned: &Value,
        config: &Value,
    ) -> Option<(Method, Json)> {
        match self.style {
            Style::Never => None,
            Style::Put => {
                let mut body = to_wire(&self.fields, planned);
                if let Some(fill) = self.fill {
                    fill(&mut body, planned, config);
                }
                Some((Method::PUT, body))
            }
            Style::Operations => {
                let mut steps = patch::operations(&self.fields, prior, planned);
                if let Some(more) = self.steps {
                    steps.extend(more(prior, planned));
                }
                if let Some(alter) = self.alter {
                    alter(&mut steps, prior, planned);
                }
                let body = json!({ "patchOperations": steps });
                (!steps.is_empty()).then_some((Method::PATCH, body))
            }
            Style::Document => {
                let body = patch::document(&self.fields, prior, planned);
                (!body.is_empty()).then_some((Method::PATCH, Json::Object(body)))
            }
        }
    }
}

#[async_trait]
impl Resource for Piece {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Schema {
        let mut schema = Schema::new(self.description);
        for field in &self.fields {
            let mut attribute = field.attribute.clone();
            let fixed = self.style == Style::Never && !field.is_answer();
            attribute.replaces |= fixed;
            schema = schema.with(attribute);
        }
        if schema.attribute("id").is_none() {
            let id = Attribute::id("Its place, as it is imported.");
            schema = schema.with(id);
        }
        if self.has_revision {
            schema = schema.with(
                Attribute::text(
                    "revision",
                    "A digest of its content, for the `components` of a deployment.",
                )
                .computed(),
            );
        }
        if self.waits {
            schema = schema.with(
                Attribute::text(
                    "wait_for",
                    "When a change is finished: `leader` when the cluster has it for good, \
                     `pops` when every live node serves it. The provider's unless given.",
                )
                .check(Check::OneOf(WaitFor::WORDS)),
            );
        }
        schema
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let validate = self.validate.as_ref();
        validate.map_or_else(Vec::new, |validate| validate(config))
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        let mut body = to_wire(&self.fields, planned);
        if let Some(fill) = self.fill {
            fill(&mut body, planned, config);
        }
        let (method, path) = match self.make {
            Make::Post(path) => (Method::POST, filled(path, planned)?),
            Make::Put => (Method::PUT, filled(self.one, planned)?),
        };
        let client = call.session.client()?;
        let written = client.send(method, &path, Some(&body)).await;
        let Written {
            mut body,
            mut revision,
        } = written.map_err(self.failed("create"))?;
        let mut state = self.state(planned, &body);
        let steps = self.then.map(|then| then(&Value::Null, planned));
        if let Some(steps) = steps.filter(|steps| !steps.is_empty()) {
            let path = filled(self.one, &merged(planned, &state))?;
            let steps = json!({ "patchOperations": steps });
            let written = client.send(Method::PATCH, &path, Some(&steps)).await;
            let written = written.map_err(self.failed("complete"));
            let written = written.map_err(|note| Failure::from(note).having(state.clone()))?;
            (body, revision) = (written.body, written.revision);
            state = self.state(planned, &body);
        }
        let settled = call.session.settle_at(planned, revision).await;
        settled.map_err(|note| Failure::from(note).having(state.clone()))?;
        Ok(state)
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let found = self.look(call, state).await?;
        Ok(found.map(|body| self.state(state, &body)))
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        if let Some(resource) = self.tagged {
            tags::update(call, &filled(resource, prior)?, prior, planned).await?;
        }
        let Some((method, body)) = self.change(prior, planned, config) else {
            // Only what Terraform alone knows has changed.
            let found = self.look(call, prior).await?;
            let gone = || Note::error(format!("The {} is gone", self.noun), "Plan again.");
            return Ok(self.state(planned, &found.ok_or_else(gone)?));
        };
        let path = filled(self.one, prior)?;
        let client = call.session.client()?;
        let written = client.send(method, &path, Some(&body)).await;
        let Written { body, revision } = written.map_err(self.failed("change"))?;
        let state = self.state(planned, &body);
        let settled = call.session.settle_at(planned, revision).await;
        settled.map_err(|note| Failure::from(note).having(state.clone()))?;
        Ok(state)
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let path = filled(self.one, state)?;
        let client = call.session.client()?;
        let steps = self.before_delete.map(|steps| steps(state));
        if let Some(steps) = steps.filter(|steps| !steps.is_empty()) {
            let steps = json!({ "patchOperations": steps });
            match client.send(Method::PATCH, &path, Some(&steps)).await {
                Err(error) if error.is_gone() => return Ok(()),
                sent => sent.map_err(self.failed("prepare deleting"))?,
            };
        }
        client.remove(&path).await.map_err(self.failed("delete"))?;
        Ok(())
    }

    async fn import(&self, _call: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        let (parts, form) = self.import;
        let given: Vec<&str> = id.splitn(parts.len().max(1), '/').collect();
        if given.len() != parts.len() || given.iter().any(|part| part.is_empty()) {
            let detail = format!("{id:?} is not of the form {form}.");
            return Err(Note::error("That names no object", detail).into());
        }
        let parts = parts.iter().zip(given);
        let state = parts.fold(Value::object(), |state, (name, part)| {
            state.with(name, part)
        });
        // What an update needs of the path is in the state from now on.
        debug_assert!(
            names(self.one).all(|name| state.text(name).is_some()),
            "import is enough"
        );
        Ok(state)
    }

    fn import_form(&self) -> &'static str {
        self.import.1
    }
}

/// The plan with what the API has answered in place of what was unknown.
pub(crate) fn merged(planned: &Value, answered: &Value) -> Value {
    let mut merged = planned.clone();
    for (name, value) in answered.map().into_iter().flatten() {
        if !merged.attribute(name).is_set() {
            merged.set(name, value.clone());
        }
    }
    merged
}
