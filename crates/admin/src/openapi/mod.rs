//! OpenAPI files: of REST APIs (`read`, `write`) and of HTTP APIs (`http_read`, `http_write`).
//!
//! OpenAPI 2.0 and 3.0 with the `x-amazon-apigateway-*` extensions, in JSON or YAML. Files are
//! worked on as trees of JSON values: what an extension means is not in any type that others
//! offer, and an unknown field is not an error. Operations that carry files to and fro are in `v1`
//! and `v2`.

mod fault;
mod http_read;
mod http_security;
mod http_write;
mod node;
pub(crate) mod read;
mod references;
mod source;
pub(crate) mod write;

#[cfg(test)]
mod aggregate_tests;
#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(crate) use http_read::{HttpRead, http_api};
pub(crate) use http_write::http_document;
pub(crate) use source::{Substitutions, parse};

use crate::refusal::Refusal;

/// The media type and the bytes of a file.
///
/// # Errors
/// Only for what no format can represent.
pub(crate) fn bytes(file: &Value, yaml: bool) -> Result<(&'static str, Vec<u8>), Refusal> {
    let failed = |error: String| Refusal::Internal(format!("writing the file failed: {error}"));
    if yaml {
        let text = yaml_serde::to_string(file).map_err(|error| failed(error.to_string()))?;
        return Ok(("application/yaml", text.into_bytes()));
    }
    let bytes = serde_json::to_vec_pretty(file).map_err(|error| failed(error.to_string()))?;
    Ok(("application/json", bytes))
}
