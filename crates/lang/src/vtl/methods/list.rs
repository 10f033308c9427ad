//! Methods of lists. Reading one of a JSON document does not copy it; changing does.

use super::{Arguments, Called};
use crate::vtl::{
    render::Renderer,
    value::{ListId, Style, Value},
};

/// What an element costs of the memory budget.
const ELEMENT_BYTES: usize = size_of::<Value<'_>>();

impl<'a> Renderer<'a, '_> {
    pub(super) fn list_method(
        &mut self,
        value: Value<'a>,
        arguments: &Arguments<'a>,
    ) -> Called<Value<'a>> {
        let length = self.length_of(&value);
        match arguments.name() {
            "size" | "length" => Ok(Value::count(length)),
            "isEmpty" => Ok(Value::Bool(length == 0)),
            "get" => Ok(arguments
                .position(0)
                .map_or(Value::Null, |at| self.element(&value, at))),
            "iterator" | "listIterator" => Ok(value),
            "contains" => {
                let found = self.find_element(&value, &arguments.at(0), false)?;
                Ok(Value::Bool(found.is_some()))
            }
            "indexOf" | "lastIndexOf" => {
                let is_last = arguments.name() == "lastIndexOf";
                let found = self.find_element(&value, &arguments.at(0), is_last)?;
                Ok(found.map_or(Value::Int(-1), Value::count))
            }
            "containsAll" => {
                let wanted = self.elements(&arguments.at(0))?;
                for item in &wanted {
                    if self.find_element(&value, item, false)?.is_none() {
                        return Ok(Value::Bool(false));
                    }
                }
                Ok(Value::Bool(true))
            }
            "subList" => {
                let items = self.elements(&value)?;
                let (from, to) = (arguments.position(0), arguments.position(1));
                let part = from.zip(to).and_then(|(from, to)| items.get(from..to));
                Ok(match part {
                    Some(part) => self.heap.new_list(Style::Java, part.to_vec()),
                    None => Value::Null,
                })
            }
            "set" => self.put(value, &arguments.at(0), arguments.at(1).kept()),
            _ => self.change_list(value, arguments),
        }
    }

    fn change_list(&mut self, value: Value<'a>, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        let added = match arguments.name() {
            "addAll" => self.elements(&arguments.at(arguments.count().saturating_sub(1)))?,
            "removeAll" | "retainAll" => self.elements(&arguments.at(0))?,
            "add" | "remove" | "clear" => Vec::new(),
            _ => return Ok(Value::Null),
        };
        self.charge((self.length_of(&value) / 8 + added.len() + 1) * ELEMENT_BYTES)?;
        let Value::List(id) = self.heap.changeable(value) else {
            return Ok(Value::Null);
        };
        match (arguments.name(), arguments.count()) {
            ("add", 1) => {
                self.heap.list_mut(id).push(arguments.at(0).kept());
                Ok(Value::Bool(true))
            }
            ("add", 2) => {
                self.insert(id, arguments.position(0), vec![arguments.at(1).kept()])?;
                Ok(Value::Null)
            }
            ("addAll", 1) => {
                let is_changed = !added.is_empty();
                self.heap.list_mut(id).extend(added);
                Ok(Value::Bool(is_changed))
            }
            ("addAll", 2) => {
                self.insert(id, arguments.position(0), added)?;
                Ok(Value::Bool(true))
            }
            ("remove", 1) => self.remove(id, &arguments.at(0)),
            ("removeAll" | "retainAll", 1) => {
                self.keep(id, &added, arguments.name() == "retainAll")
            }
            ("clear", 0) => {
                self.heap.list_mut(id).clear();
                Ok(Value::Null)
            }
            _ => Ok(Value::Null),
        }
    }

    fn insert(&mut self, id: ListId, at: Option<usize>, added: Vec<Value<'a>>) -> Called<()> {
        let length = self.heap.list(id).items.len();
        self.spend(u64::try_from(length / 16).unwrap_or(u64::MAX))?;
        if let Some(at) = at.filter(|at| *at <= length) {
            self.heap.list_mut(id).splice(at..at, added);
        }
        Ok(())
    }

    /// By position for a number, else by value, as Java's two methods of this name.
    fn remove(&mut self, id: ListId, what: &Value<'a>) -> Called<Value<'a>> {
        let length = self.heap.list(id).items.len();
        self.spend(u64::try_from(length / 16).unwrap_or(u64::MAX))?;
        if let Value::Int(at) = what {
            let at = usize::try_from(*at).ok().filter(|at| *at < length);
            return Ok(at.map_or(Value::Null, |at| self.heap.list_mut(id).remove(at)));
        }
        let found = self.find_element(&Value::List(id), what, false)?;
        if let Some(at) = found {
            self.heap.list_mut(id).remove(at);
        }
        Ok(Value::Bool(found.is_some()))
    }

    fn keep(&mut self, id: ListId, others: &[Value<'a>], keeps_found: bool) -> Called<Value<'a>> {
        let mut kept = Vec::new();
        for item in self.elements(&Value::List(id))? {
            let mut is_found = false;
            for other in others {
                self.spend(1)?;
                if self.equal(&item, other)? {
                    is_found = true;
                    break;
                }
            }
            if is_found == keeps_found {
                kept.push(item);
            }
        }
        let items = self.heap.list_mut(id);
        let is_changed = kept.len() != items.len();
        *items = kept;
        Ok(Value::Bool(is_changed))
    }

    /// How many elements a list has.
    pub(super) fn length_of(&self, value: &Value<'a>) -> usize {
        match self.heap.current(value.clone()) {
            Value::List(id) => self.heap.list(id).items.len(),
            Value::Json(json) if json.is_array() => json.len(),
            _ => 0,
        }
    }

    fn element(&self, value: &Value<'a>, at: usize) -> Value<'a> {
        match value {
            Value::List(id) => self
                .heap
                .list(*id)
                .items
                .get(at)
                .cloned()
                .unwrap_or(Value::Null),
            Value::Json(json) if json.is_array() => {
                json.element(at).map_or(Value::Null, Value::json)
            }
            _ => Value::Null,
        }
    }

    /// A copy of a list's elements, paid for.
    pub(super) fn elements(&mut self, value: &Value<'a>) -> Called<Vec<Value<'a>>> {
        let value = self.heap.current(value.clone());
        let length = self.length_of(&value);
        self.charge(length * ELEMENT_BYTES)?;
        self.spend(u64::try_from(length).unwrap_or(u64::MAX))?;
        Ok(match value {
            Value::List(id) => self.heap.list(id).items.clone(),
            Value::Json(json) => json.items().map(Value::json).collect(),
            _ => Vec::new(),
        })
    }

    fn find_element(
        &mut self,
        value: &Value<'a>,
        wanted: &Value<'a>,
        is_last: bool,
    ) -> Called<Option<usize>> {
        if let Value::Json(json) = value {
            let mut found = None;
            for (at, item) in json.items().enumerate() {
                if self.is_wanted(&Value::json(item), wanted)? {
                    found = Some(at);
                    if !is_last {
                        break;
                    }
                }
            }
            return Ok(found);
        }
        let length = self.length_of(value);
        for number in 0..length {
            let at = if is_last { length - 1 - number } else { number };
            let item = self.element(value, at);
            if self.is_wanted(&item, wanted)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// As Java's `equals`: a number is not the text that writes it.
    fn is_wanted(&mut self, item: &Value<'a>, wanted: &Value<'a>) -> Called<bool> {
        self.spend(1)?;
        let is_same_kind = matches!(item, Value::Text(_)) == matches!(wanted, Value::Text(_));
        Ok(is_same_kind && self.equal(item, wanted)?)
    }
}
