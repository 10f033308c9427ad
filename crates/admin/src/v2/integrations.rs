//! `Integration`: what a route calls. What each kind must have is in `integration_rules`.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    Config, Integration, IntegrationId, IntegrationKind, IntegrationPatch, Op, ResourceKind,
    rest::{ContentHandling, IntegrationType, Passthrough},
    v2::{Mapping, OtherIntegration},
};
use serde_json::{Map, Value, json};

use super::{checks, content, integration_rules as rules, kept, route_settings::is_socket, word};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    page::page,
    refusal::Refusal,
    v1::view::{View, object},
};

const ALL: &str = "/v2/apis/{api}/integrations";
const ONE: &str = "/v2/apis/{api}/integrations/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetIntegrations", ALL, list),
    write("CreateIntegration", "POST", ALL, create),
    read("GetIntegration", ONE, show),
    write("UpdateIntegration", "PATCH", ONE, update),
    write("DeleteIntegration", "DELETE", ONE, delete),
];

const TIMEOUT_MS: u32 = 30_000;
const SOCKET_TIMEOUT_MS: u32 = 29_000;
const METHODS: [&str; 8] = [
    "ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
];

fn shape(integration: &Integration, socket: bool) -> Value {
    let mapping = &integration.mapping;
    let (kind, uri, method, server_name) = match &integration.kind {
        IntegrationKind::HttpProxy {
            uri,
            method,
            server_name,
        } => {
            let method = method.as_deref().unwrap_or("ANY");
            let kind = IntegrationType::HttpProxy;
            (kind, Some(uri), Some(method), server_name)
        }
        IntegrationKind::Other(other) => {
            let method = other.method.as_deref();
            (other.kind, other.uri.as_ref(), method, &other.server_name)
        }
    };
    let selection = socket.then(|| selection(kind));
    let link = mapping.connection.as_deref();
    let handling = mapping.content_handling.map(ContentHandling::as_str);
    let passthrough = mapping
        .passthrough
        .or(socket.then_some(Passthrough::WhenNoMatch));
    let tls = server_name.as_deref();
    let responses = mapping.response_parameters.iter();
    let responses = responses.map(|(status, one)| (status.clone(), object(one)));
    View::default()
        .maybe("apiGatewayManaged", integration.managed.then_some(true))
        .maybe("connectionId", link)
        .put(
            "connectionType",
            if link.is_some() {
                "VPC_LINK"
            } else {
                "INTERNET"
            },
        )
        .maybe("contentHandlingStrategy", handling)
        .maybe("credentialsArn", mapping.credentials.as_deref())
        .maybe("description", integration.description.as_deref())
        .put("integrationId", integration.id.as_str())
        .maybe("integrationMethod", method)
        .maybe("integrationResponseSelectionExpression", selection)
        .maybe("integrationSubtype", mapping.subtype.as_deref())
        .put("integrationType", kind.as_str())
        .maybe("integrationUri", uri.map(String::as_str))
        .maybe("passthroughBehavior", passthrough.map(Passthrough::as_str))
        .put(
            "payloadFormatVersion",
            integration.payload_format_version.as_str(),
        )
        .filled("requestParameters", object(&mapping.request_parameters))
        .filled("requestTemplates", object(&mapping.request_templates))
        .filled(
            "responseParameters",
            Value::Object(responses.collect::<Map<_, _>>()),
        )
        .maybe(
            "templateSelectionExpression",
            mapping.template_selection.as_deref(),
        )
        .put("timeoutInMillis", integration.timeout_ms)
        .maybe(
            "tlsConfig",
            tls.map(|name| json!({ "serverNameToVerify": name })),
        )
        .done()
}

/// What says which response of a WebSocket API's integration is meant.
const fn selection(kind: IntegrationType) -> &'static str {
    match kind {
        IntegrationType::AwsProxy | IntegrationType::Aws => {
            "${integration.response.body.errorMessage}"
        }
        IntegrationType::Http | IntegrationType::HttpProxy | IntegrationType::Mock => {
            "${integration.response.statuscode}"
        }
    }
}

