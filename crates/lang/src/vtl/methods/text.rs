//! Methods of texts. Positions count UTF-16 units, as Java's do.

use super::{Arguments, Called, format};
use crate::vtl::{
    regex::{self, Compiled},
    render::Renderer,
    tree::Expression,
    value::{Style, Text, Value},
};

impl<'a> Renderer<'a, '_> {
    pub(super) fn text_method(
        &mut self,
        text: &Text<'a>,
        arguments: &Arguments<'a>,
    ) -> Called<Value<'a>> {
        let content = text.as_str();
        self.spend(u64::try_from(content.len() / 64).unwrap_or(u64::MAX))?;
        match (arguments.name(), arguments.count()) {
            ("length", 0) => Ok(Value::count(units(content))),
            ("isEmpty", 0) => Ok(Value::Bool(content.is_empty())),
            ("isBlank", 0) => Ok(Value::Bool(content.trim().is_empty())),
            ("trim", 0) => self.make(content.trim_matches(|c| c <= ' ')),
            ("strip", 0) => self.make(content.trim()),
            ("toUpperCase", _) => self.make(&content.to_uppercase()),
            ("toLowerCase", _) => self.make(&content.to_lowercase()),
            ("intern", 0) => Ok(Value::Text(text.clone())),
            ("hashCode", 0) => Ok(Value::Int(i64::from(hash_code(content)))),
            ("charAt", 1) => self.part(text, &arguments.at(0), None),
            ("substring" | "subSequence", 1) => {
                self.part(text, &arguments.at(0), Some(&Value::count(units(content))))
            }
            ("substring" | "subSequence", 2) => {
                self.part(text, &arguments.at(0), Some(&arguments.at(1)))
            }
            ("repeat", 1) => self.repeat(text, &arguments.at(0)),
            ("format", _) => {
                let made = format::format(self, text, arguments, 0)?;
                self.make(&made)
            }
            ("valueOf" | "copyValueOf", _) => self.text_of(&arguments.at(0)).map(Value::Text),
            ("join", _) => self.join(arguments),
            ("split", _) => self.split(text, arguments),
            ("matches" | "replaceAll" | "replaceFirst", _) => self.apply_regex(text, arguments),
            _ => self.compare_method(text, arguments),
        }
    }

    /// Methods that look for another text.
    fn compare_method(&mut self, text: &Text<'a>, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        if arguments.count() == 0 {
            return Ok(Value::Null);
        }
        let other = self.text_of(&arguments.at(0))?;
        let (content, wanted) = (text.as_str(), other.as_str());
        let from = arguments.position(1);
        Ok(match arguments.name() {
            "contains" => Value::Bool(content.contains(wanted)),
            "startsWith" => {
                let from = from.map_or(Some(0), |from| byte_at(content, from));
                let rest = from.and_then(|from| content.get(from..));
                Value::Bool(rest.is_some_and(|rest| rest.starts_with(wanted)))
            }
            "endsWith" => Value::Bool(content.ends_with(wanted)),
            "equalsIgnoreCase" => Value::Bool(content.to_lowercase() == wanted.to_lowercase()),
            "compareTo" => Value::Int(compare(content, wanted)),
            "compareToIgnoreCase" => {
                Value::Int(compare(&content.to_lowercase(), &wanted.to_lowercase()))
            }
            "concat" => {
                self.charge(content.len() + wanted.len())?;
                Value::made([content, wanted].concat())
            }
            "indexOf" => {
                let start = from.map_or(Some(0), |from| byte_at(content, from));
                let found =
                    start.and_then(|start| Some(start + content.get(start..)?.find(wanted)?));
                unit_position(content, found)
            }
            "lastIndexOf" => {
                let end =
                    from.and_then(|from| byte_at(content, from.saturating_add(units(wanted))));
                let before = content
                    .get(..end.unwrap_or(content.len()))
                    .unwrap_or(content);
                unit_position(content, before.rfind(wanted))
            }
            "replace" => {
                let with = self.text_of(&arguments.at(1))?;
                self.replace(content, wanted, with.as_str())?
            }
            _ => Value::Null,
        })
    }

    fn replace(&mut self, content: &str, wanted: &str, with: &str) -> Called<Value<'a>> {
        let bytes = content.len() + content.matches(wanted).count() * with.len();
        self.charge(bytes)?;
        Ok(Value::made(content.replace(wanted, with)))
    }

    fn make(&mut self, made: &str) -> Called<Value<'a>> {
        self.charge(made.len())?;
        Ok(Value::made(made))
    }

    /// From one position to another, or the one character there.
    fn part(
        &mut self,
        text: &Text<'a>,
        from: &Value<'a>,
        to: Option<&Value<'a>>,
    ) -> Called<Value<'a>> {
        let content = text.as_str();
        let position = |value: &Value<'a>| match value {
            Value::Int(at) => usize::try_from(*at).ok(),
            _ => None,
        };
        let from = position(from);
        let to = to.map_or_else(|| from.map(|from| from.saturating_add(1)), position);
        let bytes = from
            .zip(to)
            .and_then(|(from, to)| content.get(byte_at(content, from)?..byte_at(content, to)?));
        let Some(part) = bytes else {
            return Err(self.refuse("substring", text));
        };
        match text {
            // A part of an input is not copied.
            Text::Borrowed(whole) => {
                let start = part.as_ptr().addr() - content.as_ptr().addr();
                let part = whole.get(start..start + part.len()).unwrap_or_default();
                Ok(Value::text(part))
            }
            Text::Made(_) => self.make(part),
        }
    }

    fn repeat(&mut self, text: &Text<'a>, times: &Value<'a>) -> Called<Value<'a>> {
        let Value::Int(times) = times else {
            return Ok(Value::Null);
        };
        let times = usize::try_from(*times).unwrap_or_default();
        self.charge(text.as_str().len().saturating_mul(times))?;
        Ok(Value::made(text.as_str().repeat(times)))
    }

    /// `$any.join(",", $list)`.
    fn join(&mut self, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        let separator = self.text_of(&arguments.at(0))?;
        let mut items = self.elements(&arguments.at(1))?;
        if items.is_empty() {
            items = (1..arguments.count())
                .map(|number| arguments.at(number))
                .collect();
        }
        let mut joined = String::new();
        for (number, item) in items.iter().enumerate() {
            let item = self.text_of(item)?;
            let separator = if number > 0 { separator.as_str() } else { "" };
            self.charge(separator.len() + item.as_str().len())?;
            joined.push_str(separator);
            joined.push_str(item.as_str());
        }
        Ok(Value::made(joined))
    }

    fn split(&mut self, text: &Text<'a>, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        let limit = match arguments.at(1) {
            Value::Int(limit) => limit,
            _ => 0,
        };
        let parts = self.with_regex(arguments, |renderer, compiled, pattern| {
            let parts = compiled
                .split(text.as_str(), limit)
                .map_err(|what| regex::error(pattern, what))?;
            let cost = parts.len() * size_of::<Value<'_>>() + text.as_str().len();
            renderer.charge(cost)?;
            renderer.spend(u64::try_from(parts.len()).unwrap_or(u64::MAX))?;
            Ok(parts.into_iter().map(Value::made).collect::<Vec<_>>())
        })?;
        Ok(self.heap.new_list(Style::Java, parts))
    }

    fn apply_regex(&mut self, text: &Text<'a>, arguments: &Arguments<'a>) -> Called<Value<'a>> {
        if arguments.name() == "matches" {
            return self.with_regex(arguments, |_, compiled, pattern| {
                let is_match = compiled.is_full_match(text.as_str());
                is_match
                    .map(Value::Bool)
                    .map_err(|what| regex::error(pattern, what))
            });
        }
        let with = self.text_of(&arguments.at(1))?;
        let count = if arguments.name() == "replaceAll" {
            usize::MAX
        } else {
            1
        };
        self.with_regex(arguments, |renderer, compiled, pattern| {
            let limit = renderer.memory_left();
            let replaced = compiled.replace(text.as_str(), with.as_str(), count, limit);
            let replaced = replaced.map_err(|what| regex::error(pattern, what))?;
            renderer.charge(replaced.len())?;
            renderer.spend(u64::try_from(replaced.len() / 16).unwrap_or(u64::MAX))?;
            Ok(Value::made(replaced))
        })
    }

    /// Hands the regular expression of the first argument to `apply`. A constant one is compiled
    /// once for the template.
    fn with_regex<T>(
        &mut self,
        arguments: &Arguments<'a>,
        apply: impl FnOnce(&mut Self, &Compiled, &str) -> Called<T>,
    ) -> Called<T> {
        let pattern = self.text_of(&arguments.at(0))?;
        if let Some(Expression::Text(_)) = arguments.call.arguments.first() {
            let compile = || Compiled::new(pattern.as_str());
            let compiled = arguments.call.pattern.get_or_init(compile);
            return apply(self, compiled, pattern.as_str());
        }
        self.spend(regex::COMPILE_STEPS)?;
        apply(self, &Compiled::new(pattern.as_str()), pattern.as_str())
    }
}

