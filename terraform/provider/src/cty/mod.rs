//! Terraform's types and values, and how they travel: MessagePack both ways, JSON in stored states.
//!
//! It knows nothing of schemas or resources.

mod codec;
mod json;
#[cfg(test)]
mod tests;
mod ty;
mod value;

pub(crate) use codec::{decode, encode};
pub(crate) use json::{from_json, to_json};
pub(crate) use ty::{Type, TypeError};
pub(crate) use value::{Number, Value};

/// How deep values and types may be nested; Terraform's own are a handful of levels deep.
pub(crate) const DEPTH_MAX: usize = 64;
