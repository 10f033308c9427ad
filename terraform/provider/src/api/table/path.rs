//! Paths of the management API: `{name}` stands for an attribute.

use crate::{cty::Value, framework::Note};

/// A text as one segment of a path, or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The path with the object's attributes in it.
pub(crate) fn filled(pattern: &str, object: &Value) -> Result<String, Note> {
    let mut parts = pattern.split('{');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = object.text(name).filter(|text| !text.is_empty());
        let value = value.ok_or_else(|| {
            let detail = format!("{name} has no value, so that there is no path to the object.");
            Note::error("The object cannot be addressed", detail)
        })?;
        path.push_str(&encoded(value));
        path.push_str(rest);
    }
    Ok(path)
}

/// The attributes that a path names.
pub(crate) fn names(pattern: &str) -> impl Iterator<Item = &str> {
    let parts = pattern.split('{').skip(1);
    parts.filter_map(|part| Some(part.split_once('}')?.0))
}