/// Length in UTF-16 units.
fn units(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}

/// The byte at a position in UTF-16 units; the end is one, what is behind it is none.
fn byte_at(text: &str, position: usize) -> Option<usize> {
    if text.is_ascii() {
        return (position <= text.len()).then_some(position);
    }
    let mut seen = 0;
    for (byte, char) in text.char_indices() {
        if seen >= position {
            return Some(byte);
        }
        seen += char.len_utf16();
    }
    (seen >= position).then_some(text.len())
}

/// The position of a byte in UTF-16 units, or -1.
fn unit_position<'a>(text: &str, byte: Option<usize>) -> Value<'a> {
    let before = byte.and_then(|byte| text.get(..byte));
    before.map_or(Value::Int(-1), |before| Value::count(units(before)))
}

/// As Java's `compareTo`: the difference of the first units that differ, or of the lengths.
fn compare(left: &str, right: &str) -> i64 {
    let (mut left, mut right) = (left.encode_utf16(), right.encode_utf16());
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => return i64::from(a) - i64::from(b),
            (Some(_), None) => return 1 + i64::try_from(left.count()).unwrap_or_default(),
            (None, Some(_)) => return -1 - i64::try_from(right.count()).unwrap_or_default(),
            (None, None) => return 0,
        }
    }
}

fn hash_code(text: &str) -> i32 {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    text.encode_utf16().fold(0, add)
}
