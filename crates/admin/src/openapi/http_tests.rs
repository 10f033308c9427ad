//! HTTP APIs as files: read, written, read again, refused.

use std::collections::BTreeMap;

use model::{
    Api, ApiKind, EndpointType, HttpApi, HttpContent, IntegrationKind, IpAddressType, Revision,
};
use serde_json::{Value, json};

use super::read::BasePath;
use super::{HttpRead, http_api, http_document};
use crate::refusal::Refusal;

fn file() -> Value {
    json!({
        "openapi": "3.0.1",
        "info": { "title": "shop", "version": "3", "description": "A shop" },
        "servers": [{ "url": "https://x.example/{basePath}",
            "variables": { "basePath": { "default": "v1/shop" } },
            "x-amazon-apigateway-endpoint-configuration": { "disableExecuteApiEndpoint": true } }],
        "x-amazon-apigateway-cors": { "allowOrigins": ["https://a.example"],
            "allowMethods": ["GET"], "maxAge": 60 },
        "components": { "x-amazon-apigateway-integrations": { "shared": {
            "type": "http_proxy", "httpMethod": "ANY", "uri": "http://b.example/{proxy}",
            "payloadFormatVersion": "1.0", "timeoutInMillis": 1000,
            "tlsConfig": { "serverNameToVerify": "c.example" } } } },
        "paths": {
            "/items": { "get": { "operationId": "list", "x-amazon-apigateway-integration": {
                "type": "http_proxy", "httpMethod": "GET", "uri": "http://b.example/items",
                "description": "the items" } } },
            "/items/{proxy+}": {
                "x-amazon-apigateway-any-method": { "x-amazon-apigateway-integration": {
                    "$ref": "#/components/x-amazon-apigateway-integrations/shared" } },
                "delete": { "x-amazon-apigateway-integration": {
                    "$ref": "#/components/x-amazon-apigateway-integrations/shared" } } },
            "/$default": { "x-amazon-apigateway-any-method": {
                "x-amazon-apigateway-integration": { "type": "http_proxy", "httpMethod": "ANY",
                    "uri": "http://b.example/" } } }
        }
    })
}

fn read(file: &Value, before: &HttpContent) -> Result<HttpRead, Refusal> {
    http_api(file, before, BasePath::Ignore, false)
}

fn keys(content: &HttpContent) -> Vec<String> {
    let mut keys: Vec<_> = content.routes.values().map(|r| r.key.to_string()).collect();
    keys.sort();
    keys
}

#[test]
fn routes_and_shared_integrations_are_read() {
    let found = read(&file(), &HttpContent::default()).unwrap();
    assert_eq!(found.name, "shop");
    assert!(found.disable_execute_api_endpoint);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    let expected = [
        "$default",
        "ANY /items/{proxy+}",
        "DELETE /items/{proxy+}",
        "GET /items",
    ];
    assert_eq!(keys(&found.content), expected);
    assert_eq!(found.content.integrations.len(), 3, "one is shared");
    assert_eq!(found.content.cors.as_ref().unwrap().max_age, Some(60));
    let prefixed = http_api(&file(), &HttpContent::default(), BasePath::Prepend, false).unwrap();
    assert!(keys(&prefixed.content).contains(&"GET /v1/shop/items".to_owned()));
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let found = read(&file(), &HttpContent::default()).unwrap();
    let api = Api {
        id: "a".into(),
        name: found.name.clone(),
        description: found.description.clone(),
        version: found.version.clone(),
        home: "eu-west-1".into(),
        endpoint: EndpointType::Edge,
        created_ms: 0,
        served: Revision(0),
        disable_execute_api_endpoint: true,
        ip_address_type: IpAddressType::Ipv4,
        tags: BTreeMap::new(),
        kind: ApiKind::Http(HttpApi::default()),
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    };
    let written = http_document(&api, &found.content, ("host", None, "now"), true);
    let again = read(&written, &found.content).unwrap();
    assert_eq!((&again.name, &again.version), (&found.name, &found.version));
    assert!(again.disable_execute_api_endpoint);
    assert_eq!(again.content.cors, found.content.cors);
    // An integration that two routes share is written twice; all else is the same, ids included.
    let calls = |content: &HttpContent| -> BTreeMap<String, (String, IntegrationKind, u32)> {
        let of = |route: &model::Route| {
            let target = &content.integrations[route.target.as_ref().unwrap()];
            let called = (route.id.to_string(), target.kind.clone(), target.timeout_ms);
            (route.key.to_string(), called)
        };
        content.routes.values().map(|route| of(route)).collect()
    };
    assert_eq!(calls(&again.content), calls(&found.content));
}

#[test]
fn faults_name_their_place() {
    let check = |change: fn(&mut Value), part: &str| {
        let mut file = file();
        change(&mut file);
        match read(&file, &HttpContent::default()) {
            Err(Refusal::BadRequest(text)) => assert!(text.contains(part), "{text}"),
            other => panic!("expected {part}, got {other:?}"),
        }
    };
    let at = "(at /paths/~1items/get/x-amazon-apigateway-integration";
    check(|f| f["openapi"] = json!("2.0"), "Only OpenAPI 3.x.x");
    check(|f| f["info"] = json!({}), "(at /info)");
    check(
        |f| f["paths"]["/items"]["fetch"] = json!({}),
        "(at /paths/~1items/fetch)",
    );
    check(
        |f| f["paths"]["/items"]["get"]["x-amazon-apigateway-integration"]["type"] = json!("mock"),
        at,
    );
    check(
        |f| f["paths"]["/items"]["get"]["x-amazon-apigateway-integration"]["uri"] = json!("x"),
        at,
    );
    check(
        |f| f["paths"]["/items"]["get"]["security"] = json!([{ "jwt": [] }]),
        "authorizers of HTTP APIs are not supported",
    );
    check(
        |f| f["x-amazon-apigateway-cors"]["maxAge"] = json!(1_000_000),
        "(at /x-amazon-apigateway-cors)",
    );
}
