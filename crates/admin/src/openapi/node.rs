//! A place in an OpenAPI file: its value and the pointer that finds it again.
//!
//! Accessors check JSON types and name the place when one is wrong; meaning is checked by `read`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fault::Fault;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    /// JSON pointer.
    pub(crate) at: String,
}

/// How many references may lead to one another.
const REFERENCES_MAX: usize = 8;

impl<'a> Node<'a> {
    pub(crate) const fn root(value: &'a Value) -> Self {
        Self {
            value,
            at: String::new(),
        }
    }

    pub(crate) fn fault(&self, text: impl Into<String>) -> Fault {
        Fault::at(&self.at, text)
    }

    fn below(&self, key: &str, value: &'a Value) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self {
            value,
            at: format!("{}/{key}", self.at),
        }
    }

    /// A field that is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.below(key, value))
    }

    /// The fields of an object in order; none for anything else.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.map(|(key, value)| (key.as_str(), self.below(key, value)))
    }

    /// An object's fields.
    ///
    /// # Errors
    /// For anything that is no object.
    pub(crate) fn object(&self) -> Result<impl Iterator<Item = (&'a str, Self)>, Fault> {
        if self.value.is_object() {
            Ok(self.fields())
        } else {
            Err(self.fault("must be an object"))
        }
    }

    /// An array's items.
    ///
    /// # Errors
    /// For anything that is no array.
    pub(crate) fn items(&self) -> Result<Vec<Self>, Fault> {
        let items = self.value.as_array();
        let items = items.ok_or_else(|| self.fault("must be an array"))?;
        let item = |(at, value)| Self {
            value,
            at: format!("{}/{at}", self.at),
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// This as text; numbers and flags count as their text, since YAML has no quotes.
    ///
    /// # Errors
    /// For objects, arrays and null.
    pub(crate) fn text(&self) -> Result<String, Fault> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Bool(flag) => Ok(flag.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(self.fault("must be a string")),
        }
    }

    /// This as text if it is a text.
    pub(crate) fn as_str(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    pub(crate) fn text_of(&self, key: &str) -> Result<Option<String>, Fault> {
        self.get(key).map(|node| node.text()).transpose()
    }

    /// A flag, also as text.
    pub(crate) fn flag_of(&self, key: &str) -> Result<Option<bool>, Fault> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        match node.value {
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::String(text) if text == "true" => Ok(Some(true)),
            Value::String(text) if text == "false" => Ok(Some(false)),
            _ => Err(node.fault("must be true or false")),
        }
    }

    /// A whole number that is not negative, also as text.
    pub(crate) fn number_of(&self, key: &str) -> Result<Option<u32>, Fault> {
        let Some(node) = self.get(key) else {
            return Ok(None);
        };
        let number = match node.value {
            Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| node.fault("must be a whole number of at least 0"))?;
        Ok(Some(number))
    }

    /// A list of texts; empty when it is not there.
    pub(crate) fn texts_of(&self, key: &str) -> Result<Vec<String>, Fault> {
        let Some(node) = self.get(key) else {
            return Ok(Vec::new());
        };
        node.items()?.iter().map(Self::text).collect()
    }

    /// A map of texts; empty when it is not there.
    pub(crate) fn map_of(&self, key: &str) -> Result<BTreeMap<String, String>, Fault> {
        let Some(node) = self.get(key) else {
            return Ok(BTreeMap::new());
        };
        let fields = node.object()?;
        fields
            .map(|(key, value)| Ok((key.to_owned(), value.text()?)))
            .collect()
    }

    /// What a `$ref` within the file stands for, or this itself.
    ///
    /// # Errors
    /// For references to other files, to nothing, or in circles.
    pub(crate) fn resolve(&self, root: &'a Value) -> Result<Self, Fault> {
        let mut node = self.clone();
        for _ in 0..REFERENCES_MAX {
            let Some(target) = node.value.get("$ref") else {
                return Ok(node);
            };
            let text = target.as_str().unwrap_or_default();
            let Some(pointer) = text.strip_prefix('#') else {
                return Err(self.fault(format!(
                    "{text:?} points out of the file; only '#/...' can be followed"
                )));
            };
            let value = root.pointer(pointer);
            let value = value.ok_or_else(|| self.fault(format!("there is nothing at {text:?}")))?;
            node = Self {
                value,
                at: pointer.to_owned(),
            };
        }
        Err(self.fault("references lead in circles"))
    }
}
