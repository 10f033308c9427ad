//! What each kind of integration must and may have, by protocol.

use std::collections::BTreeMap;

use model::{Integration, IntegrationKind, IntegrationPatch, rest::IntegrationType};

use super::checks;
use crate::refusal::Refusal;

/// Actions of AWS services that HTTP APIs call, and the parameters that each needs.
const SUBTYPES: [(&str, &[&str]); 10] = [
    ("EventBridge-PutEvents", &["Detail", "DetailType", "Source"]),
    ("SQS-SendMessage", &["QueueUrl", "MessageBody"]),
    ("SQS-ReceiveMessage", &["QueueUrl"]),
    ("SQS-DeleteMessage", &["ReceiptHandle", "QueueUrl"]),
    ("SQS-PurgeQueue", &["QueueUrl"]),
    (
        "AppConfig-GetConfiguration",
        &["Application", "Environment", "Configuration", "ClientId"],
    ),
    ("Kinesis-PutRecord", &["StreamName", "Data", "PartitionKey"]),
    ("StepFunctions-StartExecution", &["StateMachineArn"]),
    ("StepFunctions-StartSyncExecution", &["StateMachineArn"]),
    ("StepFunctions-StopExecution", &["ExecutionArn"]),
];
/// Headers that the gateway itself is responsible for.
const RESERVED: [&str; 18] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
];
const RESERVED_PREFIXES: [&str; 4] = ["access-control-", "apigw-", "x-amz-", "x-amzn-"];

/// An integration as it is to be.
pub(crate) struct Wanted<'a> {
    kind: IntegrationType,
    uri: Option<&'a str>,
    private: bool,
    credentials: bool,
    subtype: Option<&'a str>,
    /// Names of those that are given, and of those that stay.
    parameters: Vec<&'a str>,
    /// Whether it has what only WebSocket APIs have.
    socket_fields: Option<&'static str>,
    response_parameters: bool,
}

impl<'a> Wanted<'a> {
    /// A new one.
    pub(crate) fn new(kind: IntegrationType, patch: &'a IntegrationPatch) -> Self {
        let present = |text: &'a Option<String>| text.as_deref().filter(|text| !text.is_empty());
        let given = patch.request_parameters.iter();
        let given = given.filter(|(_, value)| !value.is_empty());
        let fields = [
            (
                "contentHandlingStrategy",
                patch.content_handling.flatten().is_some(),
            ),
            (
                "requestTemplates",
                patch
                    .request_templates
                    .as_ref()
                    .is_some_and(|t| !t.is_empty()),
            ),
            (
                "templateSelectionExpression",
                present(&patch.template_selection).is_some(),
            ),
            // Tools send what is usual without being asked.
            (
                "passthroughBehavior",
                patch
                    .passthrough
                    .is_some_and(|p| p.as_str() != "WHEN_NO_MATCH"),
            ),
        ];
        let socket = fields.into_iter().find(|(_, given)| *given);
        Self {
            kind,
            uri: present(&patch.uri),
            private: present(&patch.connection).is_some(),
            credentials: present(&patch.credentials).is_some(),
            subtype: present(&patch.subtype),
            parameters: given.map(|(name, _)| name.as_str()).collect(),
            socket_fields: socket.map(|(name, _)| name),
            response_parameters: !patch.response_parameters.is_empty(),
        }
    }

    /// What `known` becomes by `patch`.
    pub(crate) fn after(known: &'a Integration, patch: &'a IntegrationPatch) -> Self {
        let (kind, uri) = match &known.kind {
            IntegrationKind::HttpProxy { uri, .. } => (IntegrationType::HttpProxy, Some(uri)),
            IntegrationKind::Other(other) => (other.kind, other.uri.as_ref()),
        };
        let mut wanted = Self::new(patch.kind.unwrap_or(kind), patch);
        let mapping = &known.mapping;
        wanted.uri = wanted.uri.or(uri.map(String::as_str));
        if patch.connection.is_none() {
            wanted.private = mapping.connection.is_some();
        }
        if patch.credentials.is_none() {
            wanted.credentials = mapping.credentials.is_some();
        }
        if patch.subtype.is_none() {
            wanted.subtype = mapping.subtype.as_deref();
        }
        let gone = |name: &String| {
            patch
                .request_parameters
                .get(name)
                .is_some_and(String::is_empty)
        };
        let kept = mapping.request_parameters.keys();
        let kept = kept.filter(|name| !gone(name)).map(String::as_str);
        wanted.parameters.extend(kept);
        wanted
    }
}

