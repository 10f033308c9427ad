//! `$util`: the six functions that API Gateway has, and no others.

use super::{Arguments, Called};
use crate::vtl::{codec, render::Renderer, value::Value};

impl<'a> Renderer<'a, '_> {
    pub(super) fn util_method(&mut self, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        let given = arguments.at(0);
        let text = self.text_of(&given)?;
        let content = text.as_str();
        self.spend(u64::try_from(content.len() / 16).unwrap_or(u64::MAX))?;
        let made = match arguments.name() {
            // What both of these give was recorded.
            "escapeJavaScript" if given.is_null() => return Ok(Value::text("null")),
            "escapeJavaScript" if content.is_empty() => return Ok(Value::text("{}")),
            "escapeJavaScript" => {
                self.charge(content.len())?;
                codec::escape_java_script(content)
            }
            "urlEncode" => {
                self.charge(content.len() * 2)?;
                codec::url_encode(content)
            }
            "urlDecode" => match codec::url_decode(content) {
                Some(decoded) => decoded,
                None => return Err(self.refuse("urlDecode", &text)),
            },
            "base64Encode" => codec::base64_encode(content),
            "base64Decode" => codec::base64_decode(content),
            "parseJson" if content.trim().is_empty() => return Ok(Value::Null),
            "parseJson" => {
                self.charge(content.len())?;
                let text = content.to_owned();
                return self.read(text, "the text given to $util.parseJson");
            }
            _ => return Ok(Value::Null),
        };
        self.charge(made.len())?;
        Ok(Value::made(made))
    }
}
