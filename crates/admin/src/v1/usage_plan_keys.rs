//! `UsagePlanKey`: who may use what a plan covers.

use http::StatusCode;
use model::rest::{ApiKey, Seen, SharedKey, SharedPart};
use serde_json::Value;

use super::{
    kind::{self, Key, Part},
    usage_plans::plan,
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/usageplans/{plan}/keys";
const ONE: &str = "/usageplans/{plan}/keys/{key}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetUsagePlanKeys", ALL, list),
    write("CreateUsagePlanKey", "POST", ALL, create),
    read("GetUsagePlanKey", ONE, show),
    write("DeleteUsagePlanKey", "DELETE", ONE, delete),
];

fn shape(key: &ApiKey) -> Value {
    View::default()
        .put("id", key.id.as_str())
        .put("type", "API_KEY")
        .put("value", key.value.as_str())
        .maybe("name", key.name.as_deref())
        .done()
}

fn missing() -> Refusal {
    Refusal::Missing("Invalid API Key identifier specified".to_owned())
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.query("name");
    let keys = plan(call)?.keys.iter();
    let keys = keys.filter_map(|id| call.config.api_keys.get(id));
    let keys = keys.filter(|key| {
        name.is_none_or(|name| key.name.as_deref().unwrap_or_default().starts_with(name))
    });
    kind::list(call, keys.map(|key| (key.id.as_str(), shape(key))))
}

/// A key of the plan that the path names.
fn member<'c>(call: &Call<'c>) -> Result<&'c ApiKey, Refusal> {
    let id = plan(call)?.keys.get(call.argument(1)).ok_or_else(missing)?;
    call.config
        .api_keys
        .get(id)
        .map(|key| &**key)
        .ok_or_else(missing)
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    Answer::ok(&shape(member(call)?))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let plan = plan(call)?.id.clone();
    if call.document.text("keyType")?.as_deref() != Some("API_KEY") {
        return Err(Refusal::bad("Usage Plan Key type must be API_KEY"));
    }
    let id = call.document.text("keyId")?.unwrap_or_default();
    let key = call.config.api_keys.get(id.as_str()).ok_or_else(missing)?;
    let shown = shape(key);
    let link = Key::Shared(SharedKey::UsagePlanKey(plan, key.id.clone()));
    let op = link.change(Seen::Nothing, Some(Part::Shared(SharedPart::UsagePlanKey)));
    Ok(Write::showing(op, move |_| {
        Answer::json(StatusCode::CREATED, &shown)
    }))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let key = member(call)?.id.clone();
    let link = Key::Shared(SharedKey::UsagePlanKey(plan(call)?.id.clone(), key));
    let op = link.change(Seen::Anything, None);
    Ok(Write::showing(op, |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}
