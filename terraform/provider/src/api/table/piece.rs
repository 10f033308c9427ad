//! A resource that is described by a table.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};

use super::{
    field::Field,
    patch,
    path::{filled, names},
    revision::revision,
    tags,
    wire::{from_wire, to_wire},
};
use crate::{
    client::{CallError, Written},
    cty::Value,
    framework::{Attribute, Call, Check, Failure, Note, Resource, Schema},
    session::WaitFor,
};

/// How an object is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Make {
    /// By a `POST` to this path.
    Post(&'static str),
    /// By a `PUT` to the object's own path.
    Put,
}

/// How an object is altered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `PATCH` with `patchOperations`.
    Operations,
    /// `PATCH` with a part of the document.
    Document,
    /// `PUT` of the whole document.
    Put,
    /// Never: every change makes a new object.
    Never,
}

/// Where an object may be found among others.
#[derive(Clone, Copy)]
enum Listed {
    /// By a field, and the attribute with its value.
    By(&'static str, (&'static str, &'static str)),
    /// By looking into the items of the list.
    In(&'static str, Look),
}

/// A hook that finds an object within the items of a list.
pub(crate) type Look = fn(&[Json], &Value) -> Option<Json>;

/// A hook that adds to the body of a request, from the plan and the configuration.
pub(crate) type Fill = fn(&mut Json, &Value, &Value);

/// A hook that adds to the steps of an update, from the prior state and the plan.
pub(crate) type Steps = fn(&Value, &Value) -> Vec<Json>;

/// A hook that alters the steps of an update.
pub(crate) type Alter = fn(&mut Vec<Json>, &Value, &Value);

/// A hook that brings the API's answer into the form of the fields.
pub(crate) type Shape = fn(&mut Json);

/// A hook that completes the state from what was known of the object.
pub(crate) type Finish = fn(&mut Value, &Value);

/// What is wrong with a configuration.
pub(crate) type Validate = Box<dyn Fn(&Value) -> Vec<Note> + Send + Sync>;

/// A kind of object.
pub(crate) struct Piece {
    name: &'static str,
    /// As diagnostics call it, such as "stage".
    noun: &'static str,
    description: &'static str,
    fields: Vec<Field>,
    /// The path of one, with attributes in it.
    one: &'static str,
    make: Make,
    style: Style,
    listed: Option<Listed>,
    /// The attributes that a person gives to import it, separated by `/`.
    import: (&'static [&'static str], &'static str),
    fill: Option<Fill>,
    steps: Option<Steps>,
    alter: Option<Alter>,
    /// Steps without which it cannot be deleted.
    before_delete: Option<fn(&Value) -> Vec<Json>>,
    /// What making the object cannot say, as steps from nothing.
    then: Option<Steps>,
    shape: Option<Shape>,
    finish: Option<Finish>,
    validate: Option<Validate>,
    /// The end of its ARN, where it has tags.
    tagged: Option<&'static str>,
    has_revision: bool,
    waits: bool,
}

impl Piece {
    pub(crate) fn new(name: &'static str, noun: &'static str, description: &'static str) -> Self {
        Self {
            name,
            noun,
            description,
            fields: Vec::new(),
            one: "",
            make: Make::Put,
            style: Style::Operations,
            listed: None,
            import: (&[], ""),
            fill: None,
            steps: None,
            alter: None,
            before_delete: None,
            then: None,
            shape: None,
            finish: None,
            validate: None,
            tagged: None,
            has_revision: false,
            waits: false,
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The path of one.
    #[must_use]
    pub(crate) fn at(mut self, one: &'static str, make: Make, style: Style) -> Self {
        (self.one, self.make, self.style) = (one, make, style);
        self
    }

    #[must_use]
    pub(crate) fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// An attribute of the path: which object this one belongs to.
    #[must_use]
    pub(crate) fn under(self, name: &'static str, description: &'static str) -> Self {
        let attribute = Attribute::text(name, description).required().replaces();
        self.field(Field::local(attribute))
    }

    /// The `id` that the API gives it.
    #[must_use]
    pub(crate) fn id(self, wire: &'static str, description: &'static str) -> Self {
        self.field(Field::plain(Attribute::id(description), wire))
    }

    /// Read from the list of all, which is kept for the run.
    #[must_use]
    pub(crate) fn listed(
        mut self,
        path: &'static str,
        field: &'static str,
        attribute: &'static str,
    ) -> Self {
        self.listed = Some(Listed::By(path, (field, attribute)));
        self
    }

    /// As `listed`, of an object within the items of a list.
    #[must_use]
    pub(crate) fn within(mut self, path: &'static str, look: Look) -> Self {
        self.listed = Some(Listed::In(path, look));
        self
    }

    #[must_use]
    pub(crate) fn imported_by(
        mut self,
        parts: &'static [&'static str],
        form: &'static str,
    ) -> Self {
        self.import = (parts, form);
        self
    }

    #[must_use]
    pub(crate) fn fill(mut self, fill: Fill) -> Self {
        self.fill = Some(fill);
        self
    }

    #[must_use]
    pub(crate) fn steps(mut self, steps: Steps) -> Self {
        self.steps = Some(steps);
        self
    }

    #[must_use]
    pub(crate) fn replace_steps(mut self, alter: Alter) -> Self {
        self.alter = Some(alter);
        self
    }

    #[must_use]
    pub(crate) fn before_delete(mut self, steps: fn(&Value) -> Vec<Json>) -> Self {
        self.before_delete = Some(steps);
        self
    }

    #[must_use]
    pub(crate) fn then(mut self, steps: Steps) -> Self {
        self.then = Some(steps);
        self
    }

    #[must_use]
    pub(crate) fn shape(mut self, shape: Shape) -> Self {
        self.shape = Some(shape);
        self
    }

    #[must_use]
    pub(crate) fn finish(mut self, finish: Finish) -> Self {
        self.finish = Some(finish);
        self
    }

    #[must_use]
    pub(crate) fn validate(
        mut self,
        validate: impl Fn(&Value) -> Vec<Note> + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(validate));
        self
    }

    /// Gives it `tags`; `resource` is the end of its ARN, with attributes in it.
    #[must_use]
    pub(crate) fn tagged(mut self, resource: &'static str) -> Self {
        self.tagged = Some(resource);
        self.field(tags::field())
    }

    /// Gives it a `revision` for a deployment's `components`.
    #[must_use]
    pub(crate) fn with_revision(mut self) -> Self {
        self.has_revision = true;
        self
    }

    /// Gives it a `wait_for` of its own.
    #[must_use]
    pub(crate) fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

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
