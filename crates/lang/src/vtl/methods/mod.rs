//! Methods that templates call on values, as Java's classes have them. A method that a value does
//! not have gives nothing.

mod format;
mod list;
mod map;
mod number;
mod text;
mod util;

use super::{
    RenderError,
    render::Renderer,
    tree::Call,
    value::{Native, Text, Value},
};

type Called<T> = Result<T, RenderError>;

/// A call with its arguments evaluated.
pub(super) struct Arguments<'a> {
    pub(super) call: &'a Call,
    values: Vec<Value<'a>>,
}

impl<'a> Arguments<'a> {
    fn count(&self) -> usize {
        self.values.len()
    }

    fn name(&self) -> &'a str {
        &self.call.name
    }

    /// An argument as it is; nothing when it is not given.
    fn at(&self, number: usize) -> Value<'a> {
        self.values.get(number).cloned().unwrap_or(Value::Null)
    }

    /// An argument as a position.
    fn position(&self, number: usize) -> Option<usize> {
        match self.values.get(number) {
            Some(Value::Int(position)) => usize::try_from(*position).ok(),
            _ => None,
        }
    }
}

impl<'a> Renderer<'a, '_> {
    /// `$value.name(arguments)`.
    pub(super) fn method(&mut self, value: Value<'a>, call: &'a Call) -> Called<Value<'a>> {
        let mut values = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            values.push(self.evaluate(argument)?);
        }
        let arguments = Arguments { call, values };
        match (&value, arguments.name()) {
            (Value::Native(Native::Input), _) => return self.input_method(&arguments),
            (Value::Native(Native::Util), _) => return self.util_method(&arguments),
            (_, "toString") if arguments.count() == 0 => {
                return self.text_of(&value).map(Value::Text);
            }
            (_, "equals") => {
                return self.equal(&value, &arguments.at(0)).map(Value::Bool);
            }
            _ => {}
        }
        match &value {
            Value::Text(text) => self.text_method(text, &arguments),
            Value::Json(json) if json.is_array() => self.list_method(value, &arguments),
            Value::List(_) => self.list_method(value, &arguments),
            Value::Map(_) | Value::Json(_) => self.map_method(value, &arguments),
            Value::Entry(id) => Ok(match arguments.name() {
                "getKey" => Value::Text(self.heap.entry(*id).0.clone()),
                "getValue" => self.heap.entry(*id).1.clone(),
                _ => Value::Null,
            }),
            Value::Int(_) | Value::Double(_) | Value::Bool(_) => {
                self.number_method(&value, &arguments)
            }
            Value::Native(Native::Loop(number)) => Ok(self.loop_method(*number, arguments.name())),
            Value::Native(native) => self.native_method(*native, &arguments),
            Value::Null | Value::Block(_) => Ok(Value::Null),
        }
    }

    fn input_method(&mut self, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        let first = (arguments.count() > 0).then(|| arguments.at(0));
        match arguments.name() {
            "path" => self.body_path(arguments.call, first.as_ref()),
            "json" => {
                let value = self.body_path(arguments.call, first.as_ref())?;
                // What is not there is an empty text, in quotes.
                self.json_of(&value.kept())
            }
            "params" => match first {
                None => self.all_parameters(),
                Some(name) => {
                    let name = self.text_of(&name)?;
                    Ok(self.parameter(name.as_str()))
                }
            },
            "getBody" => Ok(self.native_property(Native::Input, "body")),
            _ => Ok(Value::Null),
        }
    }

    /// `get` and `put` of `$context` and the overrides.
    fn native_method(&mut self, native: Native, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        match arguments.name() {
            "get" => {
                let name = self.text_of(&arguments.at(0))?;
                Ok(self.native_property(native, name.as_str()))
            }
            "put" => {
                let value = arguments.at(1).kept();
                self.put(Value::Native(native), &arguments.at(0), value)
            }
            _ => Ok(Value::Null),
        }
    }

    /// An error that says what a method was given.
    fn refuse(&self, method: &'static str, value: &Text<'a>) -> RenderError {
        let value = value.as_str().chars().take(100).collect();
        RenderError::Argument { method, value }
    }
}
