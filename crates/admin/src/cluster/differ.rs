//! Differences between two states of a resource, field by field, as paths and values.
//!
//! Fields have the names of the ground state, not of Amazon's wire shapes: a difference is for a
//! person, and one form serves APIs of every kind. Long runs of bytes are shown as a digest.

use model::{Item, RouteKey, codec};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Bytes that are shown as they are.
const BYTES_SHOWN: usize = 16;

/// A field that differs. What is absent on one side was not there then.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Field {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

/// The fields of `before` and `after` that differ, at most `room` of them.
pub(super) fn fields(before: Option<&Item>, after: Option<&Item>, room: &mut usize) -> Vec<Field> {
    let mut found = Vec::new();
    compare("$", (before.map(shown), after.map(shown)), &mut found, room);
    found
}

/// Walks both side by side; what only one side has is told leaf by leaf.
fn compare(
    path: &str,
    (before, after): (Option<Value>, Option<Value>),
    found: &mut Vec<Field>,
    room: &mut usize,
) {
    if before == after || *room == 0 {
        return;
    }
    let members = |value: &Option<Value>| matches!(value, Some(Value::Object(_)) | None);
    let empty = |value: &Option<Value>| {
        let members = value.as_ref().and_then(Value::as_object);
        members.is_none_or(Map::is_empty)
    };
    if members(&before) && members(&after) && !(empty(&before) && empty(&after)) {
        let (mut before, mut after) = (object(before), object(after));
        let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
        names.sort();
        names.dedup();
        for name in names {
            let pair = (before.remove(&name), after.remove(&name));
            compare(&below(path, &name), pair, found, room);
        }
        return;
    }
    *room -= 1;
    found.push(Field {
        path: path.to_owned(),
        before,
        after,
    });
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// `$.stages.prod`, `$.stages['$default']`
fn below(path: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(plain) {
        return format!("{path}.{name}");
    }
    format!("{path}['{}']", name.replace('\'', "\\'"))
}

fn shown(item: &Item) -> Value {
    // JSON has no maps by anything but text; what has one is shown as one text.
    let value = serde_json::to_value(item);
    let value = value.unwrap_or_else(|_| json!({ "": format!("{item:?}") }));
    // `{"Api": {..}}`
    let value = object(Some(value)).into_iter().next();
    let mut value = value.map_or(Value::Null, |(_, value)| value);
    if matches!(item, Item::Api(_)) {
        flatten(&mut value);
    }
    tidy(value)
}

/// Puts what an API consists of beside its other fields, and its route keys as people write them.
fn flatten(api: &mut Value) {
    let Some(fields) = api.as_object_mut() else {
        return;
    };
    let kind = object(fields.remove("kind")).into_iter().next();
    if let Some((name, kind)) = kind {
        fields.insert("kind".to_owned(), Value::String(name));
        let mut kind = object(Some(kind));
        let content = object(kind.remove("content"));
        fields.extend(kind);
        fields.extend(content);
    }
    let routes = fields.get_mut("routes").and_then(Value::as_object_mut);
    for (_, route) in routes.into_iter().flatten() {
        let Some(key) = route.get_mut("key") else {
            continue;
        };
        if let Ok(read) = serde_json::from_value::<RouteKey>(key.take()) {
            *key = Value::String(read.to_string());
        }
    }
    // A frozen copy says nothing that the API did not say when it was made.
    let deployments = fields.get_mut("deployments").and_then(Value::as_object_mut);
    for (_, deployment) in deployments.into_iter().flatten() {
        if let Some(fields) = deployment.as_object_mut() {
            fields.remove("content");
        }
    }
}

/// Takes out what is not set, and shortens bytes.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(name, value)| (name, tidy(value))).collect())
        }
        Value::Array(items) => match bytes(&items) {
            Some(bytes) => {
                let digest = codec::digest(&bytes);
                Value::String(format!("{} bytes, digest {digest:016x}", bytes.len()))
            }
            None => Value::Array(items.into_iter().map(tidy).collect()),
        },
        other => other,
    }
}

fn bytes(items: &[Value]) -> Option<Vec<u8>> {
    if items.len() <= BYTES_SHOWN {
        return None;
    }
    let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
    items.iter().map(byte).collect()
}
