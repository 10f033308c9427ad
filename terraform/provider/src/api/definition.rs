//! APIs that may be given whole, as an OpenAPI document, or piece by piece.
//!
//! What the document says beside what attributes say is the document's: attributes that are not
//! configured then show what it made. Whether somebody has altered such an API is seen by a digest
//! of its content, which is read by a few lists.

use async_trait::async_trait;
use http::Method;
use serde_json::{Map, Value as Json, json};

use super::table::{Piece, encoded, merged, revision, tags};
use crate::{
    client::{CallError, Client, Written},
    cty::Value,
    framework::{Attribute, Call, Failure, Mode, Note, Path, Planning, Resource, Schema},
};

/// How documents of one kind of API go over the wire.
pub(super) struct Dialect {
    /// Where a document makes an API.
    pub(super) import: (Method, fn(&Value) -> String),
    /// Where it replaces one; the id is put before.
    pub(super) replace: (&'static str, fn(&Value) -> String),
    /// The document as the call's body.
    pub(super) body: fn(&str) -> Vec<u8>,
    /// What an API is made of: the ends of the paths of lists.
    pub(super) parts: &'static [&'static str],
    /// Settings that are deployed with it.
    pub(super) deployed: &'static [&'static str],
    /// The end of its ARN, the id left out.
    pub(super) arn: &'static str,
}

/// A kind of API.
pub(super) struct Defined {
    pub(super) piece: Piece,
    pub(super) dialect: Dialect,
}

/// Attributes that are not the document's to say, whatever it says.
const OWN: [&str; 8] = [
    "id",
    "body",
    "revision",
    "tags",
    "import_mode",
    "fail_on_warnings",
    "wait_for",
    "api_endpoint",
];

/// The attributes that all kinds have for their documents.
fn attributes() -> [Attribute; 4] {
    [
        Attribute::text(
            "body",
            "The API as an OpenAPI document, JSON or YAML, with Amazon's extensions. Without it, \
             the API is made of resources of its own. Do not mix the two.",
        )
        .same(same_document),
        Attribute::text(
            "import_mode",
            "Whether a document replaces what is there or is laid over it.",
        )
        .or("overwrite")
        .check(crate::framework::Check::OneOf(&["overwrite", "merge"])),
        Attribute::flag(
            "fail_on_warnings",
            "Whether a document with warnings is refused.",
        )
        .or(false),
        Attribute::text(
            "revision",
            "A digest of the content: changes exactly when there is something to deploy. For \
             the `components` of a deployment.",
        )
        .computed(),
    ]
}

/// Documents in JSON are the same if they say the same.
fn same_document(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| serde_json::from_str::<Json>(value.as_text()?).ok();
    a == b || read(a).is_some_and(|a| read(b) == Some(a))
}

impl Defined {
    /// The state of the API that `body` shows, its content looked at.
    async fn state(&self, client: &Client, known: &Value, body: &Json) -> Result<Value, Note> {
        let mut state = self.piece.state(known, body);
        let mut content = Map::new();
        for name in self.dialect.deployed {
            let value = crate::cty::to_json(state.attribute(name));
            content.insert((*name).to_owned(), value);
        }
        if known.attribute("body").is_set() {
            let parts = self.parts(client, &state).await;
            content.extend(parts.map_err(self.piece.failed("read the content of"))?);
        }
        state.set("revision", revision(&Json::Object(content)));
        Ok(state)
    }

    /// All parts of the API, by lists that are kept for the run.
    async fn parts(&self, client: &Client, state: &Value) -> Result<Map<String, Json>, CallError> {
        let id = state.text("id").unwrap_or_default();
        let base = self.dialect.replace.0;
        let mut parts = Map::new();
        for part in self.dialect.parts {
            let items = client.list(&format!("{base}/{id}/{part}")).await?;
            parts.insert((*part).to_owned(), Json::Array(items.to_vec()));
        }
        Ok(parts)
    }

