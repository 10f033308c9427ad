//! Brings what a resource has answered into the form that Terraform compares.
//!
//! A resource gives what the API says. Where that means the same as what Terraform has (an empty
//! map for null, JSON written otherwise) the latter stays, or there would be a change for ever.

use super::schema::{Attribute, Block, Kind, Nesting, Schema};
use crate::cty::{Type, Value, to_json};

/// `reference` is the plan or the prior state. What `actual` does not have at all is as it was,
/// what is null in it is null.
pub(crate) fn align(schema: &Schema, reference: &Value, actual: &Value) -> Value {
    object(&schema.attributes, &schema.blocks, reference, actual)
}

fn object(attributes: &[Attribute], blocks: &[Block], reference: &Value, actual: &Value) -> Value {
    let mut value = Value::object();
    let given = |name: &str| actual.map().and_then(|map| map.get(name));
    for attribute in attributes {
        let old = reference.attribute(attribute.name);
        let new = match given(attribute.name) {
            _ if attribute.write_only => Value::Null,
            Some(new) => field(attribute, old, new),
            None if old.is_known() => old.clone(),
            None => Value::Null,
        };
        value.set(attribute.name, new);
    }
    for block in blocks {
        let old = reference.attribute(block.name);
        let new = match given(block.name) {
            Some(new) if new.is_set() => {
                let of = (block.attributes.as_slice(), block.blocks.as_slice());
                nested(block.nesting, of, old, new)
            }
            Some(_) => block.none(),
            None if old.is_known() => old.clone(),
            None => block.none(),
        };
        value.set(block.name, new);
    }
    value
}

fn field(attribute: &Attribute, old: &Value, new: &Value) -> Value {
    if let Some(same) = attribute.same
        && old.is_set()
        && old.is_known()
        && new.is_set()
        && same(old, new)
    {
        return old.clone();
    }
    let nothing = |value: &Value| {
        value.is_null()
            || value.is_empty()
            || matches!(value, Value::String(text) if text.is_empty())
    };
    if !old.is_unknown() && nothing(old) && nothing(new) {
        return old.clone();
    }
    match &attribute.kind {
        Kind::Plain(ty) => sorted(new, ty),
        Kind::Nested(nesting, attributes) => nested(*nesting, (attributes, &[]), old, new),
    }
}

fn nested(
    nesting: Nesting,
    (attributes, blocks): (&[Attribute], &[Block]),
    old: &Value,
    new: &Value,
) -> Value {
    let one = |old: &Value, new: &Value| match new {
        Value::Map(_) => object(attributes, blocks, old, new),
        other => other.clone(),
    };
    match (nesting, new) {
        (Nesting::List, Value::List(items)) => {
            let items = items.iter().enumerate().map(|(index, new)| {
                let old = old.items().get(index).unwrap_or(&Value::Null);
                one(old, new)
            });
            Value::List(items.collect())
        }
        (Nesting::Set, Value::List(items)) => {
            let mut items: Vec<Value> = items.iter().map(|new| one(&Value::Null, new)).collect();
            sort(&mut items);
            Value::List(items)
        }
        (Nesting::Map, Value::Map(items)) => {
            let items = items.iter();
            let items = items.map(|(key, new)| (key.clone(), one(old.attribute(key), new)));
            Value::Map(items.collect())
        }
        (_, new) => one(old, new),
    }
}

/// The value with all sets in it in one order, so that equal ones look equal.
pub(crate) fn sorted(value: &Value, ty: &Type) -> Value {
    match (ty, value) {
        (Type::Set(of), Value::List(items)) => {
            let mut items: Vec<Value> = items.iter().map(|item| sorted(item, of)).collect();
            sort(&mut items);
            items.dedup();
            Value::List(items)
        }
        (Type::List(of), Value::List(items)) => {
            Value::List(items.iter().map(|item| sorted(item, of)).collect())
        }
        (Type::Tuple(of), Value::List(items)) => {
            let items = items.iter().zip(of);
            Value::List(items.map(|(item, of)| sorted(item, of)).collect())
        }
        (Type::Map(of), Value::Map(items)) => {
            let items = items.iter();
            Value::Map(
                items
                    .map(|(name, item)| (name.clone(), sorted(item, of)))
                    .collect(),
            )
        }
        (Type::Object(of), Value::Map(items)) => {
            let items = items.iter().map(|(name, item)| {
                let item = of
                    .get(name)
                    .map_or_else(|| item.clone(), |of| sorted(item, of));
                (name.clone(), item)
            });
            Value::Map(items.collect())
        }
        (_, value) => value.clone(),
    }
}

fn sort(items: &mut [Value]) {
    items.sort_by_cached_key(|item| to_json(item).to_string());
}
