//! `Model` of v2: shapes of messages of WebSocket APIs.

use model::{
    ModelId, ResourceKind,
    rest::Model,
    v2::{V2Key, V2Part},
};
use serde_json::{Value, json};

use super::{
    content, kept,
    piece::{self, Piece},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
    sample,
    v1::view::View,
};

const ALL: &str = "/v2/apis/{api}/models";
const ONE: &str = "/v2/apis/{api}/models/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetModels", ALL, list),
    write("CreateModel", "POST", ALL, create),
    read("GetModel", ONE, piece::show::<Models>),
    write("UpdateModel", "PATCH", ONE, piece::update::<Models>),
    write("DeleteModel", "DELETE", ONE, piece::delete::<Models>),
    read(
        "GetModelTemplate",
        "/v2/apis/{api}/models/{id}/template",
        template,
    ),
];

/// Longest schema, as at Amazon.
const SCHEMA_MAX: usize = 32_768;

struct Models;

impl Piece for Models {
    type Item = Model;

    const KIND: ResourceKind = ResourceKind::Model;

    fn key(call: &Call<'_>) -> Result<V2Key, Refusal> {
        Ok(V2Key::Model(call.argument(1).into()))
    }

    fn item(part: V2Part) -> Option<Model> {
        match part {
            V2Part::Model(model) => Some(*model),
            _ => None,
        }
    }

    fn part(model: Model) -> V2Part {
        V2Part::Model(model.into())
    }

    fn read(call: &Call<'_>, old: Option<Model>) -> Result<Model, Refusal> {
        let document = &call.document;
        let name = document.sized("name", 1, 128)?;
        let name = name.or_else(|| old.as_ref().map(|old| old.name.clone()));
        let name = name.ok_or_else(|| Refusal::bad("Model name must be non-empty"))?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(Refusal::bad("Model name must be alphanumeric"));
        }
        let schema = document.sized("schema", 0, SCHEMA_MAX)?;
        let schema = schema.or_else(|| old.as_ref().and_then(|old| old.schema.clone()));
        let schema = schema.unwrap_or_default();
        match serde_json::from_str::<Value>(&schema) {
            Ok(Value::Object(fields)) if !fields.is_empty() => {}
            Ok(_) => {
                return Err(Refusal::bad(
                    "Model schema must be a JSON object that says something",
                ));
            }
            Err(error) => {
                return Err(Refusal::bad(format!(
                    "Invalid model schema specified: {error}"
                )));
            }
        }
        let media = document.sized("contentType", 1, 256)?;
        let media = media.or_else(|| old.as_ref().map(|old| old.content_type.clone()));
        let before = old.as_ref().and_then(|old| old.description.clone());
        Ok(Model {
            id: old.map_or_else(|| ModelId::from(ids::deployment()), |old| old.id),
            name,
            description: kept(document, "description", before)?,
            schema: Some(schema),
            content_type: media.unwrap_or_else(|| "application/json".to_owned()),
        })
    }

    fn shape(model: &Model) -> Value {
        View::default()
            .put("contentType", model.content_type.as_str())
            .maybe("description", model.description.as_deref())
            .put("modelId", model.id.as_str())
            .put("name", model.name.as_str())
            .maybe("schema", model.schema.as_deref())
            .done()
    }
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let all = content(call.config, call.argument(0))?.models.values();
    piece::list::<Models>(call, all.map(|one| (one.id.as_str(), &**one)))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    piece::create::<Models>(call, |model| V2Key::Model(model.id.clone()))
}

fn template(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.argument(1);
    let found = content(call.config, call.argument(0))?.models.get(id);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Model, id))?;
    let text = sample::template(found.schema.as_deref().unwrap_or_default());
    Answer::ok(&json!({ "value": text }))
}
