//! What a function answers through a proxy integration, and all the ways in which it may be wrong.
//!
//! Amazon reads answers strictly where it is about names (any other key is malformed) and kindly
//! where it is about scalars (a status may be a numeric text, a header's value a number or `true`).

use serde_json::{Map, Value};

/// An answer that can be sent to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyAnswer {
    /// From 200 to 599; 200 unless said.
    pub status: u16,
    /// Both maps merged, in the function's order; names may repeat.
    pub headers: Vec<(String, String)>,
    /// None if there is none.
    pub body: Option<String>,
    /// Whether the function says that the body is base64 text.
    pub is_base64_encoded: bool,
}

/// Why an answer is none. Each is answered 502.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAnswer {
    /// No JSON, or nothing at all.
    #[error("the function's answer is not JSON")]
    Json,
    /// JSON, but no object.
    #[error("the function's answer is not an object")]
    Object,
    /// A key that answers do not have.
    #[error("the function's answer has the key '{0}'")]
    Key(String),
    /// Not a status that can be answered.
    #[error("statusCode of the function's answer is not a number from 200 to 599")]
    Status,
    /// Not an object of scalars, or a name that no header has.
    #[error("headers of the function's answer are not an object of texts")]
    Headers,
    /// Not an object of lists of scalars.
    #[error("multiValueHeaders of the function's answer are not an object of lists")]
    MultiValueHeaders,
    /// Neither text nor a scalar.
    #[error("body of the function's answer is not a text")]
    Body,
    /// Not a boolean.
    #[error("isBase64Encoded of the function's answer is not true or false")]
    Base64,
    /// Not a list of texts.
    #[error("cookies of the function's answer are not a list of texts")]
    Cookies,
}

impl ProxyAnswer {
    /// Reads a function's answer.
    ///
    /// # Errors
    /// Says what is wrong; clients get a 502 without any of it.
    pub fn parse(payload: &[u8]) -> Result<Self, MalformedAnswer> {
        let value: Value = serde_json::from_slice(payload).map_err(|_| MalformedAnswer::Json)?;
        let Value::Object(mut fields) = value else {
            return Err(MalformedAnswer::Object);
        };
        let (status, headers) = head(&mut fields)?;
        let body = match fields.remove("body") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(scalar(&other).ok_or(MalformedAnswer::Body)?),
        };
        let is_base64_encoded = match fields.remove("isBase64Encoded") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => flag,
            Some(Value::String(text)) if text == "true" => true,
            Some(Value::String(text)) if text == "false" => false,
            Some(_) => return Err(MalformedAnswer::Base64),
        };
        match fields.into_iter().next() {
            Some((name, _)) => Err(MalformedAnswer::Key(name)),
            None => Ok(Self {
                status,
                headers,
                body,
                is_base64_encoded,
            }),
        }
    }
}

type Head = (u16, Vec<(String, String)>);

/// Takes status and headers out of an answer's fields.
pub(super) fn head(fields: &mut Map<String, Value>) -> Result<Head, MalformedAnswer> {
    let status = match fields.remove("statusCode") {
        None | Some(Value::Null) => 200,
        Some(value) => status(&value).ok_or(MalformedAnswer::Status)?,
    };
    let multi = match fields.remove("multiValueHeaders") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => lists(value).ok_or(MalformedAnswer::MultiValueHeaders)?,
    };
    let single = match fields.remove("headers") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => singles(value).ok_or(MalformedAnswer::Headers)?,
    };
    Ok((status, merge(multi, single)))
}

fn status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    u16::try_from(number)
        .ok()
        .filter(|status| (200..600).contains(status))
}

/// Values of the lists first, then the single ones; the list's name wins.
fn merge(multi: Vec<(String, String)>, single: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut merged = multi;
    let lists = merged.len();
    for (name, value) in single {
        let listed = merged.iter().take(lists);
        let known = listed
            .map(|(known, _)| known)
            .find(|known| known.eq_ignore_ascii_case(&name));
        let name = known.cloned().unwrap_or(name);
        merged.push((name, value));
    }
    merged
}

fn singles(value: Value) -> Option<Vec<(String, String)>> {
    let Value::Object(map) = value else {
        return None;
    };
    let known = map.into_iter().filter(|(_, value)| !value.is_null());
    known
        .map(|(name, value)| scalar(&value).map(|value| (name, value)))
        .collect()
}

fn lists(value: Value) -> Option<Vec<(String, String)>> {
    let Value::Object(map) = value else {
        return None;
    };
    let mut all = Vec::new();
    for (name, values) in map {
        match values {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    all.push((name.clone(), scalar(&value)?));
                }
            }
            _ => return None,
        }
    }
    Some(all)
}

/// The text of a text, number or boolean.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