    /// Makes or replaces the API by its document; gives what the API then shows.
    async fn put(
        &self,
        call: &mut Call<'_>,
        id: Option<&str>,
        planned: &Value,
    ) -> Result<Written, Failure> {
        let document = planned.text("body").unwrap_or_default();
        let (method, path) = match id {
            None => {
                let (method, path) = &self.dialect.import;
                (method.clone(), path(planned))
            }
            Some(id) => {
                let (base, query) = self.dialect.replace;
                (
                    Method::PUT,
                    format!("{base}/{}{}", encoded(id), query(planned)),
                )
            }
        };
        let body = (self.dialect.body)(document);
        let client = call.session.client()?;
        let written = client.upload(method, &path, Some(body)).await;
        let about_body = |note: Note| note.at(Path::of("body"));
        let written = written.map_err(self.piece.failed("import"));
        let written = written.map_err(about_body)?;
        let warnings = written.body.get("warnings").and_then(Json::as_array);
        for warning in warnings.into_iter().flatten().filter_map(Json::as_str) {
            let note = Note::warning("The OpenAPI document", warning);
            call.notes.push(about_body(note));
        }
        Ok(written)
    }

    /// What attributes say otherwise than the document, in a call of its own.
    async fn correct(
        &self,
        call: &mut Call<'_>,
        written: Written,
        planned: &Value,
        config: &Value,
    ) -> Result<Written, Failure> {
        let shown = self.piece.state(planned, &written.body);
        let id = shown.text("id").unwrap_or_default().to_owned();
        let mut wanted = planned.clone();
        for (name, value) in shown.map().into_iter().flatten() {
            // What nobody has configured is as the document says.
            if config.attribute(name).is_null() && planned.attribute(name).is_unknown() {
                wanted.set(name, value.clone());
            }
        }
        let Some((method, body)) = self.piece.change(&shown, &wanted, config) else {
            return Ok(written);
        };
        let path = format!("{}/{}", self.dialect.replace.0, encoded(&id));
        let client = call.session.client()?;
        let written = client.send(method, &path, Some(&body)).await;
        let written = written.map_err(self.piece.refused("complete", &wanted));
        written.map_err(|note| Failure::from(note).having(shown))
    }

    async fn finished(
        &self,
        call: &mut Call<'_>,
        written: Written,
        planned: &Value,
    ) -> Result<Value, Failure> {
        let client = call.session.client()?;
        let state = self.state(client, planned, &written.body).await;
        let brief = self.piece.state(planned, &written.body);
        let state = state.map_err(|note| Failure::from(note).having(brief))?;
        let settled = call.session.settle_at(planned, written.revision).await;
        settled.map_err(|note| Failure::from(note).having(state.clone()))?;
        Ok(state)
    }
}

