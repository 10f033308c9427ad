//! Reading a JSON document field by field, as Amazon's services do.
//!
//! Unknown fields are ignored, `null` counts as absent, a wrong type is a `SerializationException`
//! that names the field. Fields that exist at Amazon but have no effect here are refused unless
//! they hold a value that means "nothing", so that no setting is ever lost silently.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// A JSON object and where it stands in the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// Such as `tlsConfig.`; empty for the request's own object.
    at: String,
    fields: Map<String, Value>,
}

impl Document {
    /// An empty body counts as an empty object.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self {
                at: String::new(),
                fields,
            }),
            Ok(_) => Err(Refusal::Serialization(
                "the body must be a JSON object".to_owned(),
            )),
            Err(error) => Err(Refusal::Serialization(format!(
                "the body is no valid JSON: {error}"
            ))),
        }
    }

    /// An object made here, called `at` in refusals.
    pub(crate) fn of(at: &str, fields: Map<String, Value>) -> Self {
        Self {
            at: at.to_owned(),
            fields,
        }
    }

    /// The same object, called `at` in refusals.
    pub(crate) fn called(&self, at: String) -> Self {
        Self {
            at,
            fields: self.fields.clone(),
        }
    }

    /// One of some words; `shown` lists them as refusals do.
    pub(crate) fn word<T>(
        &self,
        name: &str,
        parse: fn(&str) -> Option<T>,
        shown: &[&str],
    ) -> Result<Option<T>, Refusal> {
        // Clients send an empty text to take a word away.
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match parse(&text) {
            Some(word) => Ok(Some(word)),
            None => Err(Refusal::not_in_set(&text, &self.path(name), shown)),
        }
    }

    /// An object of booleans.
    pub(crate) fn flags(&self, name: &str) -> Result<Option<BTreeMap<String, bool>>, Refusal> {
        let Some(object) = self.object(name)? else {
            return Ok(None);
        };
        let names = object.fields.keys();
        let flags = names.map(|key| Ok((key.clone(), object.flag(key)?.unwrap_or_default())));
        flags.collect::<Result<_, _>>().map(Some)
    }

    /// The names of the object's fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The name of a field with its path.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    fn wrong(&self, name: &str, value: &Value, wanted: &str) -> Refusal {
        let class = match value {
            Value::Null => "null",
            Value::Bool(_) => "class java.lang.Boolean",
            Value::Number(number) if number.is_f64() => "class java.lang.Double",
            Value::Number(_) => "class java.lang.Integer",
            Value::String(_) => "class java.lang.String",
            Value::Array(_) => "class java.util.ArrayList",
            Value::Object(_) => "class java.util.LinkedHashMap",
        };
        let path = self.path(name);
        Refusal::Serialization(format!(
            "{class} can not be converted to an {wanted} ({path})"
        ))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(name, other, "String")),
        }
    }

    /// A text of `min` to `max` characters.
    pub(crate) fn sized(
        &self,
        name: &str,
        min: usize,
        max: usize,
    ) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if (min..=max).contains(&text.chars().count()) {
            return Ok(Some(text));
        }
        let path = self.path(name);
        Err(Refusal::bad(format!(
            "{path} must have {min} to {max} characters"
        )))
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &str, max: usize) -> Result<String, Refusal> {
        let text = self.sized(name, 1, max)?;
        text.ok_or_else(|| Refusal::bad(format!("{} must be given", self.path(name))))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(name, other, "Boolean")),
        }
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn integer(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = value
            .as_i64()
            .ok_or_else(|| self.wrong(name, value, "Integer"))?;
        if (min..=max).contains(&number) {
            return Ok(Some(number));
        }
        let path = self.path(name);
        Err(Refusal::bad(format!(
            "{path} must be between {min} and {max}, not {number}"
        )))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        value
            .as_f64()
            .map(Some)
            .ok_or_else(|| self.wrong(name, value, "Double"))
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let items = value
            .as_array()
            .ok_or_else(|| self.wrong(name, value, "ArrayList"))?;
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.wrong(name, other, "String")),
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn map(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let fields = value
            .as_object()
            .ok_or_else(|| self.wrong(name, value, "HashMap"))?;
        let entry = |(key, item): (&String, &Value)| match item {
            Value::String(text) => Ok((key.clone(), text.clone())),
            other => Err(self.wrong(name, other, "String")),
        };
        fields.iter().map(entry).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        self.nested(name, value).map(Some)
    }

    pub(crate) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let items = value
            .as_array()
            .ok_or_else(|| self.wrong(name, value, "ArrayList"))?;
        items
            .iter()
            .map(|item| self.nested(name, item))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The objects in an object of objects, such as `routeSettings`.
    pub(crate) fn members(&self) -> Result<Vec<Self>, Refusal> {
        self.fields
            .iter()
            .map(|(name, value)| self.nested(name, value))
            .collect()
    }

    fn nested(&self, name: &str, value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::Object(fields) => Ok(Self {
                at: format!("{}.", self.path(name)),
                fields: fields.clone(),
            }),
            other => Err(self.wrong(name, other, "LinkedHashMap")),
        }
    }

    /// Refuses fields that would have no effect, unless they hold nothing.
    pub(crate) fn unsupported(&self, names: &[&str]) -> Result<(), Refusal> {
        let nothing = |value: &Value| match value {
            Value::Null => true,
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
        };
        match names
            .iter()
            .find(|name| self.fields.get(**name).is_some_and(|v| !nothing(v)))
        {
            Some(name) => Err(Refusal::unsupported(self.path(name))),
            None => Ok(()),
        }
    }

    /// The refusal of a field whose value is none of `all`.
    pub(crate) fn outside(&self, name: &str, text: &str, all: &[&str]) -> Refusal {
        Refusal::bad(format!(
            "1 validation error detected: Value '{text}' at '{}' failed to satisfy constraint: \
             Member must satisfy enum value set: [{}]",
            self.path(name),
            all.join(", ")
        ))
    }
}
