//! From two states of an object to what is to be sent to alter it, in the two ways of the API.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{
    field::{Field, How},
    path::encoded,
    wire,
};
use crate::cty::{Value, to_json};

/// `patchOperations` of API Gateway v1: values are texts, `~1` stands for `/`.
pub(crate) fn operations(fields: &[Field], prior: &Value, planned: &Value) -> Vec<Json> {
    let mut all = Vec::new();
    collect(fields, "", prior, planned, &mut all);
    all
}

fn collect(fields: &[Field], at: &str, prior: &Value, planned: &Value, all: &mut Vec<Json>) {
    for field in fields {
        let name = field.attribute.name;
        let (old, new) = (prior.attribute(name), planned.attribute(name));
        if old == new || new.is_unknown() || field.once || field.silent || field.is_answer() {
            continue;
        }
        let at = format!("{at}/{}", field.wire);
        match &field.how {
            How::Local => {}
            How::Plain => all.push(replace(&at, new)),
            How::Items => items(&at, old, new, all),
            How::Entries { add } => entries(&at, (old, new), *add, all),
            How::Object(fields) if field.is_single() => {
                if new.is_null() {
                    all.push(json!({ "op": "remove", "path": at }));
                } else {
                    collect(fields, &at, old, new, all);
                }
            }
            // Collections of objects have hooks of their own.
            How::Object(_) => {}
        }
    }
}

/// Leaving the value out clears the field.
fn replace(path: &str, value: &Value) -> Json {
    match text(value) {
        Some(value) => json!({ "op": "replace", "path": path, "value": value }),
        None => json!({ "op": "replace", "path": path }),
    }
}

