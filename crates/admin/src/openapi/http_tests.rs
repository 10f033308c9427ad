//! HTTP APIs as files: read, written, read again, refused.

use std::collections::BTreeMap;

use model::rest::AuthorizationType;
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

fn api(found: &HttpRead) -> Api {
    Api {
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
    }
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let found = read(&file(), &HttpContent::default()).unwrap();
    let api = api(&found);
    let written = http_document(&api, &found.content, ("host", None, "now"), true);
    let again = read(&written, &found.content).unwrap();
    assert_eq!((&again.name, &again.version), (&found.name, &found.version));
    assert!(again.disable_execute_api_endpoint);
    assert_eq!(again.content.cors, found.content.cors);
    // Ids included; that two routes share an integration is kept too.
    assert_eq!(again.content.integrations.len(), 3);
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
        "there is no security scheme \"jwt\" (at /paths/~1items/get/security)",
    );
    check(
        |f| {
            f["components"]["securitySchemes"] = json!({ "open": { "type": "http" } });
            f["security"] = json!([{ "open": [] }]);
        },
        "so nothing could judge requests (at /security)",
    );
    check(
        |f| {
            f["components"]["securitySchemes"] = json!({ "jwt": { "type": "oauth2",
                "x-amazon-apigateway-authorizer": { "type": "jwt",
                    "identitySource": "$request.header.Authorization" } } });
        },
        "(at /components/securitySchemes/jwt/x-amazon-apigateway-authorizer)",
    );
    check(
        |f| f["x-amazon-apigateway-cors"]["maxAge"] = json!(1_000_000),
        "(at /x-amazon-apigateway-cors)",
    );
}

/// A file with what only newer fields say: authorizers, private networks, AWS services, mappings.
fn guarded() -> Value {
    let mut file = file();
    file["components"]["securitySchemes"] = json!({
        "tokens": { "type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": {
            "type": "jwt", "identitySource": "$request.header.Authorization",
            "jwtConfiguration": { "issuer": "https://i.example", "audience": ["a", "b"] } } },
        "function": { "type": "apiKey", "name": "Unused", "in": "header",
            "x-amazon-apigateway-authorizer": { "type": "request",
                "identitySource": "$request.header.a,$request.querystring.b",
                "authorizerUri": "arn:aws:lambda:eu-west-1:000000000000:function:f",
                "authorizerPayloadFormatVersion": "2.0", "enableSimpleResponses": true,
                "authorizerResultTtlInSeconds": 60 } },
    });
    file["paths"]["/items"]["get"]["security"] = json!([{ "tokens": ["read", "write"] }]);
    file["paths"]["/items/{proxy+}"]["delete"]["security"] = json!([{ "function": [] }]);
    file["paths"]["/$default"]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-auth"] =
        json!({ "type": "AWS_IAM" });
    file["paths"]["/queue"]["post"]["x-amazon-apigateway-integration"] = json!({
        "type": "aws_proxy", "integrationSubtype": "SQS-SendMessage",
        "credentials": "arn:aws:iam::000000000000:role/r", "payloadFormatVersion": "1.0",
        "requestParameters": { "QueueUrl": "$request.header.q", "MessageBody": "$request.body" },
    });
    file["paths"]["/private"]["get"]["x-amazon-apigateway-integration"] = json!({
        "type": "http_proxy", "connectionType": "VPC_LINK", "connectionId": "abc123",
        "httpMethod": "ANY", "payloadFormatVersion": "1.0",
        "uri": "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/a/b/c",
        "requestParameters": { "overwrite:path": "$request.path" },
        "responseParameters": { "200": { "append:header.x": "y" } },
    });
    file
}

#[test]
fn authorizers_and_mappings_survive_being_written() {
    let found = read(&guarded(), &HttpContent::default()).unwrap();
    assert_eq!(found.content.authorizers.len(), 2);
    let rules = |content: &HttpContent, key: &str| {
        let mut routes = content.routes.values();
        let route = routes.find(|route| route.key.to_string() == key).unwrap();
        route.rules.clone()
    };
    let read_items = rules(&found.content, "GET /items");
    assert_eq!(read_items.authorization, AuthorizationType::Jwt);
    assert_eq!(read_items.scopes, ["read", "write"]);
    assert_eq!(
        rules(&found.content, "$default").authorization,
        AuthorizationType::Iam
    );
    let open = rules(&found.content, "ANY /items/{proxy+}");
    assert_eq!(open.authorization, AuthorizationType::None);
    let written = http_document(&api(&found), &found.content, ("host", None, "now"), true);
    let again = read(&written, &found.content).unwrap();
    assert_eq!(again.content.authorizers, found.content.authorizers);
    assert_eq!(again.content.routes, found.content.routes, "ids included");
    assert_eq!(again.content.integrations, found.content.integrations);
}

#[test]
fn what_the_whole_file_asks_for_holds_for_each_operation() {
    let mut file = guarded();
    file["security"] = json!([{ "tokens": [] }]);
    file["paths"]["/queue"]["post"]["security"] = json!([]);
    let found = read(&file, &HttpContent::default()).unwrap();
    let open = found.content.routes.values();
    let open = open.filter(|route| route.rules.authorization == AuthorizationType::None);
    let open: Vec<String> = open.map(|route| route.key.to_string()).collect();
    assert_eq!(open, ["POST /queue"]);
}
