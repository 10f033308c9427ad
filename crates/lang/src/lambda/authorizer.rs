//! What authorizing functions are asked, and what they decide.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Pairs, all_values, answer::scalar, context::request_context, last_values};
use crate::policy::{Kind, Policy, PolicyError};

/// Asks about a token.
#[derive(Clone, Copy, Debug)]
pub struct TokenEvent<'a> {
    /// What is to be called.
    pub method_arn: &'a str,
    /// The header's value.
    pub token: &'a str,
}

/// Asks about a whole request.
#[derive(Clone, Copy, Debug)]
pub struct RequestEvent<'a> {
    /// What is to be called.
    pub method_arn: &'a str,
    /// Path of the resource as it is defined.
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
}

/// What a function decided: kept for as long as the authorizer says, and held against each request.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Who asks.
    pub principal_id: String,
    /// What they may call.
    pub policy: Policy,
    /// Facts for templates and integrations, all as texts.
    pub context: BTreeMap<String, String>,
    /// The API key that the request counts for.
    pub usage_identifier_key: Option<String>,
}

/// Why an answer is no decision. Each is answered 500.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedDecision {
    /// No JSON, or no object.
    #[error("the authorizer's answer is not a JSON object")]
    Object,
    /// Missing, empty or no text.
    #[error("principalId of the authorizer's answer is not a text")]
    Principal,
    /// Missing.
    #[error("the authorizer's answer has no policyDocument")]
    NoPolicy,
    /// Cannot be read.
    #[error("policyDocument of the authorizer's answer: {0}")]
    Policy(#[from] PolicyError),
    /// Something other than texts, numbers and booleans.
    #[error("context of the authorizer's answer holds more than texts, numbers and booleans")]
    Context,
    /// No text.
    #[error("usageIdentifierKey of the authorizer's answer is not a text")]
    UsageKey,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenWire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    method_arn: &'a str,
    authorization_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestWire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    method_arn: &'a str,
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: BTreeMap<&'a str, &'a str>,
    multi_value_headers: BTreeMap<&'a str, Vec<&'a str>>,
    query_string_parameters: BTreeMap<&'a str, &'a str>,
    multi_value_query_string_parameters: BTreeMap<&'a str, Vec<&'a str>>,
    path_parameters: BTreeMap<&'a str, &'a str>,
    stage_variables: &'a BTreeMap<String, String>,
    request_context: Value,
}

impl TokenEvent<'_> {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let wire = TokenWire {
            kind: "TOKEN",
            method_arn: self.method_arn,
            authorization_token: self.token,
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

impl RequestEvent<'_> {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let wire = RequestWire {
            kind: "REQUEST",
            method_arn: self.method_arn,
            resource: self.resource,
            path: self.path,
            http_method: self.http_method,
            headers: last_values(self.headers),
            multi_value_headers: all_values(self.headers),
            query_string_parameters: last_values(self.query),
            multi_value_query_string_parameters: all_values(self.query),
            path_parameters: last_values(self.path_parameters),
            stage_variables: self.stage_variables,
            request_context: request_context(self.context),
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}

impl Decision {
    /// Reads an authorizer's answer.
    ///
    /// # Errors
    /// Says what is wrong; clients get a 500 without any of it.
    pub fn parse(payload: &[u8]) -> Result<Self, MalformedDecision> {
        let value = serde_json::from_slice(payload).map_err(|_| MalformedDecision::Object)?;
        let Value::Object(fields) = value else {
            return Err(MalformedDecision::Object);
        };
        let principal = fields.get("principalId").and_then(Value::as_str);
        let principal = principal.filter(|principal| !principal.is_empty());
        let document = fields.get("policyDocument");
        let document = document.filter(|document| document.is_object());
        let document = document.ok_or(MalformedDecision::NoPolicy)?;
        let usage_identifier_key = match fields.get("usageIdentifierKey") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key.clone()),
            Some(_) => return Err(MalformedDecision::UsageKey),
        };
        Ok(Self {
            principal_id: principal.ok_or(MalformedDecision::Principal)?.to_owned(),
            policy: Policy::parse(&document.to_string(), Kind::Identity)?,
            context: context(fields.get("context"))?,
            usage_identifier_key,
        })
    }
}

fn context(value: Option<&Value>) -> Result<BTreeMap<String, String>, MalformedDecision> {
    let map = match value {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(MalformedDecision::Context),
    };
    let known = map.iter().filter(|(_, value)| !value.is_null());
    known
        .map(|(name, value)| {
            let text = scalar(value).ok_or(MalformedDecision::Context)?;
            Ok((name.clone(), text))
        })
        .collect()
}
