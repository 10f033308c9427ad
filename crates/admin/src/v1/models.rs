//! `Model`: shapes of bodies.

use model::{
    Config, ModelId,
    rest::{Model, RestKey, RestPart},
};
use serde_json::Value;

use super::{
    checks,
    kind::{self, Key, Kind, Part, api},
    patch::{Holds, R, Rule, rule},
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
    sample,
};

const ALL: &str = "/restapis/{api}/models";
const ONE: &str = "/restapis/{api}/models/{model}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetModels", ALL, list),
    write("CreateModel", "POST", ALL, create),
    read("GetModel", ONE, kind::show::<Models>),
    write("UpdateModel", "PATCH", ONE, kind::update::<Models>),
    write("DeleteModel", "DELETE", ONE, kind::delete::<Models>),
    read(
        "GetModelTemplate",
        "/restapis/{api}/models/{model}/default_template",
        template,
    ),
];

struct Models;

impl Kind for Models {
    type Item = Model;

    const RULES: &'static [Rule] = &[
        rule("/description", R, Holds::Text),
        rule("/schema", R, Holds::Text),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = api(call)?.0.id.clone();
        Ok(Key::Rest(id, RestKey::Model(call.argument(1).to_owned())))
    }

    fn missing(call: &Call<'_>) -> Refusal {
        let name = call.argument(1);
        Refusal::Missing(format!("Invalid model name specified: {name}"))
    }

    fn item(part: Part) -> Option<Model> {
        match part {
            Part::Rest(RestPart::Model(model)) => Some(*model),
            _ => None,
        }
    }

    fn part(model: Model) -> Part {
        Part::Rest(RestPart::Model(model.into()))
    }

    fn view(model: &Model) -> Value {
        View::default()
            .put("name", model.name.as_str())
            .maybe("description", model.description.as_deref())
            .maybe("schema", model.schema.as_deref())
            .put("contentType", model.content_type.as_str())
            .done()
    }

    fn read(_call: &Call<'_>, input: &Document, old: Option<&Model>) -> Result<Model, Refusal> {
        let name = checks::name(input, "Model name must be non-empty")?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(Refusal::bad("Model name must be alphanumeric"));
        }
        let media = checks::optional(input, "contentType")?;
        let media = media.ok_or_else(|| Refusal::bad("Content-Type must be non-empty"))?;
        checks::media_types(std::iter::once(&media))?;
        let text = checks::optional(input, "schema")?;
        schema(text.as_deref())?;
        Ok(Model {
            id: old.map_or_else(|| ModelId::from(ids::deployment()), |old| old.id.clone()),
            name,
            description: checks::optional(input, "description")?,
            schema: text,
            content_type: media,
        })
    }

    fn shown(_config: &Config, _key: &Key, model: &Model) -> Value {
        shape(model)
    }
}

fn shape(model: &Model) -> Value {
    let mut view = Models::view(model);
    if let Value::Object(fields) = &mut view {
        fields.insert("id".to_owned(), model.id.as_str().into());
    }
    view
}

/// A JSON object that says something.
fn schema(text: Option<&str>) -> Result<(), Refusal> {
    let empty =
        || Refusal::bad("Model schema must have at least 1 property or array items defined");
    let text = text.ok_or_else(empty)?;
    let schema: Value = serde_json::from_str(text).map_err(|error| {
        Refusal::bad(format!(
            "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model \
             schema specified: {error}]"
        ))
    })?;
    match schema {
        Value::Object(fields) if !fields.is_empty() => Ok(()),
        _ => Err(empty()),
    }
}

fn template(call: &Call<'_>) -> Result<Answer, Refusal> {
    let found = api(call)?.1.content.models.get(call.argument(1));
    let model = found.ok_or_else(|| Models::missing(call))?;
    let text = sample::template(model.schema.as_deref().unwrap_or_default());
    Answer::ok(&View::default().put("value", text).done())
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let models = api(call)?.1.content.models.values();
    kind::list(
        call,
        models.map(|model| (model.name.as_str(), shape(model))),
    )
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = api(call)?.0.id.clone();
    kind::create::<Models>(call, |model| {
        Key::Rest(id, RestKey::Model(model.name.clone()))
    })
}