fn text(value: &Value) -> Option<String> {
    match to_json(value) {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

pub(crate) fn escaped(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

fn items(at: &str, old: &Value, new: &Value, all: &mut Vec<Json>) {
    let texts = |value: &Value| -> Vec<String> { value.items().iter().filter_map(text).collect() };
    let (old, new) = (texts(old), texts(new));
    for gone in old.iter().filter(|item| !new.contains(item)) {
        all.push(json!({ "op": "remove", "path": format!("{at}/{}", escaped(gone)) }));
    }
    for added in new.iter().filter(|item| !old.contains(item)) {
        all.push(json!({ "op": "add", "path": format!("{at}/{}", escaped(added)) }));
    }
}

fn entries(at: &str, (old, new): (&Value, &Value), add: bool, all: &mut Vec<Json>) {
    let none = BTreeMap::new();
    let (old, new) = (old.map().unwrap_or(&none), new.map().unwrap_or(&none));
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        all.push(json!({ "op": "remove", "path": format!("{at}/{}", escaped(name)) }));
    }
    for (name, value) in new {
        let known = old.get(name);
        if known == Some(value) {
            continue;
        }
        let verb = if add && known.is_none() {
            "add"
        } else {
            "replace"
        };
        let path = format!("{at}/{}", escaped(name));
        let value = text(value).unwrap_or_default();
        all.push(json!({ "op": verb, "path": path, "value": value }));
    }
}

/// A partial document of API Gateway v2: what has changed. An empty text or object clears.
pub(crate) fn document(fields: &[Field], prior: &Value, planned: &Value) -> Map<String, Json> {
    let mut body = Map::new();
    for field in fields {
        let name = field.attribute.name;
        let (old, new) = (prior.attribute(name), planned.attribute(name));
        if old == new || new.is_unknown() || field.once || field.silent || field.is_answer() {
            continue;
        }
        let json = match &field.how {
            How::Local => continue,
            // Deleted by calls of their own; what is sent is laid over the rest.
            _ if field.removed_at.is_some() && new.is_null() => continue,
            _ if field.removed_at.is_some() => wire::one(field, new).unwrap_or_default(),
            // Entries that are gone are said so by an empty text.
            How::Entries { .. } => cleared(old, new),
            // An object without fields alters nothing: each is cleared.
            How::Object(fields) if field.is_single() && new.is_null() => nothing(fields, old),
            _ if new.is_null() => empty(old),
            _ => wire::one(field, new).unwrap_or_default(),
        };
        wire::put(&mut body, field.wire, json);
    }
    body
}

/// An object that says of each field that it is no more.
fn nothing(fields: &[Field], old: &Value) -> Json {
    let mut body = Map::new();
    for field in fields {
        let was = old.attribute(field.attribute.name);
        if was.is_set() {
            wire::put(&mut body, field.wire, empty(was));
        }
    }
    Json::Object(body)
}

fn cleared(old: &Value, new: &Value) -> Json {
    let mut entries = match to_json(new) {
        Json::Object(entries) => entries,
        _ => Map::new(),
    };
    for (name, was) in old.map().into_iter().flatten() {
        let is = new.attribute(name);
        if !entries.contains_key(name) {
            entries.insert(name.clone(), empty(was));
        } else if was.map().is_some() {
            entries.insert(name.clone(), cleared(was, is));
        }
    }
    Json::Object(entries)
}

/// What is to be deleted below an object that is altered by partial documents.
pub(crate) fn removals(fields: &[Field], prior: &Value, planned: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for field in fields {
        let name = field.attribute.name;
        let (old, new) = (prior.attribute(name), planned.attribute(name));
        let Some(at) = field.removed_at.filter(|_| old.is_set()) else {
            continue;
        };
        if new.is_unknown() {
            continue;
        }
        if field.has_entries() {
            let keys = old.map().into_iter().flat_map(BTreeMap::keys);
            let gone = keys.filter(|key| new.attribute(key).is_null());
            all.extend(gone.map(|key| format!("{at}/{}", encoded(key))));
        } else if new.is_null() {
            all.push(at.to_owned());
        }
    }
    all
}

fn empty(old: &Value) -> Json {
    match old {
        Value::String(_) => "".into(),
        Value::List(_) => Json::Array(Vec::new()),
        Value::Map(_) => Json::Object(Map::new()),
        Value::Bool(_) => false.into(),
        Value::Null | Value::Unknown | Value::Number(_) | Value::Typed(..) => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{document, removals};
    use crate::{
        api::table::Field,
        cty::{Type, Value, from_json},
        framework::{Attribute, Nesting},
    };

    fn fields() -> Vec<Field> {
        let by_status = Type::map(Type::map(Type::String));
        let name = || Field::plain(Attribute::text("server_name", ""), "serverName");
        let limit = || Field::plain(Attribute::number("limit", ""), "limit");
        vec![
            Field::plain(Attribute::text("title", ""), "title"),
            Field::variables(Attribute::new("responses", by_status, ""), "responses"),
            Field::object("tls", "tlsConfig", "", vec![name()]),
            Field::object("cors", "cors", "", vec![name()]).removed_at("cors"),
            Field::nested(Nesting::Map, "routes", "routes", "", vec![limit()])
                .removed_at("routesettings"),
        ]
    }

    /// An object with these attributes.
    fn state(json: &Json) -> Value {
        let fields = fields().into_iter();
        fields.fold(Value::object(), |state, field| {
            let attribute = field.attribute;
            let value = from_json(&json[attribute.name], &attribute.ty());
            state.with(attribute.name, value)
        })
    }

    #[track_caller]
    fn check(prior: &Json, planned: &Json, sent: &Json, removed: &[&str]) {
        let (prior, planned) = (state(prior), state(planned));
        let body = Json::Object(document(&fields(), &prior, &planned));
        assert_eq!(body, *sent);
        assert_eq!(removals(&fields(), &prior, &planned), removed);
    }

    #[test]
    fn what_is_left_out_is_cleared_and_what_is_the_same_not_sent() {
        let prior = json!({ "title": "a", "tls": { "server_name": "b" } });
        check(&prior, &prior, &json!({}), &[]);
        let sent = json!({ "title": "", "tlsConfig": { "serverName": "" } });
        check(&prior, &json!({}), &sent, &[]);
    }

    #[test]
    fn entries_that_are_gone_are_said_so_however_deep() {
        let prior = json!({ "responses": { "200": { "a": "1", "b": "2" }, "404": { "c": "3" } } });
        let planned = json!({ "responses": { "200": { "a": "4" } } });
        let sent = json!({ "responses": { "200": { "a": "4", "b": "" }, "404": {} } });
        check(&prior, &planned, &sent, &[]);
    }

    #[test]
    fn some_fields_are_deleted_by_calls_of_their_own() {
        let prior = json!({
            "cors": { "server_name": "a" },
            "routes": { "GET /a": { "limit": 1 }, "GET /b": { "limit": 2 } },
        });
        let planned = json!({ "routes": { "GET /b": { "limit": 3 } } });
        let sent = json!({ "routes": { "GET /b": { "limit": 3 } } });
        let removed = ["cors", "routesettings/GET%20%2Fa"];
        check(&prior, &planned, &sent, &removed);
    }
}
