//! Methods of maps. Keys are texts; a number as a key is the text that writes it.

use super::{Arguments, Called};
use crate::vtl::{
    render::Renderer,
    value::{MapId, Style, Text, Value},
};

/// What an entry costs of the memory budget.
const ENTRY_BYTES: usize = 2 * size_of::<Value<'_>>();

impl<'a> Renderer<'a, '_> {
    pub(super) fn map_method(
        &mut self,
        value: Value<'a>,
        arguments: &Arguments<'a>,
    ) -> Called<Value<'a>> {
        match arguments.name() {
            "size" => Ok(Value::count(self.entry_count(&value))),
            "isEmpty" => Ok(Value::Bool(self.entry_count(&value) == 0)),
            "get" => {
                let key = self.text_of(&arguments.at(0))?;
                Ok(self.entry_of(&value, key.as_str()).unwrap_or(Value::Null))
            }
            "getOrDefault" => {
                let key = self.text_of(&arguments.at(0))?;
                Ok(self
                    .entry_of(&value, key.as_str())
                    .unwrap_or_else(|| arguments.at(1)))
            }
            "containsKey" => {
                let key = self.text_of(&arguments.at(0))?;
                Ok(Value::Bool(self.entry_of(&value, key.as_str()).is_some()))
            }
            "containsValue" => {
                for (_, item) in self.entries_of(&value)? {
                    if self.equal(&item, &arguments.at(0))? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            "keySet" => {
                let keys = self
                    .entries_of(&value)?
                    .into_iter()
                    .map(|(key, _)| Value::Text(key));
                let keys = keys.collect();
                Ok(self.heap.new_list(Style::Java, keys))
            }
            "values" => {
                let values = self
                    .entries_of(&value)?
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect();
                Ok(self.heap.new_list(Style::Java, values))
            }
            "entrySet" => {
                let entries = self.entries_of(&value)?;
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| self.heap.new_entry(key, value));
                let entries = entries.collect();
                Ok(self.heap.new_list(Style::Java, entries))
            }
            _ => self.change_map(value, arguments),
        }
    }

    fn change_map(&mut self, value: Value<'a>, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        match (arguments.name(), arguments.count()) {
            ("put", 2) => self.put(value, &arguments.at(0), arguments.at(1).kept()),
            ("putIfAbsent", 2) => {
                let key = self.text_of(&arguments.at(0))?;
                match self.entry_of(&value, key.as_str()) {
                    Some(known) => Ok(known),
                    None => self.put(value, &arguments.at(0), arguments.at(1).kept()),
                }
            }
            ("putAll", 1) => {
                for (key, item) in self.entries_of(&arguments.at(0))? {
                    self.put(value.clone(), &Value::Text(key), item)?;
                }
                Ok(Value::Null)
            }
            ("remove", 1) => {
                let key = self.text_of(&arguments.at(0))?;
                let Some(id) = self.changeable_map(value)? else {
                    return Ok(Value::Null);
                };
                self.spend(u64::try_from(self.heap.map(id).len() / 16).unwrap_or(u64::MAX))?;
                Ok(self
                    .heap
                    .map_mut(id)
                    .shift_remove(key.as_str())
                    .unwrap_or(Value::Null))
            }
            ("clear", 0) => {
                if let Some(id) = self.changeable_map(value)? {
                    self.heap.map_mut(id).clear();
                }
                Ok(Value::Null)
            }
            _ => Ok(Value::Null),
        }
    }

    fn changeable_map(&mut self, value: Value<'a>) -> Called<Option<MapId>> {
        if matches!(value, Value::Json(_)) {
            self.charge(self.entry_count(&value) * ENTRY_BYTES)?;
        }
        match self.heap.changeable(value) {
            Value::Map(id) => Ok(Some(id)),
            _ => Ok(None),
        }
    }

    fn entry_count(&self, value: &Value<'a>) -> usize {
        match self.heap.current(value.clone()) {
            Value::Map(id) => self.heap.map(id).len(),
            Value::Json(json) if json.is_object() => json.len(),
            _ => 0,
        }
    }

    fn entry_of(&self, value: &Value<'a>, key: &str) -> Option<Value<'a>> {
        match self.heap.current(value.clone()) {
            Value::Map(id) => self.heap.map(id).get(key).cloned(),
            Value::Json(json) => json.get(key).map(Value::json),
            _ => None,
        }
    }

    /// A copy of a map's entries, paid for.
    fn entries_of(&mut self, value: &Value<'a>) -> Called<Vec<(Text<'a>, Value<'a>)>> {
        let value = self.heap.current(value.clone());
        let count = self.entry_count(&value);
        self.charge(count * ENTRY_BYTES)?;
        self.spend(u64::try_from(count).unwrap_or(u64::MAX))?;
        Ok(match value {
            Value::Map(id) => {
                let entries = self.heap.map(id).iter();
                entries
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect()
            }
            Value::Json(json) => {
                let entries = json.entries();
                entries
                    .map(|(key, item)| (Text::Borrowed(key), Value::json(item)))
                    .collect()
            }
            _ => Vec::new(),
        })
    }
}
