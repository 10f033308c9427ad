//! Values as JSON: how Terraform stores states, and how an API wants them.
//!
//! Reading is lenient, since a stored state may be of an older or newer schema: what the type does
//! not have is dropped, what is not there is null.

use serde_json::Value as Json;

use super::{DEPTH_MAX, Number, Type, Value};

/// The value of type `ty` nearest to `json`.
pub(crate) fn from_json(json: &Json, ty: &Type) -> Value {
    read(json, ty, DEPTH_MAX)
}

fn read(json: &Json, ty: &Type, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Null;
    };
    match (ty, json) {
        (Type::Bool, Json::Bool(flag)) => Value::Bool(*flag),
        (Type::Bool, Json::String(text)) => text.parse().map_or(Value::Null, Value::Bool),
        (Type::String, Json::String(text)) => Value::from(text.as_str()),
        (Type::String, Json::Number(_) | Json::Bool(_)) => Value::from(json.to_string()),
        (Type::Number, Json::Number(number)) => Number::parse(&number.to_string()).into(),
        (Type::Number, Json::String(text)) => Number::parse(text).into(),
        (Type::List(of) | Type::Set(of), Json::Array(items)) => {
            let items = items.iter().map(|item| read(item, of, depth));
            Value::List(items.collect())
        }
        (Type::Tuple(of), Json::Array(items)) => {
            let rest = std::iter::repeat(&Json::Null);
            let items = of.iter().zip(items.iter().chain(rest));
            let items = items.map(|(of, item)| read(item, of, depth));
            Value::List(items.collect())
        }
        (Type::Map(of), Json::Object(items)) => {
            let items = items.iter();
            let items = items.map(|(name, item)| (name.clone(), read(item, of, depth)));
            Value::Map(items.collect())
        }
        (Type::Object(of), Json::Object(items)) => {
            let items = of.iter().map(|(name, ty)| {
                let item = items.get(name).unwrap_or(&Json::Null);
                (name.clone(), read(item, ty, depth))
            });
            Value::Map(items.collect())
        }
        // Terraform stores a dynamic value as an object of the value and its type.
        (Type::Dynamic, Json::Object(pair)) => {
            let ty = pair.get("type").and_then(|ty| Type::from_json(ty).ok());
            match (ty, pair.get("value")) {
                (Some(ty), Some(value)) => {
                    let value = read(value, &ty, depth);
                    Value::Typed(Box::new(ty), Box::new(value))
                }
                _ => Value::Null,
            }
        }
        _ => Value::Null,
    }
}

impl From<Option<Number>> for Value {
    fn from(number: Option<Number>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }
}

/// The plain JSON of a value; what is unknown is null.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unknown => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(Number::Whole(whole)) => (*whole).into(),
        Value::Number(Number::Real(real)) => (*real).into(),
        Value::Number(Number::Text(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
        }
        Value::String(text) => text.as_str().into(),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(items) => {
            let items = items.iter();
            Json::Object(
                items
                    .map(|(name, item)| (name.clone(), to_json(item)))
                    .collect(),
            )
        }
        Value::Typed(_, value) => to_json(value),
    }
}
