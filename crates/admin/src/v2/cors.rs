//! `corsConfiguration`.

use model::Cors;
use serde::Serialize;

use super::checks;
use crate::{document::Document, refusal::Refusal};

/// Entries of one list.
const LIST_MAX: usize = 100;
const METHODS: [&str; 8] = [
    "*", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CorsShape<'a> {
    allow_credentials: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allow_headers: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allow_methods: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allow_origins: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    expose_headers: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<i32>,
}

pub(super) fn shape(cors: &Cors) -> CorsShape<'_> {
    CorsShape {
        allow_credentials: cors.allow_credentials,
        allow_headers: &cors.allow_headers,
        allow_methods: &cors.allow_methods,
        allow_origins: &cors.allow_origins,
        expose_headers: &cors.expose_headers,
        max_age: cors.max_age,
    }
}

/// The `corsConfiguration` of a request, if there is one.
pub(super) fn read(document: &Document) -> Result<Option<Cors>, Refusal> {
    let Some(cors) = document.object("corsConfiguration")? else {
        return Ok(None);
    };
    let list = |name: &str| -> Result<Vec<String>, Refusal> {
        let items = cors.texts(name)?.unwrap_or_default();
        if items.len() > LIST_MAX {
            return Err(Refusal::bad(format!(
                "{name} may hold at most {LIST_MAX} entries"
            )));
        }
        checks::distinct(name, &items)?;
        Ok(items)
    };
    let max_age = cors.integer("maxAge", -1, 86_400)?;
    let cors = Cors {
        allow_credentials: cors.flag("allowCredentials")?.unwrap_or(false),
        allow_headers: header_names("allowHeaders", list("allowHeaders")?)?,
        allow_methods: list("allowMethods")?,
        allow_origins: list("allowOrigins")?,
        expose_headers: header_names("exposeHeaders", list("exposeHeaders")?)?,
        max_age: max_age.and_then(|seconds| i32::try_from(seconds).ok()),
    };
    if let Some(bad) = cors
        .allow_methods
        .iter()
        .find(|m| !METHODS.contains(&m.as_str()))
    {
        return Err(Refusal::bad(format!(
            "Invalid method {bad} in allowMethods"
        )));
    }
    if let Some(bad) = cors.allow_origins.iter().find(|origin| !is_origin(origin)) {
        return Err(Refusal::bad(format!("Invalid format for origin {bad}")));
    }
    if cors.allow_credentials && cors.allow_origins.iter().any(|origin| origin == "*") {
        return Err(Refusal::bad(
            "allowCredentials cannot be true when allowOrigins holds the wildcard *",
        ));
    }
    Ok(Some(cors))
}

/// `*`, or `scheme://host`, where http and https may have a wildcard host.
fn is_origin(text: &str) -> bool {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let Some((scheme, host)) = text.split_once("://") else {
        return text == "*";
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let wild = host == "*" && matches!(scheme, "http" | "https");
    visible && !scheme.is_empty() && (wild || (!host.is_empty() && host.chars().all(plain)))
}

fn header_names(field: &str, names: Vec<String>) -> Result<Vec<String>, Refusal> {
    let token = |name: &str| http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    match names.iter().find(|name| *name != "*" && !token(name)) {
        Some(bad) => Err(Refusal::bad(format!(
            "Invalid header name {bad} in {field}"
        ))),
        None => Ok(names),
    }
}
