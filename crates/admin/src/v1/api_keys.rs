//! `ApiKey`: what clients of APIs send.

use http::StatusCode;
use model::{
    ApiKeyId, Config,
    rest::{ApiKey, Seen, SharedKey, SharedPart},
};
use serde_json::Value;

use super::{
    checks, import_keys, input,
    kind::{self, Key, Kind, Part},
    patch::{AD, Holds, R, Rule, rule},
    rest_apis::texts,
    view::{View, object, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, upload, write},
    refusal::Refusal,
};

const ONE: &str = "/apikeys/{key}";

pub(super) const OPERATIONS: &[Operation] = &[
    upload(
        "ImportApiKeys",
        "POST",
        "/apikeys?mode=import",
        import_keys::import,
    ),
    read("GetApiKeys", "/apikeys", list),
    write("CreateApiKey", "POST", "/apikeys", create),
    read("GetApiKey", ONE, show),
    write("UpdateApiKey", "PATCH", ONE, kind::update::<ApiKeys>),
    write("DeleteApiKey", "DELETE", ONE, kind::delete::<ApiKeys>),
];

pub(super) struct ApiKeys;

impl Kind for ApiKeys {
    type Item = ApiKey;

    const RULES: &'static [Rule] = &[
        rule("/customerId", R, Holds::Text),
        rule("/description", R, Holds::Text),
        rule("/enabled", R, Holds::Flag),
        rule("/name", R, Holds::Text),
        rule("/stages", AD, Holds::List),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        Ok(Key::Shared(SharedKey::ApiKey(call.argument(0).into())))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        missing()
    }

    fn item(part: Part) -> Option<ApiKey> {
        match part {
            Part::Shared(SharedPart::ApiKey(key)) => Some(*key),
            _ => None,
        }
    }

    fn part(key: ApiKey) -> Part {
        Part::Shared(SharedPart::ApiKey(key.into()))
    }

    fn view(key: &ApiKey) -> Value {
        fields(key)
            .put("value", key.value.as_str())
            .put("stages", texts(&key.stage_keys))
            .done()
    }

    fn read(call: &Call<'_>, input: &Document, old: Option<&ApiKey>) -> Result<ApiKey, Refusal> {
        let name = checks::optional(input, "name")?;
        if name
            .as_ref()
            .is_some_and(|name| name.chars().count() > 1024)
        {
            return Err(Refusal::bad(
                "Invalid API Key name, can be at most 1024 characters.",
            ));
        }
        let description = checks::optional(input, "description")?;
        if description
            .as_ref()
            .is_some_and(|text| text.chars().count() > 125_000)
        {
            return Err(Refusal::bad("Invalid API Key description specified."));
        }
        let given = checks::optional(input, "value")?;
        let given = given.map(value).transpose()?;
        let stages = input.objects("stageKeys")?.unwrap_or_default();
        let stage = |one: &Document| {
            let api = one.text("restApiId")?.unwrap_or_default();
            let name = one.text("stageName")?.unwrap_or_default();
            known_stage(call.config, &api, &name)?;
            Ok(format!("{api}/{name}"))
        };
        let stage_keys = match old {
            Some(_) => input.texts("stages")?.unwrap_or_default(),
            None => stages.iter().map(stage).collect::<Result<_, Refusal>>()?,
        };
        Ok(ApiKey {
            id: old.map_or_else(|| ApiKeyId::from(ids::long()), |old| old.id.clone()),
            value: given.unwrap_or_else(ids::api_key),
            name,
            customer_id: checks::optional(input, "customerId")?,
            description,
            enabled: input.flag("enabled")?.unwrap_or(false),
            created_ms: old.map_or(call.now_ms, |old| old.created_ms),
            updated_ms: call.now_ms,
            stage_keys,
            tags: match old {
                Some(old) => old.tags.clone(),
                None => checks::tags(input)?,
            },
        })
    }

    /// An answer to an update never holds the value.
    fn shown(_config: &Config, _key: &Key, key: &ApiKey) -> Value {
        shape(key).done()
    }
}

fn fields(key: &ApiKey) -> View {
    View::default()
        .maybe("name", key.name.as_deref())
        .maybe("customerId", key.customer_id.as_deref())
        .maybe("description", key.description.as_deref())
        .put("enabled", key.enabled)
}

fn shape(key: &ApiKey) -> View {
    fields(key)
        .put("id", key.id.as_str())
        .put("createdDate", seconds(key.created_ms))
        .put("lastUpdatedDate", seconds(key.updated_ms))
        .put("stageKeys", texts(&key.stage_keys))
        .filled("tags", object(&key.tags))
}

fn missing() -> Refusal {
    Refusal::Missing("Invalid API Key identifier specified".to_owned())
}

pub(super) fn value(text: String) -> Result<String, Refusal> {
    match text.chars().count() {
        0..20 => Err(Refusal::bad(
            "API Key value should be at least 20 characters",
        )),
        20..=128 => Ok(text),
        _ => Err(Refusal::bad(
            "API Key value exceeds maximum size of 128 characters",
        )),
    }
}

/// A stage that a key or a plan may name.
pub(super) fn known_stage(config: &Config, api: &str, stage: &str) -> Result<(), Refusal> {
    let found = config.rest_api(api);
    if found.is_some_and(|(api, _)| api.stages.contains_key(stage)) {
        return Ok(());
    }
    Err(Refusal::bad("Invalid API Stage specified"))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (name, customer) = (call.query("name"), call.query("customerId"));
    let values = call.query("includeValues") == Some("true");
    let wanted = |key: &&std::sync::Arc<ApiKey>| {
        let begins = name.is_none_or(|name| {
            let own = key.name.as_deref().unwrap_or_default();
            own.starts_with(name)
        });
        begins && customer.is_none_or(|customer| key.customer_id.as_deref() == Some(customer))
    };
    let keys = call.config.api_keys.values().filter(wanted);
    kind::list(
        call,
        keys.map(|key| {
            let value = values.then_some(key.value.as_str());
            (key.id.as_str(), shape(key).maybe("value", value).done())
        }),
    )
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let key = call
        .config
        .api_keys
        .get(call.argument(0))
        .ok_or_else(missing)?;
    let value = call.query("includeValue") == Some("true");
    let value = value.then_some(key.value.as_str());
    Answer::ok(&shape(key).maybe("value", value).done())
}

/// The answer holds the value, which clients cannot know yet.
fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let key = ApiKeys::read(call, &input(call), None)?;
    let shown = shape(&key).put("value", key.value.as_str()).done();
    let op = Key::Shared(SharedKey::ApiKey(key.id.clone()));
    let op = op.change(Seen::Nothing, Some(ApiKeys::part(key)));
    Ok(Write::showing(op, move |_| {
        Answer::json(StatusCode::CREATED, &shown)
    }))
}
