//! Following references, and setting what they point at.

use super::{Rendered, Renderer};
use crate::vtl::{
    RenderError,
    overrides::Target,
    tree::{Access, Reference, Slot},
    value::{Native, Text, Value},
};

impl<'a> Renderer<'a, '_> {
    /// What a reference points at, or nothing.
    pub(super) fn reference(&mut self, reference: &'a Reference) -> Rendered<Value<'a>> {
        if is_all_claims(reference) {
            return Ok(Value::Null);
        }
        let mut value = self.root(reference.slot)?;
        for access in &reference.accesses {
            if value.is_null() {
                break;
            }
            value = self.access(value, access)?;
        }
        match &reference.alternate {
            Some(alternate) if value.is_null() => self.evaluate(alternate),
            _ => Ok(value),
        }
    }

    fn root(&mut self, slot: Slot) -> Rendered<Value<'a>> {
        if let Some(value) = self.variable(slot) {
            return Ok(value);
        }
        Ok(match slot {
            Slot::INPUT => Value::Native(Native::Input),
            Slot::UTIL => Value::Native(Native::Util),
            Slot::CONTEXT => {
                self.read_context()?;
                Value::Native(Native::Context)
            }
            Slot::STAGE_VARIABLES => self.stage_variables()?,
            Slot::FOREACH => match self.loops.len().checked_sub(1) {
                Some(innermost) => Value::Native(Native::Loop(innermost)),
                None => Value::Null,
            },
            Slot::COUNT => self
                .loops
                .last()
                .map_or(Value::Null, |it| Value::count(it.index + 1)),
            Slot::HAS_NEXT => self
                .loops
                .last()
                .map_or(Value::Null, |it| Value::Bool(!it.is_last)),
            _ => Value::Null,
        })
    }

    fn access(&mut self, value: Value<'a>, access: &'a Access) -> Rendered<Value<'a>> {
        self.spend(1)?;
        let value = self.heap.current(value);
        if let Value::Json(json) = value {
            self.pass(json.len())?;
        }
        match access {
            Access::Property(name) => Ok(self.property(&value, name)),
            Access::Index(index) => {
                let index = self.evaluate(index)?;
                self.index(&value, &index)
            }
            Access::Method(call) => self.method(value, call),
        }
    }

    /// `$value.name`.
    pub(super) fn property(&self, value: &Value<'a>, name: &str) -> Value<'a> {
        match value {
            Value::Json(json) if json.is_object() => {
                json.get(name).map_or(Value::Null, Value::json)
            }
            Value::Map(id) => self.heap.map(*id).get(name).cloned().unwrap_or(Value::Null),
            Value::Entry(id) => match name {
                "key" => Value::Text(self.heap.entry(*id).0.clone()),
                "value" => self.heap.entry(*id).1.clone(),
                _ => Value::Null,
            },
            Value::Native(native) => self.native_property(*native, name),
            Value::Text(text) if name == "empty" => Value::Bool(text.as_str().is_empty()),
            Value::List(id) if name == "empty" => Value::Bool(self.heap.list(*id).items.is_empty()),
            Value::Json(json) if name == "empty" => Value::Bool(json.is_empty()),
            _ => Value::Null,
        }
    }

    /// `$value[index]`; a negative index of a list counts from its end.
    fn index(&mut self, value: &Value<'a>, index: &Value<'a>) -> Rendered<Value<'a>> {
        let position = |length: usize| position(index, length);
        match value {
            Value::List(id) => {
                let items = &self.heap.list(*id).items;
                let item = position(items.len()).and_then(|at| items.get(at));
                return Ok(item.cloned().unwrap_or(Value::Null));
            }
            Value::Json(json) if json.is_array() => {
                let item = position(json.len()).and_then(|at| json.element(at));
                return Ok(item.map_or(Value::Null, Value::json));
            }
            _ => {}
        }
        let name = self.text_of(index)?;
        Ok(self.property(value, name.as_str()))
    }

    /// `#set`.
    pub(super) fn assign(&mut self, target: &'a Reference, value: Value<'a>) -> Rendered<()> {
        let value = value.kept();
        let Some((last, before)) = target.accesses.split_last() else {
            self.assign_slot(target.slot, value);
            return Ok(());
        };
        let mut holder = self.root(target.slot)?;
        for access in before {
            holder = self.access(holder, access)?;
        }
        let key = match last {
            Access::Property(name) => Value::text(name),
            Access::Index(index) => self.evaluate(index)?,
            // `#set($a.b() = ..)` sets nothing.
            Access::Method(_) => return Ok(()),
        };
        self.put(holder, &key, value).map(|_old| ())
    }

    /// Puts a value into a map, a list or the overrides, and gives what was there.
    pub(in crate::vtl) fn put(
        &mut self,
        holder: Value<'a>,
        key: &Value<'a>,
        value: Value<'a>,
    ) -> Rendered<Value<'a>> {
        if let Value::Native(native) = holder {
            let name = self.text_of(key)?;
            return self.put_native(native, &name, &value).map(|()| Value::Null);
        }
        if let Value::Json(json) = holder {
            self.charge(json.len() * size_of::<Value<'a>>() * 2)?;
        }
        match self.heap.changeable(holder) {
            Value::Map(id) => {
                let key = self.text_of(key)?;
                self.charge(size_of::<Value<'a>>() * 2)?;
                Ok(self
                    .heap
                    .map_mut(id)
                    .insert(key, value)
                    .unwrap_or(Value::Null))
            }
            Value::List(id) => {
                let items = self.heap.list_mut(id);
                match position(key, items.len()).and_then(|at| items.get_mut(at)) {
                    Some(item) => Ok(std::mem::replace(item, value)),
                    None => Ok(Value::Null),
                }
            }
            _ => Ok(Value::Null),
        }
    }

    fn put_native(&mut self, native: Native, name: &Text<'a>, value: &Value<'a>) -> Rendered<()> {
        let text = self.text_of(value)?;
        match native {
            Native::OverrideMap(target) => {
                self.override_once(Some(target), name.as_str())?;
                self.overrides
                    .put(target, name.as_str(), text.as_str().to_owned());
            }
            Native::ResponseOverride if name.as_str() == "status" => {
                self.override_once(None, "responseOverride.status")?;
                let status = text.as_str().trim().parse().ok();
                if let Some(status) = status.filter(|status| (100..600).contains(status)) {
                    self.overrides.response.status = Some(status);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn override_once(&mut self, target: Option<Target>, name: &str) -> Rendered<()> {
        let known = (target, name.to_owned());
        if self.overridden.contains(&known) {
            let place = target.map_or_else(String::new, |target| format!("{}.", target.name()));
            return Err(RenderError::Override(format!("{place}{name}")));
        }
        self.overridden.push(known);
        self.spend(u64::try_from(self.overridden.len()).unwrap_or(u64::MAX))
    }
}

/// `$context.authorizer.claims` by itself is nothing on API Gateway; each claim is something.
fn is_all_claims(reference: &Reference) -> bool {
    let [Access::Property(first), Access::Property(second)] = reference.accesses.as_slice() else {
        return false;
    };
    reference.slot == Slot::CONTEXT && **first == *"authorizer" && **second == *"claims"
}

/// The position an index means in a list of `length`.
pub(in crate::vtl) fn position(index: &Value<'_>, length: usize) -> Option<usize> {
    let Value::Int(index) = index else {
        return None;
    };
    let from_start = if *index < 0 {
        i64::try_from(length).ok()?.checked_add(*index)?
    } else {
        *index
    };
    usize::try_from(from_start).ok().filter(|at| *at < length)
}
