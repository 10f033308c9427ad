//! The life of an object that a table describes: made, read, altered, deleted.

use async_trait::async_trait;
use http::Method;
use serde_json::json;

use super::{Left, Piece, Style};
use crate::{
    api::table::{
        path::{filled, names},
        tags,
    },
    client::Written,
    cty::Value,
    framework::{Attribute, Call, Check, Failure, Note, Planning, Resource, Schema},
    session::WaitFor,
};

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

    async fn plan(&self, _call: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        if self.has_revision && plan.prior.is_set() && !self.deploys(&plan) {
            let revision = plan.prior.attribute("revision").clone();
            plan.planned.set("revision", revision);
        }
        Ok(())
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
        let revision = match client.send(Method::DELETE, &path, None).await {
            Err(error) if error.is_gone() => return Ok(()),
            sent => sent.map_err(self.failed("delete"))?.revision,
        };
        // It is gone for good; who serves it still is only worth a warning.
        if let Err(note) = call.session.settle_at(state, revision).await {
            let note = Note::warning(note.summary, note.detail);
            call.notes.push(note);
        }
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
