//! From an HTTP API to an OpenAPI 3.0 file, which makes the same API when it is read.

use model::{Api, HttpContent, Integration, IntegrationId, IntegrationKind, RouteKey};
use serde_json::{Map, Value, json};

use super::http_security;

const TIMEOUT_MS: u32 = 30_000;

/// A file that describes an HTTP API as deployed; with Amazon's extensions if `extensions`.
pub(crate) fn http_document(
    api: &Api,
    content: &HttpContent,
    (host, stage, created): (&str, Option<&str>, &str),
    extensions: bool,
) -> Value {
    let mut info = Map::new();
    info.insert("title".to_owned(), json!(api.name));
    let version = api.version.as_deref().unwrap_or(created);
    info.insert("version".to_owned(), json!(version));
    if let Some(description) = &api.description {
        info.insert("description".to_owned(), json!(description));
    }
    let mut paths: Map<String, Value> = Map::new();
    for route in content.routes.values() {
        let (path, method) = match &route.key {
            RouteKey::Default => ("/$default".to_owned(), None),
            RouteKey::Path { method, path } => (path.to_string(), method.clone()),
            // HTTP APIs have no such keys.
            RouteKey::Message(_) => continue,
        };
        let name = match method {
            Some(method) => method.to_ascii_lowercase(),
            None => "x-amazon-apigateway-any-method".to_owned(),
        };
        let mut fields = Map::new();
        if let Some(id) = &route.operation_name {
            fields.insert("operationId".to_owned(), json!(id));
        }
        let text = format!("Default response for {}", route.key);
        fields.insert(
            "responses".to_owned(),
            json!({"default": {"description": text}}),
        );
        if let Some(security) = http_security::asked(content, &route.rules) {
            fields.insert("security".to_owned(), security);
        }
        let integration = route.target.as_ref();
        if let Some(found) = integration.and_then(|id| content.integrations.get(id))
            && extensions
        {
            let value = if shared(content, &found.id) {
                json!({ "$ref": format!("#/components/{INTEGRATIONS}/{}", found.id) })
            } else {
                integration_fields(found)
            };
            fields.insert("x-amazon-apigateway-integration".to_owned(), value);
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(name, Value::Object(fields));
        }
    }
    let base = stage
        .filter(|stage| *stage != "$default")
        .unwrap_or_default();
    let mut file = json!({
        "openapi": "3.0.1",
        "info": info,
        "servers": [{
            "url": format!("https://{host}/{{basePath}}"),
            "variables": { "basePath": { "default": base } },
        }],
        "paths": paths,
    });
    if let Some(fields) = file.as_object_mut() {
        put_components(fields, content, extensions);
    }
    if let (true, Some(fields)) = (extensions, file.as_object_mut()) {
        put_extensions(fields, api, content);
    }
    file
}

fn put_extensions(file: &mut Map<String, Value>, api: &Api, content: &HttpContent) {
    let version = "x-amazon-apigateway-importexport-version";
    file.insert(version.to_owned(), json!("1.0"));
    if api.disable_execute_api_endpoint {
        let endpoint = "x-amazon-apigateway-endpoint-configuration";
        let value = json!({ "disableExecuteApiEndpoint": true });
        if let Some(server) = file.get_mut("servers").and_then(|all| all.get_mut(0))
            && let Some(fields) = server.as_object_mut()
        {
            fields.insert(endpoint.to_owned(), value);
        }
    }
    let Some(cors) = &content.cors else { return };
    let mut fields = Map::new();
    fields.insert("allowCredentials".to_owned(), json!(cors.allow_credentials));
    let lists = [
        ("allowHeaders", &cors.allow_headers),
        ("allowMethods", &cors.allow_methods),
        ("allowOrigins", &cors.allow_origins),
        ("exposeHeaders", &cors.expose_headers),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        fields.insert(name.to_owned(), json!(list));
    }
    if let Some(age) = cors.max_age {
        fields.insert("maxAge".to_owned(), json!(age));
    }
    file.insert("x-amazon-apigateway-cors".to_owned(), Value::Object(fields));
}

const INTEGRATIONS: &str = "x-amazon-apigateway-integrations";

/// Whether several routes call an integration, which then stands in `components`.
fn shared(content: &HttpContent, id: &IntegrationId) -> bool {
    let routes = content.routes.values();
    let users = routes.filter(|route| route.target.as_ref() == Some(id));
    users.take(2).count() == 2
}

fn put_components(file: &mut Map<String, Value>, content: &HttpContent, extensions: bool) {
    let mut components = Map::new();
    let schemes = http_security::schemes(content, extensions);
    if !schemes.is_empty() {
        components.insert("securitySchemes".to_owned(), Value::Object(schemes));
    }
    let common = content.integrations.values();
    let common = common.filter(|one| extensions && shared(content, &one.id));
    let common: Map<String, Value> = common
        .map(|one| (one.id.to_string(), integration_fields(one)))
        .collect();
    if !common.is_empty() {
        components.insert(INTEGRATIONS.to_owned(), Value::Object(common));
    }
    if !components.is_empty() {
        file.insert("components".to_owned(), Value::Object(components));
    }
}

fn integration_fields(integration: &Integration) -> Value {
    let mapping = &integration.mapping;
    let (kind, uri, method, server_name) = match &integration.kind {
        IntegrationKind::HttpProxy {
            uri,
            method,
            server_name,
        } => {
            let method = method.as_deref().unwrap_or("ANY");
            (
                "http_proxy".to_owned(),
                Some(uri),
                Some(method),
                server_name,
            )
        }
        IntegrationKind::Other(other) => {
            let kind = other.kind.as_str().to_ascii_lowercase();
            let method = other.method.as_deref();
            (kind, other.uri.as_ref(), method, &other.server_name)
        }
    };
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("type", json!(kind));
    match &mapping.connection {
        Some(id) => {
            put("connectionType", json!("VPC_LINK"));
            put("connectionId", json!(id));
        }
        None => put("connectionType", json!("INTERNET")),
    }
    let texts = [
        ("httpMethod", method),
        ("uri", uri.map(String::as_str)),
        ("credentials", mapping.credentials.as_deref()),
        ("integrationSubtype", mapping.subtype.as_deref()),
        ("description", integration.description.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            put(name, json!(text));
        }
    }
    put(
        "payloadFormatVersion",
        json!(integration.payload_format_version),
    );
    if !mapping.request_parameters.is_empty() {
        put("requestParameters", json!(mapping.request_parameters));
    }
    if !mapping.response_parameters.is_empty() {
        put("responseParameters", json!(mapping.response_parameters));
    }
    if integration.timeout_ms != TIMEOUT_MS {
        put("timeoutInMillis", json!(integration.timeout_ms));
    }
    if let Some(name) = server_name {
        put("tlsConfig", json!({ "serverNameToVerify": name }));
    }
    Value::Object(fields)
}
