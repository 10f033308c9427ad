//! Between messages and values: what cannot be read becomes a diagnostic, never a panic.

use super::{align::sorted, note::Note, schema::Schema};
use crate::{
    cty::{Type, Value, decode, encode, from_json},
    pb,
};

/// The value of a message; no message is null.
pub(crate) fn value(packed: Option<&pb::Packed>, ty: &Type) -> Result<Value, Note> {
    let Some(packed) = packed else {
        return Ok(Value::Null);
    };
    if packed.msgpack.is_empty() && !packed.json.is_empty() {
        return stored(&packed.json, ty);
    }
    let value = decode(&packed.msgpack, ty).map_err(|error| {
        Note::error(
            "Terraform sent what this provider cannot read",
            format!("The schemas of the two may differ. The problem: {error}."),
        )
    })?;
    Ok(sorted(&value, ty))
}

/// A value of a state that Terraform has stored.
pub(crate) fn stored(json: &[u8], ty: &Type) -> Result<Value, Note> {
    let json = serde_json::from_slice(json).map_err(|error| {
        Note::error(
            "A stored state cannot be read",
            format!("It is not JSON: {error}."),
        )
    })?;
    Ok(sorted(&from_json(&json, ty), ty))
}

pub(crate) fn pack(value: &Value, ty: &Type) -> Result<pb::Packed, Note> {
    let msgpack = encode(value, ty).map_err(|error| {
        Note::error(
            "A mistake in this provider",
            format!("It made a value that is not of its schema: {error}. Please report this."),
        )
    })?;
    Ok(pb::Packed {
        msgpack,
        json: Vec::new(),
    })
}

/// As `stored`, with blocks that may not be null.
pub(crate) fn upgraded(json: &[u8], schema: &Schema, ty: &Type) -> Result<Value, Note> {
    let mut value = stored(json, ty)?;
    for block in &schema.blocks {
        if value.attribute(block.name).is_null() {
            value.set(block.name, block.none());
        }
    }
    Ok(value)
}
