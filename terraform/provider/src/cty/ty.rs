//! Types, and their JSON form (`"string"`, `["list","string"]`, `["object",{..}]`).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::DEPTH_MAX;

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Bool,
    Number,
    String,
    /// Any type; the value says which.
    Dynamic,
    List(Box<Self>),
    Set(Box<Self>),
    Map(Box<Self>),
    Tuple(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// A text that is no type.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("not a type: {0}")]
pub(crate) struct TypeError(String);

impl Type {
    pub(crate) fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    pub(crate) fn set(of: Self) -> Self {
        Self::Set(Box::new(of))
    }

    pub(crate) fn map(of: Self) -> Self {
        Self::Map(Box::new(of))
    }

    /// The form that goes over the wire.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::String => json!("string"),
            Self::Dynamic => json!("dynamic"),
            Self::List(of) => json!(["list", of.to_json()]),
            Self::Set(of) => json!(["set", of.to_json()]),
            Self::Map(of) => json!(["map", of.to_json()]),
            Self::Tuple(of) => {
                let of: Vec<Json> = of.iter().map(Self::to_json).collect();
                json!(["tuple", of])
            }
            Self::Object(of) => {
                let of = of.iter().map(|(name, ty)| (name.clone(), ty.to_json()));
                json!(["object", of.collect::<serde_json::Map<_, _>>()])
            }
        }
    }

    pub(crate) fn from_json(json: &Json) -> Result<Self, TypeError> {
        Self::read(json, DEPTH_MAX)
    }

    fn read(json: &Json, depth: usize) -> Result<Self, TypeError> {
        let wrong = || TypeError(json.to_string().chars().take(80).collect());
        let depth = depth.checked_sub(1).ok_or_else(wrong)?;
        if let Some(name) = json.as_str() {
            return match name {
                "bool" => Ok(Self::Bool),
                "number" => Ok(Self::Number),
                "string" => Ok(Self::String),
                "dynamic" => Ok(Self::Dynamic),
                _ => Err(wrong()),
            };
        }
        // An object may have a third part: the names of optional attributes, of no use here.
        let (kind, of) = match json.as_array().map(Vec::as_slice) {
            Some([Json::String(kind), of, ..]) => (kind.as_str(), of),
            _ => return Err(wrong()),
        };
        match kind {
            "list" => Ok(Self::list(Self::read(of, depth)?)),
            "set" => Ok(Self::set(Self::read(of, depth)?)),
            "map" => Ok(Self::map(Self::read(of, depth)?)),
            "tuple" => {
                let of = of.as_array().ok_or_else(wrong)?;
                let of = of.iter().map(|of| Self::read(of, depth));
                Ok(Self::Tuple(of.collect::<Result<_, _>>()?))
            }
            "object" => {
                let of = of.as_object().ok_or_else(wrong)?;
                let of = of
                    .iter()
                    .map(|(name, of)| Ok((name.clone(), Self::read(of, depth)?)));
                Ok(Self::Object(of.collect::<Result<_, _>>()?))
            }
            _ => Err(wrong()),
        }
    }
}
