//! The path and query of a call, from the text of a URI and values of a request.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986 "unreserved": what is signed and what is sent are then the same for every
/// service, S3 included.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const ESCAPED_IN_PATH: &AsciiSet = &ESCAPED.remove(b'/');
const ESCAPED_IN_QUERY: &AsciiSet = &ESCAPED.remove(b'=').remove(b'&').remove(b'+');

/// A value for `{name}`, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its text.
    pub text: String,
    /// Its slashes separate segments.
    pub keeps_slashes: bool,
}

/// Why there is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// No value for a name.
    #[error("the uri has {{{0}}}, for which there is no value")]
    Missing(String),
    /// A value has a segment `.` or `..`.
    #[error("a value for the uri would leave its path")]
    Leaves,
}

/// The path (with its first slash) and the query of a call by path.
///
/// # Errors
/// A value is missing, or would leave the path.
pub fn render(
    template: &str,
    value_of: impl Fn(&str) -> Option<Value>,
) -> Result<(String, String), RenderError> {
    let (path, query) = template.split_once('?').unwrap_or((template, ""));
    let mut rendered = String::from("/");
    let path = path.strip_prefix('/').unwrap_or(path);
    rendered.push_str(&fill(path, ESCAPED_IN_PATH, |name| {
        let value = value_of(name).ok_or_else(|| RenderError::Missing(name.to_owned()))?;
        let leaves = |text: &str| text.split('/').any(|part| part == "." || part == "..");
        if leaves(&value.text) {
            return Err(RenderError::Leaves);
        }
        let set = if value.keeps_slashes {
            ESCAPED_IN_PATH
        } else {
            ESCAPED
        };
        Ok(utf8_percent_encode(&value.text, set).to_string())
    })?);
    Ok((rendered, render_query(query, value_of)?))
}

/// A query such as `Bucket={b}&Key={k}`.
///
/// # Errors
/// A value is missing.
pub fn render_query(
    template: &str,
    value_of: impl Fn(&str) -> Option<Value>,
) -> Result<String, RenderError> {
    fill(template, ESCAPED_IN_QUERY, |name| {
        let value = value_of(name).ok_or_else(|| RenderError::Missing(name.to_owned()))?;
        Ok(encode(&value.text))
    })
}

/// A name or value of a query.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Text between braces is a name; all else is the owner's, who may have encoded it already.
fn fill(
    template: &str,
    set: &'static AsciiSet,
    value: impl Fn(&str) -> Result<String, RenderError>,
) -> Result<String, RenderError> {
    // What is encoded already stays so.
    let own = |text: &str| {
        utf8_percent_encode(text, set)
            .to_string()
            .replace("%25", "%")
    };
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        out.push_str(&own(before));
        out.push_str(&value(name.strip_suffix('+').unwrap_or(name))?);
        rest = behind;
    }
    out.push_str(&own(rest));
    Ok(out)
}