/// The integration that quick create makes: an HTTP backend or a function.
pub(super) fn quick(uri: String, credentials: Option<String>) -> Integration {
    let function = uri.starts_with("arn:");
    let kind = if function {
        IntegrationKind::Other(Box::new(OtherIntegration {
            kind: IntegrationType::AwsProxy,
            uri: Some(uri),
            method: None,
            server_name: None,
        }))
    } else {
        IntegrationKind::HttpProxy {
            uri,
            method: None,
            server_name: None,
        }
    };
    Integration {
        id: ids::short().into(),
        kind,
        description: None,
        timeout_ms: TIMEOUT_MS,
        payload_format_version: if function { "2.0" } else { "1.0" }.to_owned(),
        managed: true,
        mapping: Box::new(Mapping {
            credentials,
            ..Mapping::default()
        }),
    }
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let socket = is_socket(call)?;
    let all = content(call.config, call.argument(0))?
        .integrations
        .values();
    page(call, all.map(|one| (one.id.as_str(), shape(one, socket))))
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let socket = is_socket(call)?;
    let (api, id) = (call.argument(0), call.argument(1));
    Answer::ok(&shape(found(call.config, api, id)?, socket))
}

fn found<'c>(config: &'c Config, api: &str, id: &str) -> Result<&'c Integration, Refusal> {
    let found = content(config, api)?.integrations.get(id);
    Ok(found.ok_or_else(|| Refusal::not_found(ResourceKind::Integration, id))?)
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let socket = is_socket(call)?;
    let id = IntegrationId::from(ids::short());
    let integration = integration(&call.document, socket, id.clone())?;
    let api = call.argument(0).to_owned();
    let op = Op::CreateIntegration(api.as_str().into(), integration);
    Ok(Write::showing(op, move |config| {
        let made = found(config, &api, id.as_str())?;
        Answer::json(StatusCode::CREATED, &shape(made, socket))
    }))
}

/// A new integration, out of what `CreateIntegration` takes.
pub(crate) fn integration(
    document: &Document,
    socket: bool,
    id: IntegrationId,
) -> Result<Integration, Refusal> {
    let mut patch = read_patch(document)?;
    let kind = patch
        .kind
        .ok_or_else(|| Refusal::bad("integrationType must be given"))?;
    rules::complete(&rules::Wanted::new(kind, &patch), socket)?;
    patch.passthrough = patch.passthrough.filter(|_| socket);
    let usual = if socket {
        SOCKET_TIMEOUT_MS
    } else {
        TIMEOUT_MS
    };
    let version = patch.payload_format_version.clone();
    Ok(Integration {
        timeout_ms: patch.timeout_ms.unwrap_or(usual),
        payload_format_version: version.unwrap_or_else(|| "1.0".to_owned()),
        description: patch.description.clone().filter(|text| !text.is_empty()),
        ..made(kind, patch, id)
    })
}

/// The kind and the mapping of a new integration.
fn made(kind: IntegrationType, patch: IntegrationPatch, id: IntegrationId) -> Integration {
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let connection = present(patch.connection);
    let public = kind == IntegrationType::HttpProxy && connection.is_none();
    let (method, server_name) = (present(patch.method), present(patch.server_name));
    let kind = match patch.uri {
        Some(uri) if public => IntegrationKind::HttpProxy {
            uri,
            method: method.filter(|method| method != "ANY"),
            server_name,
        },
        uri => IntegrationKind::Other(Box::new(OtherIntegration {
            kind,
            uri,
            method,
            server_name,
        })),
    };
    let mut mapping = Mapping {
        connection,
        credentials: present(patch.credentials),
        subtype: present(patch.subtype),
        content_handling: patch.content_handling.flatten(),
        passthrough: patch.passthrough,
        request_parameters: patch.request_parameters,
        request_templates: patch.request_templates.unwrap_or_default(),
        template_selection: present(patch.template_selection),
        response_parameters: patch.response_parameters,
        responses: BTreeMap::new(),
    };
    mapping
        .request_parameters
        .retain(|_, value| !value.is_empty());
    mapping.response_parameters.retain(|_, one| !one.is_empty());
    Integration {
        id,
        kind,
        description: None,
        timeout_ms: TIMEOUT_MS,
        payload_format_version: String::new(),
        managed: false,
        mapping: Box::new(mapping),
    }
}

fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let socket = is_socket(call)?;
    let mut patch = read_patch(&call.document)?;
    let (api, id) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let known = found(call.config, &api, &id)?;
    rules::complete(&rules::Wanted::after(known, &patch), socket)?;
    patch.passthrough = patch.passthrough.filter(|_| socket);
    let op = Op::UpdateIntegration(api.as_str().into(), id.as_str().into(), patch);
    Ok(Write::showing(op, move |config| {
        Answer::ok(&shape(found(config, &api, &id)?, socket))
    }))
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteIntegration(api, id)))
}

/// The fields that both a new and an altered integration have.
fn read_patch(document: &Document) -> Result<IntegrationPatch, Refusal> {
    let kind = word(
        document,
        "integrationType",
        IntegrationType::parse,
        IntegrationType::WORDS,
    )?;
    let method = document.text("integrationMethod")?;
    let named = method.as_deref().filter(|method| !method.is_empty());
    if let Some(bad) = named.filter(|method| !METHODS.contains(method)) {
        let valid = METHODS.join(",");
        return Err(Refusal::bad(format!(
            "Invalid HttpMethod specified: {bad}. Valid options are {valid}"
        )));
    }
    let tls = document.object("tlsConfig")?.unwrap_or_default();
    let server_name = tls.sized("serverNameToVerify", 0, 253)?;
    if let Some(name) = server_name.as_deref().filter(|name| !name.is_empty()) {
        checks::domain_name(name, "")?;
    }
    let timeout = document.integer("timeoutInMillis", 50, 30_000)?;
    let handling = match document.text("contentHandlingStrategy")?.as_deref() {
        None => None,
        Some("") => Some(None),
        Some(_) => Some(word(
            document,
            "contentHandlingStrategy",
            ContentHandling::parse,
            ContentHandling::WORDS,
        )?),
    };
    let passthrough = word(
        document,
        "passthroughBehavior",
        Passthrough::parse,
        Passthrough::WORDS,
    )?;
    let version = kept(document, "payloadFormatVersion", None)?;
    if let Some(wrong) = version
        .as_deref()
        .filter(|text| !["1.0", "2.0"].contains(text))
    {
        return Err(document.outside("payloadFormatVersion", wrong, &["1.0", "2.0"]));
    }
    Ok(IntegrationPatch {
        kind,
        connection: connection(document)?,
        credentials: document.sized("credentialsArn", 0, 2_048)?,
        subtype: document.sized("integrationSubtype", 0, 128)?,
        content_handling: handling,
        passthrough,
        request_parameters: document.map("requestParameters")?.unwrap_or_default(),
        request_templates: document.map("requestTemplates")?,
        template_selection: document.sized("templateSelectionExpression", 0, 128)?,
        response_parameters: response_parameters(document)?,
        uri: document.sized("integrationUri", 1, 2_048)?,
        method,
        server_name,
        description: document.sized("description", 0, 1_024)?,
        timeout_ms: timeout.and_then(|ms| u32::try_from(ms).ok()),
        payload_format_version: version,
    })
}

/// The VPC link; empty for none.
fn connection(document: &Document) -> Result<Option<String>, Refusal> {
    let id = document.sized("connectionId", 0, 1_024)?;
    match document.text("connectionType")?.as_deref() {
        Some("INTERNET") if id.as_deref().is_some_and(|id| !id.is_empty()) => {
            Err(Refusal::bad("connectionId is for connectionType VPC_LINK"))
        }
        Some("INTERNET") => Ok(Some(String::new())),
        Some("VPC_LINK") if id.as_deref() == Some("") => {
            Err(Refusal::bad("connectionId must be given for VPC_LINK"))
        }
        None | Some("" | "VPC_LINK") => Ok(id),
        Some(other) => {
            let all = ["INTERNET", "VPC_LINK"];
            Err(document.outside("connectionType", other, &all))
        }
    }
}

fn response_parameters(
    document: &Document,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, Refusal> {
    let Some(given) = document.object("responseParameters")? else {
        return Ok(BTreeMap::new());
    };
    let names: Vec<String> = given.names().map(str::to_owned).collect();
    let read = |status: String| {
        let one = given.map(&status)?.unwrap_or_default();
        rules::status(&status)?;
        rules::response_targets(&one)?;
        Ok((status, one))
    };
    names.into_iter().map(read).collect()
}
