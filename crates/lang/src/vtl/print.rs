//! Printing values: as Java prints them (`{a=1, b=[x, y]}`), and as JSON.
//!
//! A list of a JSON document prints as JSON even within a map that prints as Java does; recorded
//! on API Gateway.

use std::fmt::Write as _;

use super::{
    RenderError, number,
    value::{Heap, Native, Style, Value},
};
use crate::json::View;

/// Printing stops when the text would be longer, or nests deeper, than this.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) bytes: usize,
    pub(super) depth: u32,
}

/// Prints values of one heap.
pub(super) struct Printer<'h, 'a, 't> {
    pub(super) heap: &'h Heap<'a>,
    pub(super) text: &'t mut String,
    pub(super) bounds: Bounds,
    pub(super) depth: u32,
}

type Printed = Result<(), RenderError>;

impl<'a> Printer<'_, 'a, '_> {
    /// As `toString` prints. Nothing prints as nothing here, and as `null` within a list or map.
    pub(super) fn java(&mut self, value: &Value<'a>) -> Printed {
        match value {
            Value::Null | Value::Block(_) => {}
            Value::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Value::Int(number) => {
                let _written = write!(self.text, "{number}");
            }
            Value::Double(number) => number::print(*number, self.text),
            Value::Text(text) => self.text.push_str(text.as_str()),
            Value::Native(native) => self.native(*native),
            Value::Json(_) | Value::List(_) | Value::Map(_) | Value::Entry(_) => {
                return self.container(value);
            }
        }
        self.check()
    }

    fn native(&mut self, native: Native) {
        match native {
            Native::Context | Native::RequestOverride | Native::ResponseOverride => {
                self.text.push_str("{}");
            }
            Native::OverrideMap(_) | Native::Input | Native::Util | Native::Loop(_) => {}
        }
    }

    fn container(&mut self, value: &Value<'a>) -> Printed {
        self.deeper()?;
        let heap = self.heap;
        match heap.current(value.clone()) {
            Value::Json(json) if json.is_array() => self.json(value)?,
            Value::Json(json) => {
                self.java_map(json.entries().map(|(key, json)| (key, Value::json(json))))?;
            }
            Value::List(id) if heap.list(id).style == Style::Json => self.json(value)?,
            Value::List(id) => {
                self.text.push('[');
                for (number, item) in heap.list(id).items.iter().enumerate() {
                    self.separate(number, ", ");
                    self.java_inner(item)?;
                }
                self.text.push(']');
            }
            Value::Map(id) => {
                let entries = heap.map(id).iter();
                self.java_map(entries.map(|(key, value)| (key.as_str(), value.clone())))?;
            }
            Value::Entry(id) => {
                let (key, value) = heap.entry(id);
                self.text.push_str(key.as_str());
                self.text.push('=');
                self.java_inner(value)?;
            }
            other => self.java(&other)?,
        }
        self.depth -= 1;
        self.check()
    }

    fn java_map<'k>(&mut self, entries: impl Iterator<Item = (&'k str, Value<'a>)>) -> Printed {
        self.text.push('{');
        for (number, (key, value)) in entries.enumerate() {
            self.separate(number, ", ");
            self.text.push_str(key);
            self.text.push('=');
            self.java_inner(&value)?;
        }
        self.text.push('}');
        Ok(())
    }

    fn java_inner(&mut self, value: &Value<'a>) -> Printed {
        if value.is_null() {
            self.text.push_str("null");
            return self.check();
        }
        self.java(value)
    }

    /// As JSON without blanks.
    pub(super) fn json(&mut self, value: &Value<'a>) -> Printed {
        self.deeper()?;
        let heap = self.heap;
        match heap.current(value.clone()) {
            Value::Null | Value::Block(_) | Value::Native(_) => self.text.push_str("null"),
            Value::Json(json) => self.json_tree(json)?,
            Value::Text(text) => quote(text.as_str(), self.text),
            Value::List(id) => {
                self.text.push('[');
                for (number, item) in heap.list(id).items.iter().enumerate() {
                    self.separate(number, ",");
                    self.json(item)?;
                }
                self.text.push(']');
            }
            Value::Map(id) => {
                self.text.push('{');
                for (number, (key, value)) in heap.map(id).iter().enumerate() {
                    self.separate(number, ",");
                    quote(key.as_str(), self.text);
                    self.text.push(':');
                    self.json(value)?;
                }
                self.text.push('}');
            }
            Value::Entry(id) => {
                let (key, value) = heap.entry(id);
                self.text.push('{');
                quote(key.as_str(), self.text);
                self.text.push(':');
                self.json(value)?;
                self.text.push('}');
            }
            scalar @ (Value::Bool(_) | Value::Int(_) | Value::Double(_)) => self.java(&scalar)?,
        }
        self.depth -= 1;
        self.check()
    }

    fn json_tree(&mut self, json: View<'a>) -> Printed {
        if json.is_array() {
            self.text.push('[');
            for (number, item) in json.items().enumerate() {
                self.separate(number, ",");
                self.json_element(item)?;
            }
            self.text.push(']');
        } else {
            self.text.push('{');
            for (number, (key, item)) in json.entries().enumerate() {
                self.separate(number, ",");
                quote(key, self.text);
                self.text.push(':');
                self.json_element(item)?;
            }
            self.text.push('}');
        }
        Ok(())
    }

    fn json_element(&mut self, json: View<'a>) -> Printed {
        // Integers keep their digits, and texts that need no escapes are as they came.
        if let Some(digits) = json.as_integer_digits() {
            self.text.push_str(digits);
        } else if let Some(text) = json.as_plain_str() {
            self.text.push('"');
            self.text.push_str(text);
            self.text.push('"');
        } else if let Some(text) = json.as_str() {
            quote(text, self.text);
        } else if json.is_null() {
            self.text.push_str("null");
        } else {
            return self.json(&Value::json(json));
        }
        self.check()
    }

    fn separate(&mut self, number: usize, separator: &str) {
        if number > 0 {
            self.text.push_str(separator);
        }
    }

    fn deeper(&mut self) -> Printed {
        if self.depth >= self.bounds.depth {
            return Err(RenderError::Depth(self.bounds.depth));
        }
        self.depth += 1;
        Ok(())
    }

    const fn check(&self) -> Printed {
        if self.text.len() > self.bounds.bytes {
            return Err(RenderError::Output(self.bounds.bytes));
        }
        Ok(())
    }
}

/// Appends a text as a JSON string.
pub(super) fn quote(value: &str, text: &mut String) {
    text.push('"');
    let mut done = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        text.push_str(value.get(done..at).unwrap_or_default());
        text.push_str(escape);
        if escape.is_empty() {
            let _written = write!(text, "\\u{byte:04x}");
        }
        done = at + 1;
    }
    text.push_str(value.get(done..).unwrap_or_default());
    text.push('"');
}