#[async_trait]
impl Resource for Defined {
    fn name(&self) -> &'static str {
        self.piece.name()
    }

    fn schema(&self) -> Schema {
        let schema = self.piece.schema();
        attributes().into_iter().fold(schema, Schema::with)
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let nothing = config.attribute("body").is_null() && config.attribute("name").is_null();
        let detail = "An API needs a name, or a document (`body`) that has one.";
        let note = || Note::error("The API has no name", detail).at(Path::of("name"));
        nothing.then(note).into_iter().collect()
    }

    async fn plan(&self, _call: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        let schema = self.schema();
        let same =
            |name: &str, planned: &Value| plan.prior.attribute(name) == planned.attribute(name);
        let document = plan.config.attribute("body");
        let as_before = same("body", plan.planned) && same("import_mode", plan.planned);
        let imports = !document.is_null() && !as_before;
        for attribute in &schema.attributes {
            let name = attribute.name;
            let open = attribute.mode == Mode::OptionalComputed && attribute.default.is_none();
            if !open || OWN.contains(&name) || !plan.config.attribute(name).is_null() {
                continue;
            }
            let usual = usual(name);
            if document.is_null() && !(usual.is_unknown() && plan.prior.is_set()) {
                plan.planned.set(name, usual);
            } else if !imports {
                plan.planned.set(name, plan.prior.attribute(name).clone());
            }
        }
        if plan.prior.is_null() {
            return Ok(());
        }
        let deployed = self.dialect.deployed.iter();
        let settings = deployed.copied().all(|name| same(name, plan.planned));
        if settings && !imports && same("body", plan.planned) {
            let revision = plan.prior.attribute("revision").clone();
            plan.planned.set("revision", revision);
        }
        if !imports {
            let root = plan.prior.attribute("root_resource_id");
            if root.is_set() {
                plan.planned.set("root_resource_id", root.clone());
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        if !planned.attribute("body").is_set() {
            let made = self.piece.create(call, planned, config).await?;
            let known = merged(planned, &made);
            let client = call.session.client()?;
            let shown = self.piece.look(call, &known).await?.unwrap_or_default();
            return Ok(self.state(client, &known, &shown).await?);
        }
        let written = self.put(call, None, planned).await?;
        let written = self.correct(call, written, planned, config).await?;
        let state = self.finished(call, written, planned).await?;
        let id = state.text("id").unwrap_or_default();
        let arn = format!("{}{id}", self.dialect.arn);
        let tagged = tags::update(call, &arn, &Value::Null, planned).await;
        tagged.map_err(|note| Failure::from(note).having(state.clone()))?;
        let mut state = state;
        state.set("tags", planned.attribute("tags").clone());
        Ok(state)
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let Some(body) = self.piece.look(call, state).await? else {
            return Ok(None);
        };
        let client = call.session.client()?;
        let mut found = self.state(client, state, &body).await?;
        let known = state.attribute("revision");
        if known.is_set() && found.attribute("revision") != known {
            // Somebody has altered what the document made: it is to be imported again.
            if state.attribute("body").is_set() {
                found.set("body", Value::Null);
            }
        }
        Ok(Some(found))
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        let id = prior.text("id").unwrap_or_default();
        tags::update(call, &format!("{}{id}", self.dialect.arn), prior, planned).await?;
        let same = |name: &str| prior.attribute(name) == planned.attribute(name);
        let imports = planned.attribute("body").is_set() && !(same("body") && same("import_mode"));
        self.piece.remove_parts(call, prior, planned).await?;
        let written = if imports {
            let written = self.put(call, Some(id), planned).await?;
            self.correct(call, written, planned, config).await?
        } else if let Some((method, body)) = self.piece.change(prior, planned, config) {
            let path = format!("{}/{}", self.dialect.replace.0, encoded(id));
            let written = call
                .session
                .client()?
                .send(method, &path, Some(&body))
                .await;
            written.map_err(self.piece.refused("change", planned))?
        } else {
            let shown = self.piece.look(call, prior).await?;
            let gone = || Note::error("The API is gone", "Plan again.");
            Written {
                body: shown.ok_or_else(gone)?,
                revision: 0,
            }
        };
        let mut state = self.finished(call, written, planned).await?;
        state.set("tags", planned.attribute("tags").clone());
        Ok(state)
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        self.piece.delete(call, state).await
    }

    async fn import(&self, call: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        self.piece.import(call, id).await
    }

    fn import_form(&self) -> &'static str {
        self.piece.import_form()
    }
}

/// What an attribute is that nobody has said anything about.
fn usual(name: &str) -> Value {
    match name {
        "api_key_source" => "HEADER".into(),
        "disable_execute_api_endpoint" => false.into(),
        "ip_address_type" | "security_policy" | "api_key_selection_expression" => Value::Unknown,
        _ => Value::Null,
    }
}

/// The document within an object, as API Gateway v2 wants it.
pub(super) fn wrapped(document: &str) -> Vec<u8> {
    json!({ "body": document }).to_string().into_bytes()
}
