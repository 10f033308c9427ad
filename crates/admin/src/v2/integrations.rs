//! `Integration`: `HTTP_PROXY` only.

use http::StatusCode;
use model::{
    Config, Integration, IntegrationId, IntegrationKind, IntegrationPatch, Op, ResourceKind,
};
use serde::Serialize;

use super::{apis::present, checks, content};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    page::page,
    refusal::Refusal,
};

const TIMEOUT_MS: u32 = 30_000;
const METHODS: [&str; 8] = [
    "ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
];
const OTHER_TYPES: [&str; 4] = ["AWS", "AWS_PROXY", "HTTP", "MOCK"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntegrationShape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_gateway_managed: Option<bool>,
    connection_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    integration_id: &'a str,
    integration_method: &'a str,
    integration_type: &'static str,
    integration_uri: &'a str,
    payload_format_version: &'a str,
    timeout_in_millis: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_config: Option<TlsShape<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsShape<'a> {
    server_name_to_verify: &'a str,
}

fn shape(integration: &Integration) -> IntegrationShape<'_> {
    let IntegrationKind::HttpProxy {
        uri,
        method,
        server_name,
    } = &integration.kind;
    let name = server_name.as_deref();
    IntegrationShape {
        api_gateway_managed: integration.managed.then_some(true),
        connection_type: "INTERNET",
        description: integration.description.as_deref(),
        integration_id: integration.id.as_str(),
        integration_method: method.as_deref().unwrap_or("ANY"),
        integration_type: "HTTP_PROXY",
        integration_uri: uri,
        payload_format_version: &integration.payload_format_version,
        timeout_in_millis: integration.timeout_ms,
        tls_config: name.map(|server_name_to_verify| TlsShape {
            server_name_to_verify,
        }),
    }
}

/// The integration that quick create makes.
pub(super) fn quick(uri: String) -> Integration {
    Integration {
        id: ids::short().into(),
        kind: IntegrationKind::HttpProxy {
            uri,
            method: None,
            server_name: None,
        },
        description: None,
        timeout_ms: TIMEOUT_MS,
        payload_format_version: "1.0".to_owned(),
        managed: true,
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let integrations = content(call.config, call.argument(0))?
        .integrations
        .values();
    page(call, integrations.map(|one| (one.id.as_str(), shape(one))))
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(
        call.config,
        call.argument(0),
        call.argument(1),
        StatusCode::OK,
    )
}

fn render(config: &Config, api: &str, id: &str, status: StatusCode) -> Result<Answer, Refusal> {
    let found = content(config, api)?.integrations.get(id);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Integration, id))?;
    Answer::json(status, &shape(found))
}

pub(super) fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let document = &call.document;
    if document.text("integrationType")?.is_none() {
        return Err(Refusal::bad("integrationType must be given"));
    }
    let patch = read(document)?;
    let uri = patch
        .uri
        .ok_or_else(|| Refusal::bad("integrationUri must be given"))?;
    let id = IntegrationId::from(ids::short());
    let integration = Integration {
        id: id.clone(),
        kind: IntegrationKind::HttpProxy {
            uri,
            method: patch.method.filter(|method| method != "ANY"),
            server_name: present(patch.server_name),
        },
        description: present(patch.description),
        timeout_ms: patch.timeout_ms.unwrap_or(TIMEOUT_MS),
        payload_format_version: patch
            .payload_format_version
            .unwrap_or_else(|| "1.0".to_owned()),
        managed: false,
    };
    let api = call.argument(0).to_owned();
    let op = Op::CreateIntegration(api.as_str().into(), integration);
    Ok(Write::showing(op, move |config| {
        render(config, &api, id.as_str(), StatusCode::CREATED)
    }))
}

pub(super) fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let patch = read(&call.document)?;
    let (api, id) = (call.argument(0).to_owned(), call.argument(1).to_owned());
    let op = Op::UpdateIntegration(api.as_str().into(), id.as_str().into(), patch);
    Ok(Write::showing(op, move |config| {
        render(config, &api, &id, StatusCode::OK)
    }))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, id) = (call.argument(0).into(), call.argument(1).into());
    Ok(Write::silent(Op::DeleteIntegration(api, id)))
}

/// The fields that both a new and an altered integration have.
fn read(document: &Document) -> Result<IntegrationPatch, Refusal> {
    document.unsupported(&[
        "connectionId",
        "contentHandlingStrategy",
        "credentialsArn",
        "integrationSubtype",
        "requestParameters",
        "requestTemplates",
        "responseParameters",
        "templateSelectionExpression",
    ])?;
    document.only("integrationType", "HTTP_PROXY", &OTHER_TYPES)?;
    document.only("connectionType", "INTERNET", &["VPC_LINK"])?;
    document.only(
        "passthroughBehavior",
        "WHEN_NO_MATCH",
        &["NEVER", "WHEN_NO_TEMPLATES"],
    )?;
    document.only("payloadFormatVersion", "1.0", &["2.0"])?;
    let method = present(document.text("integrationMethod")?);
    if let Some(bad) = method.as_deref().filter(|method| !METHODS.contains(method)) {
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
    let uri = document.sized("integrationUri", 1, 2048)?;
    let timeout = document.integer("timeoutInMillis", 50, 30_000)?;
    Ok(IntegrationPatch {
        uri: uri
            .map(|uri| checks::uri("integrationUri", uri))
            .transpose()?,
        method,
        server_name,
        description: document.sized("description", 0, 1024)?,
        timeout_ms: timeout.and_then(|ms| u32::try_from(ms).ok()),
        payload_format_version: present(document.text("payloadFormatVersion")?),
    })
}
