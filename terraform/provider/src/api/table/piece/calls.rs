//! The calls that an object's life is made of, and what is read from their answers.

use http::Method;
use serde_json::{Value as Json, json};

use super::{Listed, Make, Piece, Style};
use crate::{
    api::table::{
        blame::blamed,
        field::Field,
        patch,
        path::filled,
        revision::revision,
        wire::{from_wire, to_wire},
    },
    client::CallError,
    cty::Value,
    framework::{Call, Failure, Note, Path, Planning},
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
    fn deployed(&self) -> impl Iterator<Item = &Field> {
        let fields = self.fields.iter();
        fields.filter(|field| field.wire != "description" && !field.is_answer())
    }

    fn content(&self, state: &Value) -> Json {
        let fields: Vec<Field> = self.deployed().cloned().collect();
        to_wire(&fields, state)
    }

    /// Whether a plan alters what a deployment copies.
    pub(super) fn deploys(&self, plan: &Planning<'_>) -> bool {
        let alters = |field: &Field| {
            let name = field.attribute.name;
            let (old, new) = (plan.prior.attribute(name), plan.planned.attribute(name));
            // What nobody has configured changes by itself only where something else does.
            let own = new.is_unknown() && plan.config.attribute(name).is_null();
            old != new && !own
        };
        self.deployed().any(alters)
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
                Some(path) => note.at(path).found(1),
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
    pub(super) async fn making(
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
