//! Paths and their methods.

use std::collections::BTreeMap;

use model::rest::{
    AuthorizationType, DocumentationKind, DocumentationLocation, Integration, IntegrationResponse,
    Method, MethodSettings, Passthrough, Resource, ResponseTransfer, Verb,
};
use serde_json::{Map, Value, json};

use super::{Writer, aggregate, put_some};

/// The time that an integration has unless it says otherwise.
const TIMEOUT_MS: u32 = 29_000;

impl Writer<'_> {
    pub(super) fn paths(&self) -> Map<String, Value> {
        let content = self.source.content;
        let mut paths = Map::new();
        for resource in content.resources.values() {
            if resource.methods.is_empty() {
                continue;
            }
            let path = content.path(&resource.id);
            let item = resource.methods.iter().map(|(verb, method)| {
                let name = match verb {
                    Verb::Any => "x-amazon-apigateway-any-method".to_owned(),
                    other => other.as_str().to_ascii_lowercase(),
                };
                (name, self.operation(&path, *verb, resource, method))
            });
            let item: Map<String, Value> = item.collect();
            paths.insert(path, Value::Object(item));
        }
        paths
    }

    fn operation(&self, path: &str, verb: Verb, resource: &Resource, method: &Method) -> Value {
        let settings = &method.settings;
        let place = |kind| location(kind, path, verb);
        let mut fields = self
            .documentation
            .of_location(&place(DocumentationKind::Method));
        put_some(
            &mut fields,
            "operationId",
            settings.operation_name.as_deref(),
        );
        self.put_request(&mut fields, path, verb, method);
        let responses = self.responses(path, verb, method);
        fields.insert("responses".to_owned(), Value::Object(responses));
        if let Some(security) = self.security(settings) {
            fields.insert("security".to_owned(), security);
        }
        if self.extensions.gateway
            && let Some(id) = &settings.validator
            && let Some(validator) = self.source.content.validators.get(id)
        {
            let name = validator.name.as_deref();
            put_some(&mut fields, "x-amazon-apigateway-request-validator", name);
        }
        if (self.extensions.integrations || self.extensions.gateway)
            && let Some(found) = &method.integration
        {
            let value = integration(found, resource);
            fields.insert("x-amazon-apigateway-integration".to_owned(), value);
        }
        if self.extensions.gateway
            && let Some(found) = &method.aggregate
        {
            fields.insert(
                "x-edgeway-aggregate".to_owned(),
                aggregate::aggregate(found),
            );
        }
        Value::Object(fields)
    }

    fn security(&self, settings: &MethodSettings) -> Option<Value> {
        let mut required = Map::new();
        if settings.api_key_required {
            required.insert(self.schemes.api_key.clone(), json!([]));
        }
        if settings.authorization == AuthorizationType::Iam {
            required.insert(self.schemes.iam.clone(), json!([]));
        }
        let name = settings
            .authorizer
            .as_ref()
            .filter(|_| settings.authorization.needs_authorizer())
            .and_then(|id| self.schemes.authorizers.get(id));
        if let Some(name) = name {
            required.insert(name.clone(), json!(settings.scopes));
        }
        // Each alone, as Amazon writes them; a method needs all of them in any case.
        let choices: Vec<Value> = required
            .into_iter()
            .map(|(name, scopes)| json!({ name: scopes }))
            .collect();
        (!choices.is_empty()).then_some(Value::Array(choices))
    }
}

pub(super) fn location(kind: DocumentationKind, path: &str, verb: Verb) -> DocumentationLocation {
    DocumentationLocation {
        kind,
        path: Some(path.to_owned()),
        method: Some(verb.to_string()),
        status: None,
        name: None,
    }
}

fn integration(integration: &Integration, resource: &Resource) -> Value {
    let settings = &integration.settings;
    let mut fields = Map::new();
    let lower = |word: &str| word.to_ascii_lowercase();
    fields.insert("type".to_owned(), json!(lower(settings.kind.as_str())));
    put_some(&mut fields, "httpMethod", settings.http_method.as_deref());
    put_some(&mut fields, "uri", settings.uri.as_deref());
    put_some(
        &mut fields,
        "connectionType",
        settings.connection_type.map(|t| t.as_str()),
    );
    put_some(
        &mut fields,
        "connectionId",
        settings.connection_id.as_deref(),
    );
    put_some(&mut fields, "integrationTarget", settings.target.as_deref());
    put_some(&mut fields, "credentials", settings.credentials.as_deref());
    put_map(
        &mut fields,
        "requestParameters",
        &settings.request_parameters,
    );
    put_map(&mut fields, "requestTemplates", &settings.request_templates);
    let passthrough = lower(settings.passthrough.as_str());
    if settings.passthrough != Passthrough::WhenNoMatch || settings.uri.is_none() {
        fields.insert("passthroughBehavior".to_owned(), json!(passthrough));
    }
    put_some(
        &mut fields,
        "contentHandling",
        settings.content_handling.map(|handling| handling.as_str()),
    );
    if settings.timeout_ms != TIMEOUT_MS {
        fields.insert("timeoutInMillis".to_owned(), json!(settings.timeout_ms));
    }
    if settings.cache_namespace != resource.id.as_str() {
        fields.insert("cacheNamespace".to_owned(), json!(settings.cache_namespace));
    }
    if !settings.cache_key_parameters.is_empty() {
        let parameters = json!(settings.cache_key_parameters);
        fields.insert("cacheKeyParameters".to_owned(), parameters);
    }
    if let Some(skip) = settings.insecure_skip_verification {
        let tls = json!({ "insecureSkipVerification": skip });
        fields.insert("tlsConfig".to_owned(), tls);
    }
    if settings.response_transfer != ResponseTransfer::Buffered {
        let mode = settings.response_transfer.as_str();
        fields.insert("responseTransferMode".to_owned(), json!(mode));
    }
    let responses: Map<String, Value> = integration.responses.iter().map(response).collect();
    if !responses.is_empty() {
        fields.insert("responses".to_owned(), Value::Object(responses));
    }
    Value::Object(fields)
}

fn response((status, response): (&u16, &IntegrationResponse)) -> (String, Value) {
    let mut fields = Map::new();
    fields.insert("statusCode".to_owned(), json!(status.to_string()));
    put_map(&mut fields, "responseParameters", &response.parameters);
    put_map(&mut fields, "responseTemplates", &response.templates);
    put_some(
        &mut fields,
        "contentHandling",
        response.content_handling.map(|handling| handling.as_str()),
    );
    let pattern = response.selection_pattern.as_deref().unwrap_or("default");
    (pattern.to_owned(), Value::Object(fields))
}

fn put_map(fields: &mut Map<String, Value>, name: &str, map: &BTreeMap<String, String>) {
    if !map.is_empty() {
        fields.insert(name.to_owned(), json!(map));
    }
}
