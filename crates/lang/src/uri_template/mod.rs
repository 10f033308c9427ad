//! The URI of an HTTP integration: `https://host/a/{id}/{proxy}?v=${stageVariables.v}`.
//!
//! Compiled once per stage: stage variables are put in as text, the rest is cut into pieces, and
//! what is left for a request is to copy pieces and values. A path parameter is decoded and encoded
//! again for the place where it goes, so that it can never become a delimiter there; only a greedy
//! value keeps its slashes and its own encoding.
//!
//! Parameters are refused in the authority (a client would choose the backend), and a value with a
//! dot segment is refused when rendering (a client would leave the path that the owner wrote).
//! Nothing is resolved or connected here.

mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use render::{Extras, Value, ValueError};

/// A compiled integration URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriTemplate {
    https: bool,
    host: String,
    port: u16,
    authority: String,
    path: Vec<Piece>,
    query: Vec<Piece>,
}

/// A part of the path or query.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Encoded text, copied as it is.
    Text(String),
    /// A path parameter by name.
    Parameter(String),
}

/// Longest URI, stage variables put in. Amazon's limit on `integrationUri` is 2048.
pub const URI_BYTES_MAX: usize = 8192;

/// Why a text is not an integration URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriTemplateError {
    /// Neither `http://` nor `https://`.
    #[error("integration uri must begin with http:// or https://")]
    Scheme,
    /// The host is missing or has a character that no host has.
    #[error("integration uri has no valid host: {0:?}")]
    Host(String),
    /// The port is not a number from 1 to 65535.
    #[error("integration uri has no valid port: {0:?}")]
    Port(String),
    /// `{name}` before the path.
    #[error("integration uri has a path parameter in its host, which a client could choose")]
    ParameterInHost,
    /// A user name before the host.
    #[error("integration uri holds credentials")]
    Credentials,
    /// `#` never reaches a server.
    #[error("integration uri has a fragment")]
    Fragment,
    /// A brace without its partner, or a name with a character other than letters, digits, `.-_`.
    #[error("integration uri has a malformed parameter")]
    Parameter,
    /// A stage variable that the stage does not have.
    #[error("stage variable {0:?} is not set")]
    StageVariable(String),
    /// A `${..}` that is not a stage variable.
    #[error("integration uri may refer to stage variables only")]
    Reference,
    /// Longer than [`URI_BYTES_MAX`].
    #[error("integration uri is longer than {URI_BYTES_MAX} bytes")]
    TooLong,
}

impl UriTemplate {
    /// Compiles `text` for a stage with these variables.
    ///
    /// # Errors
    /// Says what is wrong with the URI.
    pub fn compile(
        text: &str,
        stage_variables: &BTreeMap<String, String>,
    ) -> Result<Self, UriTemplateError> {
        let text = with_stage_variables(text, stage_variables)?;
        if text.len() > URI_BYTES_MAX {
            return Err(UriTemplateError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UriTemplateError::Scheme)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UriTemplateError::Scheme),
        };
        if rest.contains('#') {
            return Err(UriTemplateError::Fragment);
        }
        let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(path_at);
        let (host, port) = host_and_port(authority, https)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            https,
            authority: authority_of(&host, port, https),
            host,
            port,
            path: pieces(path)?,
            query: pieces(query)?,
        })
    }

    /// Whether the backend is spoken to over TLS.
    #[must_use]
    pub const fn https(&self) -> bool {
        self.https
    }

    /// The host in lower case; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own unless given.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What the backend gets as `Host`: no port when it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The names of the parameters it needs, in the order they appear.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path
            .iter()
            .chain(&self.query)
            .filter_map(|piece| match piece {
                Piece::Parameter(name) => Some(name.as_str()),
                Piece::Text(_) => None,
            })
    }
}

/// Puts in the stage variables. Their values are text like the rest of the URI.
///
/// # Errors
/// There is no such variable, or `${..}` holds something else.
pub fn with_stage_variables(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, UriTemplateError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (reference, behind) = after.split_once('}').ok_or(UriTemplateError::Parameter)?;
        let name = reference
            .strip_prefix("stageVariables.")
            .ok_or(UriTemplateError::Reference)?;
        let value = variables
            .get(name)
            .ok_or_else(|| UriTemplateError::StageVariable(name.to_owned()))?;
        out.push_str(before);
        out.push_str(value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn host_and_port(authority: &str, https: bool) -> Result<(String, u16), UriTemplateError> {
    if authority.contains(['{', '}']) {
        return Err(UriTemplateError::ParameterInHost);
    }
    if authority.contains('@') {
        return Err(UriTemplateError::Credentials);
    }
    let bad_host = || UriTemplateError::Host(authority.to_owned());
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']').ok_or_else(bad_host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| bad_host())?;
        let port = if port.is_empty() {
            None
        } else {
            port.strip_prefix(':')
        };
        (host, port)
    } else {
        let (host, port) = authority
            .split_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port)));
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(bad_host());
        }
        (host, port)
    };
    let port = match port {
        None => default_port(https),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return Err(UriTemplateError::Port(text.to_owned())),
        },
    };
    Ok((host.to_ascii_lowercase(), port))
}

const fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

fn authority_of(host: &str, port: u16, https: bool) -> String {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    if port == default_port(https) {
        host
    } else {
        format!("{host}:{port}")
    }
}

/// Cuts a path or query at its parameters.
fn pieces(text: &str) -> Result<Vec<Piece>, UriTemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        push_text(&mut pieces, before)?;
        let (name, behind) = after.split_once('}').ok_or(UriTemplateError::Parameter)?;
        // `{proxy+}` and `{proxy}` mean the same here: the route says which one is greedy.
        let name = name.strip_suffix('+').unwrap_or(name);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(UriTemplateError::Parameter);
        }
        pieces.push(Piece::Parameter(name.to_owned()));
        rest = behind;
    }
    push_text(&mut pieces, rest)?;
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) -> Result<(), UriTemplateError> {
    if text.contains('}') {
        return Err(UriTemplateError::Parameter);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(render::encode_literal(text)));
    }
    Ok(())
}
