//! Regions and POPs: names with coordinates, to which nodes belong.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};

use super::{found, listed, location};
use crate::{
    cty::{Value, from_json},
    framework::{Attribute, Call, Failure, Note, Path, Resource, Schema},
};

/// A kind of place.
pub(super) struct Place {
    name: &'static str,
    /// In paths.
    plural: &'static str,
    what: &'static str,
    description: &'static str,
}

pub(super) const REGION: Place = Place {
    name: "edgeway_region",
    plural: "regions",
    what: "region",
    description: "A region: a name that APIs' host names hold, and where it is. The first one \
                  comes with the cluster. Region nodes make theirs when they join; as a resource \
                  it has coordinates before, and goes when its nodes have gone.",
};

pub(super) const POP: Place = Place {
    name: "edgeway_pop",
    plural: "pops",
    what: "POP",
    description: "A point of presence: a name, and where it is. POP nodes make theirs when they \
                  join; as a resource it has coordinates before, and goes when its nodes have \
                  gone.",
};

impl Place {
    fn path(&self, value: &Value) -> String {
        let name = value.text("name").unwrap_or_default();
        format!("/edgeway/v1/{}/{name}", self.plural)
    }

    fn state(&self, answer: &Json) -> Value {
        let value = from_json(answer, &self.schema().ty());
        let name = value.text("name").unwrap_or_default().to_owned();
        value.with("id", name)
    }

    async fn put(&self, call: &mut Call<'_>, planned: &Value) -> Result<Value, Failure> {
        let mut body = json!({});
        for name in ["latitude", "longitude"] {
            let degrees = planned.attribute(name);
            if degrees.is_set() {
                body[name] = crate::cty::to_json(degrees);
            }
        }
        let client = call.session.client()?;
        let written = client
            .send(Method::PUT, &self.path(planned), Some(&body))
            .await;
        let written = written.map_err(|error| error.note(&format!("put the {}", self.what)))?;
        let answer = call.session.settle(planned, written).await?;
        Ok(self.state(&answer))
    }
}

#[async_trait]
impl Resource for Place {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Schema {
        Schema::new(self.description)
            .with(Attribute::id("The name."))
            .with(
                Attribute::text("name", "1 to 63 of `a-z`, `0-9` and `-`.")
                    .required()
                    .replaces(),
            )
            .all(location())
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let (one, other) = (config.attribute("latitude"), config.attribute("longitude"));
        let half = one.is_null() != other.is_null();
        let detail = "Give both latitude and longitude, or neither.";
        half.then(|| Note::error("Half a place", detail).at(Path::of("latitude")))
            .into_iter()
            .collect()
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        self.put(call, planned).await
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let list = format!("/edgeway/v1/{}", self.plural);
        let answer = listed(call, &list, "name", state.attribute("name")).await?;
        let answer = answer.map(|place| place.map(|place| self.state(&place)));
        Ok(found(
            call,
            state,
            answer,
            &format!("read the {}", self.what),
        )?)
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        _: &Value,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        self.put(call, planned).await
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let removed = call.session.client()?.remove(&self.path(state)).await;
        removed.map_err(|error| error.note(&format!("remove the {}", self.what)).into())
    }

    async fn import(&self, _: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        Ok(Value::object().with("id", id).with("name", id))
    }

    fn import_form(&self) -> &'static str {
        "NAME"
    }
}
