//! `x-amazon-apigateway-integration` becomes an integration.

use std::collections::BTreeMap;

use model::rest::{
    ConnectionType, ContentHandling, Integration, IntegrationResponse, IntegrationSettings,
    IntegrationType, MethodResponse, Passthrough, ResponseTransfer,
};

use super::super::fault::Fault;
use super::super::node::Node;
use super::Builder;
use super::methods::Place;
use super::settings::{status_of, word};

const TIMEOUT_MS: u32 = 29_000;
const TIMEOUT_MIN_MS: u32 = 50;

impl<'a> Builder<'a> {
    pub(super) fn integration(
        &mut self,
        node: &Node<'a>,
        place: &Place<'_, 'a>,
        responses: &BTreeMap<u16, MethodResponse>,
    ) -> Result<Integration, Fault> {
        let kind = node.get("type");
        let kind = kind.ok_or_else(|| node.fault("'type' is missing"))?;
        let kind = word(&kind, IntegrationType::parse)?;
        let optional = |key: &str| node.get(key);
        let timeout_ms = node.number_of("timeoutInMillis")?.unwrap_or(TIMEOUT_MS);
        if timeout_ms < TIMEOUT_MIN_MS {
            return Err(node.fault("timeoutInMillis must be at least 50"));
        }
        let tls = node.get("tlsConfig");
        let settings = IntegrationSettings {
            kind,
            http_method: http_method(node, kind)?,
            uri: uri(node, kind)?,
            connection_type: optional("connectionType")
                .map(|found| word(&found, ConnectionType::parse))
                .transpose()?,
            connection_id: node.text_of("connectionId")?,
            target: node.text_of("integrationTarget")?,
            credentials: node.text_of("credentials")?,
            request_parameters: node.map_of("requestParameters")?,
            request_templates: node.map_of("requestTemplates")?,
            passthrough: optional("passthroughBehavior")
                .map(|found| word(&found, Passthrough::parse))
                .transpose()?
                .unwrap_or(Passthrough::WhenNoMatch),
            content_handling: content_handling(node)?,
            timeout_ms,
            cache_namespace: node
                .text_of("cacheNamespace")?
                .unwrap_or_else(|| place.resource.to_string()),
            cache_key_parameters: node.texts_of("cacheKeyParameters")?,
            insecure_skip_verification: tls
                .map(|tls| tls.flag_of("insecureSkipVerification"))
                .transpose()?
                .flatten(),
            response_transfer: optional("responseTransferMode")
                .map(|found| word(&found, ResponseTransfer::parse))
                .transpose()?
                .unwrap_or(ResponseTransfer::Buffered),
        };
        let responses = match node.get("responses") {
            Some(found) => self.integration_responses(&found, kind, responses)?,
            None => BTreeMap::new(),
        };
        Ok(Integration {
            settings,
            responses,
        })
    }

    fn integration_responses(
        &mut self,
        node: &Node<'a>,
        kind: IntegrationType,
        declared: &BTreeMap<u16, MethodResponse>,
    ) -> Result<BTreeMap<u16, IntegrationResponse>, Fault> {
        let proxy = matches!(kind, IntegrationType::HttpProxy | IntegrationType::AwsProxy);
        let mut responses = BTreeMap::new();
        for (pattern, found) in node.object()? {
            let status = status_of(&found, "statusCode")?.or_else(|| pattern.parse().ok());
            let status = status.ok_or_else(|| found.fault("'statusCode' is missing"))?;
            if !declared.contains_key(&status) {
                let text = format!("Output mapping refers to an invalid method response: {status}");
                if !proxy {
                    return Err(found.fault(text));
                }
                // A proxy integration never looks at its responses.
                self.report.warn(&found.at, text);
                continue;
            }
            let response = IntegrationResponse {
                selection_pattern: (pattern != "default").then(|| pattern.to_owned()),
                parameters: found.map_of("responseParameters")?,
                templates: found.map_of("responseTemplates")?,
                content_handling: content_handling(&found)?,
            };
            undeclared(&response, declared.get(&status), &found)?;
            if responses.insert(status, response).is_some() {
                let text = format!("{status} has a response already; the last one counts");
                self.report.warn(&found.at, text);
            }
        }
        Ok(responses)
    }
}

/// Headers that are mapped must be declared.
fn undeclared(
    response: &IntegrationResponse,
    declared: Option<&MethodResponse>,
    node: &Node<'_>,
) -> Result<(), Fault> {
    let known = |key: &String| declared.is_some_and(|method| method.parameters.contains_key(key));
    match response.parameters.keys().find(|key| !known(key)) {
        Some(key) => Err(node.fault(format!(
            "Invalid mapping expression parameter specified: {key}"
        ))),
        None => Ok(()),
    }
}

fn http_method(node: &Node<'_>, kind: IntegrationType) -> Result<Option<String>, Fault> {
    let method = node.text_of("httpMethod")?.filter(|text| !text.is_empty());
    if method.is_none() && kind != IntegrationType::Mock {
        return Err(node.fault("Enumeration value for HttpMethod must be non-empty"));
    }
    Ok(method)
}

fn uri(node: &Node<'_>, kind: IntegrationType) -> Result<Option<String>, Fault> {
    let Some(found) = node.get("uri") else {
        return match kind {
            IntegrationType::Mock => Ok(None),
            _ => Err(node.fault("'uri' is missing")),
        };
    };
    let text = found.text()?;
    let web = ["http://", "https://", "${stageVariables."];
    match kind {
        IntegrationType::Http | IntegrationType::HttpProxy => {
            if !web.iter().any(|start| text.starts_with(start)) {
                return Err(found.fault("Invalid HTTP endpoint specified for URI"));
            }
        }
        IntegrationType::Aws | IntegrationType::AwsProxy => {
            if !text.starts_with("arn:") {
                return Err(found.fault("Invalid ARN specified in the request"));
            }
            if ![":path/", ":action/"]
                .iter()
                .any(|form| text.contains(form))
            {
                return Err(found.fault("AWS ARN for integration must contain path or action"));
            }
        }
        IntegrationType::Mock => {}
    }
    Ok(Some(text))
}

fn content_handling(node: &Node<'_>) -> Result<Option<ContentHandling>, Fault> {
    let found = node.get("contentHandling");
    found
        .map(|found| word(&found, ContentHandling::parse))
        .transpose()
}
