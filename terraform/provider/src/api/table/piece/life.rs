//! The life of an object that a table describes: made, read, altered, deleted.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};

use super::{Left, Listed, Make, Piece, Style};
use crate::{
    api::table::{
        blame::blamed,
        field::Field,
        patch,
        path::{filled, names},
        revision::revision,
        tags,
        wire::{from_wire, to_wire},
    },
    client::{CallError, Written},
    cty::Value,
    framework::{Attribute, Call, Check, Failure, Note, Path, Resource, Schema},
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
            state.set("revision", revision(&self.content(&state)));
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

    /// What a deployment copies of it. Descriptions are copied too, but nothing is served by them.
    fn content(&self, state: &Value) -> Json {
        let deployed = |field: &&Field| field.wire != "description";
        let fields: Vec<Field> = self.fields.iter().filter(deployed).cloned().collect();
        to_wire(&fields, state)
    }

    pub(crate) fn failed(&self, verb: &str) -> impl Fn(CallError) -> Note + use<> {
        let what = format!("{verb} the {}", self.noun);
        move |error| error.note(&what)
    }

    /// As `failed`, of a call that said what is in `object`: the note is at the attribute that the
    /// API blames.
    pub(crate) fn refused(&self, verb: &str, object: &Value) -> impl Fn(CallError) -> Note {
        let failed = self.failed(verb);
        move |error| {
            let path = blamed(&self.fields, object, error.message());
            let note = failed(error);
            match path {
                Some(path) => note.at(path),
                None => note,
            }
        }
    }

    /// An object whose id is chosen must not take the place of another one.
    async fn nobodys(&self, call: &Call<'_>, planned: &Value) -> Result<(), Failure> {
        if self.look(call, planned).await?.is_none() {
            return Ok(());
        }
        let id = planned.text("id").unwrap_or_default();
        let detail = format!("Import {id:?} instead of making it.");
        let summary = format!("The {} is there already", self.noun);
        Err(Note::error(summary, detail).at(Path::of("id")).into())
    }

    /// How and where it is made, and what is said then.
    async fn making(
        &self,
        call: &Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<(Method, String, Json), Failure> {
        let mut body = to_wire(&self.fields, planned);
        if let Some(fill) = self.fill {
            fill(&mut body, planned, config);
        }
        Ok(match self.make {
            Make::Post(path) => (Method::POST, filled(path, planned)?, body),
            Make::Put => (Method::PUT, filled(self.one, planned)?, body),
            Make::Either(_) if planned.attribute("id").is_set() => {
                self.nobodys(call, planned).await?;
                (Method::PUT, filled(self.one, planned)?, body)
            }
            Make::Either(path) => (Method::POST, filled(path, planned)?, body),
            Make::Alter => {
                let change = self.change(&Value::Null, planned, config);
                let nothing = || (Method::PATCH, json!({ "patchOperations": [] }));
                let (method, body) = change.unwrap_or_else(nothing);
                (method, filled(self.one, planned)?, body)
            }
        })
    }

    /// Takes away what a change cannot; gives the revision of that, 0 if there was nothing.
    pub(crate) async fn remove_parts(
        &self,
        call: &Call<'_>,
        prior: &Value,
        planned: &Value,
    ) -> Result<u64, Failure> {
        let path = filled(self.one, prior)?;
        let mut revision = 0;
        for below in patch::removals(&self.fields, prior, planned) {
            let client = call.session.client()?;
            let path = format!("{path}/{below}");
            match client.send(Method::DELETE, &path, None).await {
                Err(error) if error.is_gone() => {}
                sent => revision = sent.map_err(self.failed("change"))?.revision,
            }
        }
        Ok(revision)
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
        let (method, path, body) = self.making(call, planned, config).await?;
        let client = call.session.client()?;
        let written = client.send(method, &path, Some(&body)).await;
        let Written {
            mut body,
            mut revision,
        } = written.map_err(self.refused("create", planned))?;
        let mut state = self.state(planned, &body);
        let steps = self.then.map(|then| then(&Value::Null, planned));
        if let Some(steps) = steps.filter(|steps| !steps.is_empty()) {
            let path = filled(self.one, &merged(planned, &state))?;
            let steps = json!({ "patchOperations": steps });
            let written = client.send(Method::PATCH, &path, Some(&steps)).await;
            let written = written.map_err(self.refused("complete", planned));
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
        let removed = self.remove_parts(call, prior, planned).await?;
        let Some((method, body)) = self.change(prior, planned, config) else {
            // Only what Terraform alone knows has changed, or what has been taken away by now.
            let found = self.look(call, prior).await?;
            let gone = || Note::error(format!("The {} is gone", self.noun), "Plan again.");
            let state = self.state(planned, &found.ok_or_else(gone)?);
            let settled = call.session.settle_at(planned, removed).await;
            settled.map_err(|note| Failure::from(note).having(state.clone()))?;
            return Ok(state);
        };
        let path = filled(self.one, prior)?;
        let client = call.session.client()?;
        let written = client.send(method, &path, Some(&body)).await;
        let Written { body, revision } = written.map_err(self.refused("change", planned))?;
        let state = self.state(planned, &body);
        let settled = call.session.settle_at(planned, revision).await;
        settled.map_err(|note| Failure::from(note).having(state.clone()))?;
        Ok(state)
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let path = filled(self.one, state)?;
        let client = call.session.client()?;
        match self.left {
            None => {}
            Some(Left::AsItIs(reason)) => {
                let summary = format!("The {} stays", self.noun);
                call.notes.push(Note::warning(summary, reason));
                return Ok(());
            }
            Some(Left::Restored(by)) => {
                let (method, body) = by();
                let sent = client.send(method, &path, Some(&body)).await;
                sent.map_err(self.failed("restore"))?;
                return Ok(());
            }
        }
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
        // Who is found in a list knows the rest from there.
        debug_assert!(
            self.listed.is_some() || names(self.one).all(|name| state.text(name).is_some()),
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