/// Refuses an integration that could never run.
pub(crate) fn complete(wanted: &Wanted<'_>, socket: bool) -> Result<(), Refusal> {
    protocol(wanted, socket)?;
    let uri = wanted.uri.unwrap_or_default();
    match wanted.kind {
        IntegrationType::Mock => Ok(()),
        IntegrationType::Http | IntegrationType::HttpProxy if wanted.private => {
            if uri.is_empty() {
                return Err(Refusal::bad("integrationUri must be given"));
            }
            if uri.starts_with("arn:") {
                return Ok(());
            }
            checks::uri("integrationUri", uri.to_owned()).map(|_| ())
        }
        IntegrationType::Http | IntegrationType::HttpProxy => {
            if uri.is_empty() {
                return Err(Refusal::bad("integrationUri must be given"));
            }
            if uri.starts_with("arn:") {
                return Err(Refusal::bad(format!(
                    "Invalid HTTP endpoint specified for URI: {uri} needs connectionType VPC_LINK"
                )));
            }
            checks::uri("integrationUri", uri.to_owned()).map(|_| ())
        }
        IntegrationType::AwsProxy if wanted.subtype.is_some() => subtype(wanted),
        IntegrationType::Aws | IntegrationType::AwsProxy => {
            if uri.starts_with("arn:") || uri.starts_with("${stageVariables.") {
                return Ok(());
            }
            Err(Refusal::bad(format!(
                "Invalid ARN specified in the request: {uri}"
            )))
        }
    }
}

fn protocol(wanted: &Wanted<'_>, socket: bool) -> Result<(), Refusal> {
    if socket {
        if wanted.response_parameters || wanted.subtype.is_some() {
            return Err(Refusal::bad(
                "responseParameters and integrationSubtype are supported only for HTTP APIs",
            ));
        }
        let fits = |name: &str| {
            let mut places = ["header.", "querystring.", "path."].into_iter();
            let rest = name.strip_prefix("integration.request.");
            rest.is_some_and(|rest| {
                places.any(|place| rest.len() > place.len() && rest.starts_with(place))
            })
        };
        return match wanted.parameters.iter().find(|name| !fits(name)) {
            Some(wrong) => Err(bad_expression(wrong)),
            None => Ok(()),
        };
    }
    if !matches!(
        wanted.kind,
        IntegrationType::HttpProxy | IntegrationType::AwsProxy
    ) {
        return Err(Refusal::bad(format!(
            "Integration type {} is not supported for protocolType HTTP: it must be HTTP_PROXY or \
             AWS_PROXY",
            wanted.kind
        )));
    }
    if let Some(name) = wanted.socket_fields {
        return Err(Refusal::bad(format!(
            "{name} is supported only for WebSocket APIs"
        )));
    }
    if wanted.subtype.is_some() {
        return Ok(());
    }
    match wanted.parameters.iter().find(|name| !request_target(name)) {
        Some(wrong) => Err(bad_expression(wrong)),
        None => Ok(()),
    }
}

fn subtype(wanted: &Wanted<'_>) -> Result<(), Refusal> {
    let name = wanted.subtype.unwrap_or_default();
    let Some((_, needed)) = SUBTYPES.iter().find(|(known, _)| *known == name) else {
        return Err(Refusal::bad(format!(
            "Invalid integrationSubtype specified: {name}"
        )));
    };
    if !wanted.credentials {
        return Err(Refusal::bad(format!(
            "credentialsArn is required for integrationSubtype {name}"
        )));
    }
    match needed.iter().find(|one| !wanted.parameters.contains(one)) {
        Some(lost) => Err(Refusal::bad(format!(
            "Parameter {lost} is required for integrationSubtype {name}"
        ))),
        None => Ok(()),
    }
}

fn bad_expression(text: &str) -> Refusal {
    Refusal::bad(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid \
         mapping expression specified: {text}]"
    ))
}

/// `append:header.N` and its like, as an HTTP API's request is altered.
fn request_target(text: &str) -> bool {
    let Some((verb, place)) = text.split_once(':') else {
        return false;
    };
    let known = ["append", "overwrite", "remove"].contains(&verb);
    match place.split_once('.') {
        None => verb == "overwrite" && place == "path",
        Some(("header", name)) => known && free(name),
        Some(("querystring", name)) => known && !name.is_empty(),
        Some(_) => false,
    }
}

/// What an HTTP API may alter in an answer.
pub(crate) fn response_targets(all: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let fits = |text: &str| match text.split_once(':') {
        Some(("overwrite", "statuscode")) => true,
        Some(("append" | "overwrite" | "remove", place)) => {
            place.strip_prefix("header.").is_some_and(free)
        }
        _ => false,
    };
    match all.keys().find(|name| !fits(name)) {
        Some(wrong) => Err(bad_expression(wrong)),
        None => Ok(()),
    }
}

/// A status that a backend may answer.
pub(crate) fn status(text: &str) -> Result<(), Refusal> {
    let number: Option<u16> = text.parse().ok();
    if number.is_some_and(|number| (200..=599).contains(&number)) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "Invalid status code specified: {text}. It must be between 200 and 599"
    )))
}

/// Whether owners may map a header.
fn free(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    !lower.is_empty()
        && !RESERVED.contains(&lower.as_str())
        && !RESERVED_PREFIXES
            .iter()
            .any(|prefix| lower.starts_with(prefix))
}
