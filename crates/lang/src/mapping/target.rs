//! Where mapped values go.

use super::{EXPRESSION_BYTES_MAX, MappingError, is_name};

/// The place of a mapped value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A header.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A parameter of the backend's path.
    Path(String),
}

/// What kind of backend a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// HTTP, proxied or not.
    Http,
    /// A function or a service of AWS.
    Aws,
}

/// Headers that belong to the gateway.
const FORBIDDEN: [&str; 4] = [
    "content-length",
    "transfer-encoding",
    "x-amzn-apigateway-api-id",
    "x-amzn-trace-id",
];

/// More of them where requests are signed.
const FORBIDDEN_AWS: [&str; 5] = [
    "authorization",
    "connection",
    "expect",
    "proxy-authenticate",
    "te",
];

impl Target {
    /// `integration.request.{header|querystring|path}.NAME`.
    ///
    /// # Errors
    /// [`MappingError::Target`].
    pub fn parse_request(text: &str) -> Result<Self, MappingError> {
        let named = text.strip_prefix("integration.request.").and_then(|rest| {
            let (place, name) = rest.split_once('.')?;
            let target = match place {
                "header" => Self::Header,
                "querystring" => Self::Query,
                "path" => Self::Path,
                _ => return None,
            };
            (text.len() <= EXPRESSION_BYTES_MAX && is_name(name)).then(|| target(name.to_owned()))
        });
        named.ok_or_else(|| MappingError::Target(super::expression::shown(text)))
    }

    /// `method.response.header.NAME`.
    ///
    /// # Errors
    /// [`MappingError::Target`].
    pub fn parse_response(text: &str) -> Result<Self, MappingError> {
        header(text, "method.response.header.")
    }

    /// `gatewayresponse.header.NAME`.
    ///
    /// # Errors
    /// [`MappingError::Target`].
    pub fn parse_gateway(text: &str) -> Result<Self, MappingError> {
        header(text, "gatewayresponse.header.")
    }

    /// The name at the place.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Header(name) | Self::Query(name) | Self::Path(name) => name,
        }
    }

    /// Whether Amazon's fails calls of methods that map to it (500, `Internal server error`).
    #[must_use]
    pub fn is_forbidden(&self, towards: Towards) -> bool {
        let Self::Header(name) = self else {
            return false;
        };
        let among = |list: &[&str]| list.iter().any(|one| name.eq_ignore_ascii_case(one));
        match towards {
            Towards::Http => among(&FORBIDDEN),
            Towards::Aws => among(&FORBIDDEN) || among(&FORBIDDEN_AWS),
        }
    }
}

fn header(text: &str, prefix: &str) -> Result<Target, MappingError> {
    text.strip_prefix(prefix)
        .filter(|name| text.len() <= EXPRESSION_BYTES_MAX && is_name(name))
        .map(|name| Target::Header(name.to_owned()))
        .ok_or_else(|| MappingError::Target(super::expression::shown(text)))
}
