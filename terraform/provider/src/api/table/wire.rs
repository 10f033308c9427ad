//! Between attributes and the JSON of the API.

use serde_json::{Map, Value as Json};

use super::field::{Field, How};
use crate::{
    cty::{Value, from_json, to_json},
    framework::{Kind, Nesting},
};

/// What is to be sent to make the object: everything that is set.
pub(crate) fn to_wire(fields: &[Field], object: &Value) -> Json {
    let mut body = Map::new();
    for field in fields {
        let value = object.attribute(field.attribute.name);
        if field.is_answer() || field.silent || !value.is_set() {
            continue;
        }
        if let Some(json) = one(field, value) {
            put(&mut body, field.wire, json);
        }
    }
    Json::Object(body)
}

/// A value as its field has it; none for what is nowhere.
pub(crate) fn one(field: &Field, value: &Value) -> Option<Json> {
    match &field.how {
        How::Local => None,
        How::Plain | How::Items | How::Entries { .. } => Some(to_json(value)),
        How::Object(fields) => Some(match (&field.attribute.kind, value) {
            (Kind::Nested(Nesting::Map, _), Value::Map(items)) => {
                let items = items.iter();
                let items = items.map(|(key, item)| (key.clone(), to_wire(fields, item)));
                Json::Object(items.collect())
            }
            (_, Value::List(items)) => {
                Json::Array(items.iter().map(|item| to_wire(fields, item)).collect())
            }
            (_, value) => to_wire(fields, value),
        }),
    }
}

pub(super) fn put(body: &mut Map<String, Json>, wire: &str, json: Json) {
    match wire.split_once('/') {
        None => {
            body.insert(wire.to_owned(), json);
        }
        Some((first, rest)) => {
            let below = body
                .entry(first)
                .or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(below) = below {
                put(below, rest, json);
            }
        }
    }
}

/// What the API says of the fields. A field that it leaves out is null; attributes that are nowhere
/// in it are left out, so that they stay as they are.
pub(crate) fn from_wire(fields: &[Field], body: &Json) -> Value {
    let mut object = Value::object();
    for field in fields {
        if matches!(field.how, How::Local) || field.attribute.write_only {
            continue;
        }
        let json = field
            .wire
            .split('/')
            .try_fold(body, |at, name| at.get(name));
        let value = json.map_or(Value::Null, |json| read(field, json));
        object.set(field.attribute.name, value);
    }
    object
}

fn read(field: &Field, json: &Json) -> Value {
    let How::Object(fields) = &field.how else {
        return from_json(json, &field.attribute.ty());
    };
    match (&field.attribute.kind, json) {
        (_, Json::Null) => Value::Null,
        (Kind::Nested(Nesting::Map, _), Json::Object(items)) => {
            let items = items.iter();
            let items = items.map(|(key, item)| (key.clone(), from_wire(fields, item)));
            Value::Map(items.collect())
        }
        (_, Json::Array(items)) => {
            Value::List(items.iter().map(|item| from_wire(fields, item)).collect())
        }
        (_, item) => from_wire(fields, item),
    }
}
