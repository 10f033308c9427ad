//! Changes to an integration of an HTTP or WebSocket API, field by field.

use std::collections::BTreeMap;

use super::text;
use crate::{
    Integration, IntegrationKind, IntegrationPatch, Rejection,
    rest::IntegrationType,
    v2::{Mapping, OtherIntegration},
};

/// What every kind of integration has, so that one kind can become another.
struct Parts {
    kind: IntegrationType,
    uri: Option<String>,
    method: Option<String>,
    server_name: Option<String>,
}

impl Integration {
    pub(super) fn patch(&mut self, patch: IntegrationPatch) -> Result<(), Rejection> {
        let mut parts = Parts::of(&self.kind);
        parts.kind = patch.kind.unwrap_or(parts.kind);
        if let Some(new) = &patch.uri {
            parts.uri = text(new.clone());
        }
        if let Some(new) = &patch.method {
            parts.method = text(new.clone());
        }
        if let Some(new) = &patch.server_name {
            parts.server_name = text(new.clone());
        }
        if let Some(new) = &patch.description {
            self.description = text(new.clone());
        }
        self.timeout_ms = patch.timeout_ms.unwrap_or(self.timeout_ms);
        if let Some(new) = &patch.payload_format_version {
            self.payload_format_version.clone_from(new);
        }
        self.mapping.patch(patch);
        self.kind = parts.done(self.mapping.connection.is_some())?;
        Ok(())
    }
}

impl Parts {
    fn of(kind: &IntegrationKind) -> Self {
        match kind {
            IntegrationKind::HttpProxy {
                uri,
                method,
                server_name,
            } => Self {
                kind: IntegrationType::HttpProxy,
                uri: Some(uri.clone()),
                method: method.clone(),
                server_name: server_name.clone(),
            },
            IntegrationKind::Other(other) => Self {
                kind: other.kind,
                uri: other.uri.clone(),
                method: other.method.clone(),
                server_name: other.server_name.clone(),
            },
        }
    }

    fn done(self, private: bool) -> Result<IntegrationKind, Rejection> {
        let Self {
            kind,
            uri,
            method,
            server_name,
        } = self;
        if kind != IntegrationType::Mock && kind != IntegrationType::AwsProxy && uri.is_none() {
            return Err(Rejection::invalid(
                "integrationUri",
                "integrationUri must be given",
            ));
        }
        let arn = uri.as_deref().is_some_and(|uri| uri.starts_with("arn:"));
        match uri {
            Some(uri) if kind == IntegrationType::HttpProxy && !private => {
                if arn {
                    return Err(Rejection::invalid(
                        "integrationUri",
                        "Invalid HTTP endpoint specified for URI: an ARN needs connectionType \
                         VPC_LINK",
                    ));
                }
                Ok(IntegrationKind::HttpProxy {
                    uri,
                    method: method.filter(|method| method != "ANY"),
                    server_name,
                })
            }
            uri => Ok(IntegrationKind::Other(Box::new(OtherIntegration {
                kind,
                uri,
                method,
                server_name,
            }))),
        }
    }
}

impl Mapping {
    fn patch(&mut self, patch: IntegrationPatch) {
        if let Some(new) = patch.connection {
            self.connection = text(new);
        }
        if let Some(new) = patch.credentials {
            self.credentials = text(new);
        }
        if let Some(new) = patch.subtype {
            self.subtype = text(new);
        }
        self.content_handling = patch.content_handling.unwrap_or(self.content_handling);
        self.passthrough = patch.passthrough.or(self.passthrough);
        merge(&mut self.request_parameters, patch.request_parameters);
        if let Some(new) = patch.request_templates {
            self.request_templates = new;
        }
        if let Some(new) = patch.template_selection {
            self.template_selection = text(new);
        }
        for (status, parameters) in patch.response_parameters {
            if parameters.is_empty() {
                self.response_parameters.remove(&status);
                continue;
            }
            let known = self.response_parameters.entry(status.clone()).or_default();
            merge(known, parameters);
            if known.is_empty() {
                self.response_parameters.remove(&status);
            }
        }
    }
}

/// An empty value takes a parameter away.
fn merge(known: &mut BTreeMap<String, String>, new: BTreeMap<String, String>) {
    for (name, value) in new {
        if value.is_empty() {
            known.remove(&name);
        } else {
            known.insert(name, value);
        }
    }
}
