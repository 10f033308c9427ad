//! What a resource, a data source and an ephemeral resource are to the framework.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{note::Note, schema::Schema};
use crate::{cty::Value, session::Session};

/// Why something was not done, and what there is all the same.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub(crate) notes: Vec<Note>,
    /// What has been made before it failed; Terraform then knows of it.
    pub(crate) state: Option<Value>,
}

impl Failure {
    /// The same, but this much has been made.
    #[must_use]
    pub(crate) fn having(mut self, state: Value) -> Self {
        self.state = Some(state);
        self
    }
}

impl From<Note> for Failure {
    fn from(note: Note) -> Self {
        Self::from(vec![note])
    }
}

impl From<Vec<Note>> for Failure {
    fn from(notes: Vec<Note>) -> Self {
        Self { notes, state: None }
    }
}

/// What Terraform keeps for us beside the state, and shows nobody.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Private(BTreeMap<String, Json>);

impl Private {
    /// Of bytes that an earlier version may have written: what cannot be read is dropped.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self(serde_json::from_slice(bytes).unwrap_or_default())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Json::as_str)
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Json>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

/// What every operation gets.
pub(crate) struct Call<'a> {
    pub(crate) session: &'a Session,
    pub(crate) private: &'a mut Private,
    /// Warnings of an operation that succeeds.
    pub(crate) notes: &'a mut Vec<Note>,
}

/// A plan that a resource may still change, after the schema's rules have been applied.
pub(crate) struct Planning<'a> {
    /// Null when the object is to be made.
    pub(crate) prior: &'a Value,
    pub(crate) config: &'a Value,
    pub(crate) planned: &'a mut Value,
}

/// A kind of object that Terraform makes, changes and destroys. See the guide in `framework`.
#[async_trait]
pub(crate) trait Resource: Send + Sync {
    /// The whole name, `edgeway_` included.
    fn name(&self) -> &'static str;

    fn schema(&self) -> Schema;

    /// Whether it lives in a cluster. If so and the provider's configuration is not known yet,
    /// reading keeps the state as it is.
    fn in_cluster(&self) -> bool {
        true
    }

    /// What is wrong with a configuration beyond what the schema says. Values may be unknown.
    fn validate(&self, _config: &Value) -> Vec<Note> {
        Vec::new()
    }

    /// Alters a plan. Not called for a destruction.
    async fn plan(&self, _call: &mut Call<'_>, _plan: Planning<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Makes the object; gives its state. `config` has the write-only values, `planned` the rest.
    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure>;

    /// The state of the object, or none if it is gone.
    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure>;

    /// Changes the object; gives its state.
    async fn update(
        &self,
        call: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure>;

    /// Destroys the object; one that is gone already is no failure.
    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure>;

    /// The attributes by which `read` finds the object that a person names `id`.
    async fn import(&self, _call: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        Ok(Value::object().with("id", id))
    }

    /// Why there is nothing to import, if there is not.
    fn import_refusal(&self) -> Option<&'static str> {
        None
    }

    /// What is written after `terraform import ADDRESS`, for the documentation.
    fn import_form(&self) -> &'static str {
        "ID"
    }
}

/// Something that is only looked at.
#[async_trait]
pub(crate) trait DataSource: Send + Sync {
    fn name(&self) -> &'static str;

    fn schema(&self) -> Schema;

    fn validate(&self, _config: &Value) -> Vec<Note> {
        Vec::new()
    }

    /// All attributes, those of the configuration included.
    async fn read(&self, call: &mut Call<'_>, config: &Value) -> Result<Value, Failure>;
}

/// What is kept of an ephemeral between opening and closing.
pub(crate) struct Opened {
    pub(crate) result: Value,
    /// When to be asked to renew.
    pub(crate) renew_at: Option<SystemTime>,
}

/// A value that exists for one run and is never stored.
#[async_trait]
pub(crate) trait EphemeralResource: Send + Sync {
    fn name(&self) -> &'static str;

    fn schema(&self) -> Schema;

    /// Called in every plan and every apply. What `renew` and `close` need is put into the call's
    /// private values.
    async fn open(&self, call: &mut Call<'_>, config: &Value) -> Result<Opened, Failure>;

    /// Keeps it valid; says when to be asked again.
    async fn renew(&self, _call: &mut Call<'_>) -> Result<Option<Duration>, Failure> {
        Ok(None)
    }

    async fn close(&self, _call: &mut Call<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
