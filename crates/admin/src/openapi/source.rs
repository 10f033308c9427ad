//! The bytes of an OpenAPI file as a tree of JSON values, whether they are JSON or YAML.
//!
//! Knows nothing of OpenAPI. A file that cannot be read names its line; one that would unfold to
//! more than a node can hold (YAML aliases) is refused before it does.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fault::Fault;
use crate::limits;

/// What stands for `${AWS::...}` in a file.
pub(crate) struct Substitutions<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

impl Substitutions<'_> {
    fn apply(&self, text: &str) -> String {
        let text = text.replace("${AWS::AccountId}", self.account);
        let text = text.replace("${AWS::Region}", self.region);
        text.replace("${AWS::Partition}", "aws")
    }
}

/// Reads a file.
///
/// # Errors
/// Names the line where reading failed, or the limit that the file exceeds.
pub(crate) fn parse(bytes: &[u8], known: &Substitutions<'_>) -> Result<Value, Fault> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Fault::whole(format!("the file is not UTF-8: {error}")))?;
    let text = if text.contains("${AWS::") {
        known.apply(text)
    } else {
        text.to_owned()
    };
    let text = text.trim_start_matches('\u{feff}');
    let left = Cell::new(limits::OPENAPI_VALUES_MAX);
    let value = if text.trim_start().starts_with('{') {
        json(text, &left)
    } else {
        let source = yaml_serde::Deserializer::from_str(text);
        let value = Counted(&left).deserialize(source);
        value.map_err(|error| Fault::whole(error.to_string()))
    }?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Fault::whole("the file holds no object".to_owned()))
    }
}

fn json(text: &str, left: &Cell<usize>) -> Result<Value, Fault> {
    let fault = |error: serde_json::Error| Fault::whole(error.to_string());
    let mut source = serde_json::Deserializer::from_str(text);
    let value = Counted(left).deserialize(&mut source).map_err(fault)?;
    source.end().map_err(fault)?;
    Ok(value)
}

/// Reads a value while counting all values within.
#[derive(Clone, Copy)]
struct Counted<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            let max = limits::OPENAPI_VALUES_MAX;
            return Err(D::Error::custom(format!(
                "the file has more than {max} values"
            )));
        };
        self.0.set(left);
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = source.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = source.next_key::<String>()? {
            let value = source.next_value_seed(self)?;
            if fields.insert(name.clone(), value).is_some() {
                return Err(A::Error::custom(format!("{name:?} stands here twice")));
            }
        }
        Ok(Value::Object(fields))
    }
}
