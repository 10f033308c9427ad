//! Methods of numbers and truth values, among them the static ones that templates reach through
//! any number: `#set($int = 0) $int.parseInt("5")`.

use super::{Arguments, Called};
use crate::vtl::{number, render::Renderer, value::Value};

impl<'a> Renderer<'a, '_> {
    pub(super) fn number_method(
        &mut self,
        value: &Value<'a>,
        arguments: &Arguments<'a>,
    ) -> Called<Value<'a>> {
        let first = arguments.at(0);
        match (value, arguments.name()) {
            (_, "compareTo") => {
                let order = number::compare(value, &first);
                Ok(order.map_or(Value::Null, |order| Value::Int(order as i64)))
            }
            (Value::Bool(_), "booleanValue") => Ok(value.clone()),
            (Value::Bool(_), "parseBoolean" | "valueOf") => {
                let text = self.text_of(&first)?;
                Ok(Value::Bool(text.as_str().eq_ignore_ascii_case("true")))
            }
            (Value::Double(_), "parseDouble" | "valueOf") => self.parse_double(&first),
            (_, "parseDouble" | "parseFloat") => self.parse_double(&first),
            (_, "parseInt" | "parseLong" | "valueOf" | "decode") => self.parse_integer(arguments),
            (_, "intValue" | "longValue" | "shortValue") => Ok(match value {
                Value::Double(number) => Value::Int(number::cut(*number)),
                _ => value.clone(),
            }),
            (_, "doubleValue" | "floatValue") => {
                Ok(number::floating(value).map_or(Value::Null, Value::Double))
            }
            (_, "max" | "min") => Ok(match number::compare(&first, &arguments.at(1)) {
                None => Value::Null,
                Some(order) if (arguments.name() == "max") == order.is_ge() => first,
                Some(_) => arguments.at(1),
            }),
            (_, "toString") => self.text_of(&first).map(Value::Text),
            (_, "toHexString") => Ok(
                integer(&first).map_or(Value::Null, |number| Value::made(format!("{number:x}")))
            ),
            (_, "toBinaryString") => Ok(
                integer(&first).map_or(Value::Null, |number| Value::made(format!("{number:b}")))
            ),
            (Value::Double(number), "isNaN") => Ok(Value::Bool(number.is_nan())),
            (Value::Double(number), "isInfinite") => Ok(Value::Bool(number.is_infinite())),
            _ => Ok(Value::Null),
        }
    }

    fn parse_double(&mut self, value: &Value<'a>) -> Called<Value<'a>> {
        let text = self.text_of(value)?;
        match text.as_str().trim().parse() {
            Ok(number) => Ok(Value::Double(number)),
            Err(_) => Err(self.refuse("parseDouble", &text)),
        }
    }

    fn parse_integer(&mut self, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        let text = self.text_of(&arguments.at(0))?;
        let radix = match arguments.at(1) {
            Value::Int(radix) => u32::try_from(radix)
                .ok()
                .filter(|radix| (2..=36).contains(radix)),
            _ => Some(10),
        };
        match radix.and_then(|radix| i64::from_str_radix(text.as_str(), radix).ok()) {
            Some(number) => Ok(Value::Int(number)),
            None => Err(self.refuse("parseInt", &text)),
        }
    }
}

const fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}
