//! REST APIs.

use http::Method;
use serde_json::{Value as Json, json};

use super::{
    definition::{Defined, Dialect},
    policy::same_policy,
    table::{Field, Make, Piece, Style},
};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Resource, json as is_json},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(Defined {
        piece: piece(),
        dialect: dialect(),
    })]
}

fn piece() -> Piece {
    let piece = Piece::new(
        "edgeway_rest_api",
        "REST API",
        "A REST API (API Gateway v1), from an OpenAPI `body` or from resources of its own \
         (`edgeway_resource`, `edgeway_method`, ..). What it says is served once it is deployed \
         (`edgeway_deployment`, `edgeway_stage`).",
    )
    .at("/restapis/{id}", Make::Post("/restapis"), Style::Operations)
    .listed("/restapis", "id", "id")
    .imported_by(&["id"], "ID")
    .id("id", "The API's id, the first label of its host.")
    .field(
        Field::plain(
            Attribute::text(
                "name",
                "A name for people; without it, the document's title.",
            ),
            "name",
        )
        .or_computed(),
    )
    .field(
        Field::plain(
            Attribute::text("description", "What it is for."),
            "description",
        )
        .or_computed(),
    )
    .field(
        Field::plain(
            Attribute::text("version", "A version for people."),
            "version",
        )
        .or_computed(),
    );
    let piece = endpoint(piece).field(
        Field::items(
            Attribute::text_set(
                "vpc_endpoint_ids",
                "The private endpoints that lead to it, for a private API.",
            ),
            "endpointConfiguration/vpcEndpointIds",
        )
        .or_computed(),
    );
    answering(strict(piece))
}

/// Where it is reached, as REST APIs and domain names say it.
pub(super) fn endpoint(piece: Piece) -> Piece {
    piece
        .field(Field::plain(
            Attribute::text("endpoint_type", "Where clients reach it.")
                .or("EDGE")
                .check(Check::OneOf(&["EDGE", "REGIONAL", "PRIVATE"])),
            "endpointType",
        ))
        .field(
            Field::plain(
                Attribute::text("ip_address_type", "Which addresses it has.")
                    .check(Check::OneOf(&["ipv4", "dualstack"])),
                "endpointConfiguration/ipAddressType",
            )
            .or_computed(),
        )
}

fn strict(piece: Piece) -> Piece {
    piece.field(
        Field::plain(
            Attribute::text(
                "endpoint_access_mode",
                "How strictly requests are held to the endpoint's type.",
            )
            .check(Check::OneOf(&["BASIC", "STRICT"])),
            "endpointAccessMode",
        )
        .or_computed(),
    )
}

/// How its requests and answers are treated.
fn answering(piece: Piece) -> Piece {
    piece
        .field(
            Field::items(
                Attribute::text_set("binary_media_types", "Media types whose bodies are bytes."),
                "binaryMediaTypes",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::number(
                    "minimum_compression_size",
                    "Answers of at least so many bytes are compressed; null is never.",
                )
                .check(Check::Range(0, 10_485_760)),
                "minimumCompressionSize",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::text("api_key_source", "Where API keys are read from.")
                    .check(Check::OneOf(&["HEADER", "AUTHORIZER"])),
                "apiKeySource",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::text("policy", "The resource policy, JSON.")
                    .check(Check::Text(is_json))
                    .same(same_policy),
                "policy",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::flag(
                    "disable_execute_api_endpoint",
                    "Whether only custom domain names lead to it.",
                ),
                "disableExecuteApiEndpoint",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::text("security_policy", "The policy of TLS, such as `TLS_1_2`."),
                "securityPolicy",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text("root_resource_id", "The id of the resource `/`.").computed(),
            "rootResourceId",
        ))
        .fill(|body, planned, _| {
            let kind = planned.text("endpoint_type").unwrap_or("EDGE");
            if let Some(fields) = body.as_object_mut() {
                fields.remove("endpointType");
            }
            body["endpointConfiguration"]["types"] = json!([kind]);
        })
        .replace_steps(types)
        .shape(shape)
        .tagged("/restapis/{id}")
        .waits()
}

/// The endpoint's type is the one item of a list.
fn shape(body: &mut Json) {
    let kind = body["endpointConfiguration"]["types"][0].clone();
    body["endpointType"] = kind;
}

/// Steps replace it there.
fn types(steps: &mut Vec<Json>, prior: &Value, planned: &Value) {
    steps.retain(|step| step["path"] != "/endpointType");
    let (old, new) = (prior.text("endpoint_type"), planned.text("endpoint_type"));
    if let (Some(old), Some(new)) = (old, new)
        && old != new
    {
        let path = format!("/endpointConfiguration/types/{old}");
        steps.insert(0, json!({ "op": "replace", "path": path, "value": new }));
    }
}

/// Texts that are JSON are the same if they say the same.
pub(super) fn same_json(a: &Value, b: &Value) -> bool {
    let read = |value: &Value| serde_json::from_str::<Json>(value.as_text()?).ok();
    a == b || read(a).is_some_and(|a| read(b) == Some(a))
}

fn dialect() -> Dialect {
    Dialect {
        import: (Method::POST, |planned| {
            format!("/restapis?mode=import{}", query(planned))
        }),
        replace: ("/restapis", |planned| {
            let mode = planned.text("import_mode").unwrap_or("overwrite");
            format!("?mode={mode}{}", query(planned))
        }),
        body: |document| document.as_bytes().to_vec(),
        parts: &[
            "resources?embed=methods",
            "models",
            "authorizers",
            "requestvalidators",
            "gatewayresponses",
        ],
        deployed: &[
            "binary_media_types",
            "minimum_compression_size",
            "api_key_source",
            "policy",
        ],
        arn: "/restapis/",
    }
}

fn query(planned: &Value) -> String {
    let kind = planned.text("endpoint_type").unwrap_or("EDGE");
    let strict = planned.flag("fail_on_warnings").unwrap_or_default();
    format!("&endpointConfigurationTypes={kind}&failonwarnings={strict}")
}
