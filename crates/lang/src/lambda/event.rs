//! The event of a proxy integration, payload version 1.0.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Pairs, all_values, context::request_context, last_values};

/// A request as a function sees it.
#[derive(Clone, Copy, Debug)]
pub struct ProxyEvent<'a> {
    /// Path of the resource as it is defined, such as `/pets/{id}`.
    pub resource: &'a str,
    /// The request's path, decoded, without the stage.
    pub path: &'a str,
    /// The request's method.
    pub http_method: &'a str,
    /// In the order of arrival, spelled as they are to appear.
    pub headers: &'a Pairs,
    /// Decoded.
    pub query: &'a Pairs,
    /// Decoded.
    pub path_parameters: &'a Pairs,
    /// Of the stage.
    pub stage_variables: &'a BTreeMap<String, String>,
    /// The tree that templates see as `$context`.
    pub context: &'a Value,
    /// None if there is none.
    pub body: Option<&'a str>,
    /// Whether the body is base64 text.
    pub is_base64_encoded: bool,
}

/// Its fields in the order in which Amazon writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Option<BTreeMap<&'a str, &'a str>>,
    multi_value_headers: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    query_string_parameters: Option<BTreeMap<&'a str, &'a str>>,
    multi_value_query_string_parameters: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    path_parameters: Option<BTreeMap<&'a str, &'a str>>,
    stage_variables: Option<&'a BTreeMap<String, String>>,
    request_context: Value,
    body: Option<&'a str>,
    is_base64_encoded: bool,
}

impl ProxyEvent<'_> {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let single = |pairs| Some(last_values(pairs)).filter(|map| !map.is_empty());
        let multi = |pairs| Some(all_values(pairs)).filter(|map| !map.is_empty());
        let wire = Wire {
            resource: self.resource,
            path: self.path,
            http_method: self.http_method,
            headers: single(self.headers),
            multi_value_headers: multi(self.headers),
            query_string_parameters: single(self.query),
            multi_value_query_string_parameters: multi(self.query),
            path_parameters: single(self.path_parameters),
            stage_variables: Some(self.stage_variables).filter(|map| !map.is_empty()),
            request_context: request_context(self.context),
            body: self.body,
            is_base64_encoded: self.is_base64_encoded,
        };
        // Maps with text as keys and plain values: writing them cannot fail.
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}
