//! Values as MessagePack, as Terraform packs them.
//!
//! An unknown is an extension: code 0 as we write it, any code as we read it (12 carries hints that
//! may be left out of account). Numbers come as integers, doubles or decimal texts. A value of a
//! dynamic type is a pair of the type's JSON and the value.

use std::collections::BTreeMap;

use rmpv::Value as Pack;

use super::{DEPTH_MAX, Number, Type, TypeError, Value};

/// Why bytes are no value of a type.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodecError {
    #[error("reading MessagePack: {0}")]
    Bytes(#[from] rmpv::decode::Error),
    #[error("writing MessagePack: {0}")]
    Write(#[from] rmpv::encode::Error),
    #[error("bytes after the value")]
    Trailing,
    #[error("reading the type of a dynamic value: {0}")]
    Type(#[from] TypeError),
    #[error("the JSON of a dynamic value's type: {0}")]
    Json(#[from] serde_json::Error),
    #[error("expected {expected}, found {found}")]
    Mismatch {
        expected: &'static str,
        found: String,
    },
    #[error("the object has no attribute {0}")]
    Missing(String),
    #[error("the object has an unexpected attribute {0}")]
    Unexpected(String),
    #[error("nested more than {DEPTH_MAX} levels deep")]
    Depth,
}

/// The value of type `ty` that `bytes` are; no bytes at all are null.
pub(crate) fn decode(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut rest = bytes;
    let pack = rmpv::decode::read_value_with_max_depth(&mut rest, 2 * DEPTH_MAX)?;
    if !rest.is_empty() {
        return Err(CodecError::Trailing);
    }
    read(pack, ty, DEPTH_MAX)
}

fn mismatch(expected: &'static str, found: &Pack) -> CodecError {
    let found: String = found.to_string().chars().take(40).collect();
    CodecError::Mismatch { expected, found }
}

fn read(pack: Pack, ty: &Type, depth: usize) -> Result<Value, CodecError> {
    let depth = depth.checked_sub(1).ok_or(CodecError::Depth)?;
    match (ty, pack) {
        (_, Pack::Nil) => Ok(Value::Null),
        (_, Pack::Ext(..)) => Ok(Value::Unknown),
        (Type::Bool, Pack::Boolean(flag)) => Ok(Value::Bool(flag)),
        (Type::String, Pack::String(text)) => {
            let text = text.into_str();
            let invalid = || mismatch("a text in UTF-8", &Pack::Nil);
            text.map(Value::String).ok_or_else(invalid)
        }
        (Type::Number, pack) => number(&pack).map(Value::Number),
        (Type::List(of) | Type::Set(of), Pack::Array(items)) => {
            let items = items.into_iter().map(|item| read(item, of, depth));
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        (Type::Tuple(of), Pack::Array(items)) if of.len() == items.len() => {
            let items = items.into_iter().zip(of);
            let items = items.map(|(item, of)| read(item, of, depth));
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        (Type::Map(of), Pack::Map(pairs)) => {
            let pairs = pairs.into_iter();
            let pairs = pairs.map(|(key, item)| Ok((name(key)?, read(item, of, depth)?)));
            Ok(Value::Map(pairs.collect::<Result<_, CodecError>>()?))
        }
        (Type::Object(of), Pack::Map(pairs)) => object(pairs, of, depth),
        (Type::Dynamic, Pack::Array(pair)) => dynamic(pair, depth),
        (Type::Bool, pack) => Err(mismatch("true or false", &pack)),
        (Type::String, pack) => Err(mismatch("a text", &pack)),
        (Type::List(_) | Type::Set(_) | Type::Tuple(_), pack) => Err(mismatch("a list", &pack)),
        (Type::Map(_) | Type::Object(_), pack) => Err(mismatch("a map", &pack)),
        (Type::Dynamic, pack) => Err(mismatch("a type and a value", &pack)),
    }
}

fn name(key: Pack) -> Result<String, CodecError> {
    match key {
        Pack::String(text) if text.is_str() => Ok(text.into_str().unwrap_or_default()),
        other => Err(mismatch("a name", &other)),
    }
}

fn object(
    pairs: Vec<(Pack, Pack)>,
    of: &BTreeMap<String, Type>,
    depth: usize,
) -> Result<Value, CodecError> {
    let mut map = BTreeMap::new();
    for (key, item) in pairs {
        let name = name(key)?;
        let Some(ty) = of.get(&name) else {
            return Err(CodecError::Unexpected(name));
        };
        map.insert(name, read(item, ty, depth)?);
    }
    match of.keys().find(|name| !map.contains_key(*name)) {
        Some(missing) => Err(CodecError::Missing(missing.clone())),
        None => Ok(Value::Map(map)),
    }
}

fn dynamic(pair: Vec<Pack>, depth: usize) -> Result<Value, CodecError> {
    let Ok([ty, item]) = <[Pack; 2]>::try_from(pair) else {
        return Err(mismatch("a type and a value", &Pack::Nil));
    };
    let json = match &ty {
        Pack::Binary(bytes) => serde_json::from_slice(bytes)?,
        Pack::String(text) => serde_json::from_slice(text.as_bytes())?,
        other => return Err(mismatch("a type", other)),
    };
    let ty = Type::from_json(&json)?;
    let value = read(item, &ty, depth)?;
    Ok(Value::Typed(Box::new(ty), Box::new(value)))
}

fn number(pack: &Pack) -> Result<Number, CodecError> {
    let wrong = || mismatch("a number", pack);
    match pack {
        Pack::Integer(whole) => match (whole.as_i64(), whole.as_u64()) {
            (Some(whole), _) => Ok(Number::Whole(whole)),
            (None, Some(large)) => Ok(Number::Text(large.to_string())),
            (None, None) => Err(wrong()),
        },
        Pack::F32(real) if real.is_finite() => Ok(Number::of((*real).into())),
        Pack::F64(real) if real.is_finite() => Ok(Number::of(*real)),
        Pack::String(text) => text.as_str().and_then(Number::parse).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The bytes of `value` as a value of type `ty`. Attributes of objects that are not there are null.
pub(crate) fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, CodecError> {
    let pack = write(value, ty, DEPTH_MAX)?;
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &pack)?;
    Ok(bytes)
}

fn write(value: &Value, ty: &Type, depth: usize) -> Result<Pack, CodecError> {
    let depth = depth.checked_sub(1).ok_or(CodecError::Depth)?;
    match (ty, value) {
        (_, Value::Null) => Ok(Pack::Nil),
        (_, Value::Unknown) => Ok(Pack::Ext(0, vec![0])),
        (Type::Dynamic, Value::Typed(ty, value)) => {
            let json = ty.to_json().to_string().into_bytes();
            Ok(Pack::Array(vec![
                Pack::Binary(json),
                write(value, ty, depth)?,
            ]))
        }
        (Type::Bool, Value::Bool(flag)) => Ok(Pack::Boolean(*flag)),
        (Type::String, Value::String(text)) => Ok(Pack::from(text.as_str())),
        (Type::Number, Value::Number(number)) => Ok(match number {
            Number::Whole(whole) => Pack::from(*whole),
            Number::Real(real) => Pack::F64(*real),
            Number::Text(text) => Pack::from(text.as_str()),
        }),
        (Type::List(of) | Type::Set(of), Value::List(items)) => {
            let items = items.iter().map(|item| write(item, of, depth));
            Ok(Pack::Array(items.collect::<Result<_, _>>()?))
        }
        (Type::Tuple(of), Value::List(items)) if of.len() == items.len() => {
            let items = items.iter().zip(of);
            let items = items.map(|(item, of)| write(item, of, depth));
            Ok(Pack::Array(items.collect::<Result<_, _>>()?))
        }
        (Type::Map(of), Value::Map(items)) => {
            let pairs = items.iter();
            let pairs =
                pairs.map(|(name, item)| Ok((name.as_str().into(), write(item, of, depth)?)));
            Ok(Pack::Map(pairs.collect::<Result<_, CodecError>>()?))
        }
        (Type::Object(of), Value::Map(items)) => {
            if let Some(name) = items.keys().find(|name| !of.contains_key(*name)) {
                return Err(CodecError::Unexpected(name.clone()));
            }
            let pairs = of.iter().map(|(name, ty)| {
                let item = items.get(name).unwrap_or(&Value::Null);
                Ok((Pack::from(name.as_str()), write(item, ty, depth)?))
            });
            Ok(Pack::Map(pairs.collect::<Result<_, CodecError>>()?))
        }
        (ty, value) => Err(CodecError::Mismatch {
            expected: kind(ty),
            found: format!("{value:?}").chars().take(40).collect(),
        }),
    }
}

const fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "true or false",
        Type::Number => "a number",
        Type::String => "a text",
        Type::Dynamic => "a value with its type",
        Type::List(_) => "a list",
        Type::Set(_) => "a set",
        Type::Map(_) => "a map",
        Type::Tuple(_) => "a tuple",
        Type::Object(_) => "an object",
    }
}
