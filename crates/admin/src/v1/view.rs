//! Building JSON objects field by field, leaving out what is not there.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use model::rest::Millionths;

/// A JSON object in the making.
#[derive(Debug, Default)]
pub(crate) struct View(Map<String, Value>);

impl View {
    /// A field that is always there.
    pub(crate) fn put(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// A field that may be absent.
    pub(crate) fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// A list or object that is left out while it is empty.
    pub(crate) fn filled(self, name: &str, value: Value) -> Self {
        let empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if empty { self } else { self.put(name, value) }
    }

    pub(crate) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

impl From<View> for Value {
    fn from(view: View) -> Self {
        view.done()
    }
}

/// An object of texts or booleans.
pub(crate) fn object<V: Clone + Into<Value>>(map: &BTreeMap<String, V>) -> Value {
    let fields = map
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()));
    Value::Object(fields.collect())
}

/// Seconds since 1970, as v1 writes times.
pub(super) const fn seconds(ms: u64) -> u64 {
    ms / 1000
}

/// A number that may have decimals; always written with them, as Amazon writes a double.
pub(crate) fn double(number: Millionths) -> Value {
    Number::from_f64(number.number()).map_or(Value::Null, Value::Number)
}
