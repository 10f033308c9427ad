//! HTTP APIs and WebSocket APIs.

use http::Method;
use serde_json::json;

use super::{
    definition::{Defined, Dialect, wrapped},
    table::{Field, Make, Piece, Style},
};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(Defined {
            piece: http(),
            dialect: dialect(),
        }),
        Box::new(socket()),
    ]
}

/// What both kinds have.
fn common(piece: Piece) -> Piece {
    piece
        .at("/v2/apis/{id}", Make::Post("/v2/apis"), Style::Document)
        .listed("/v2/apis", "apiId", "id")
        .imported_by(&["id"], "ID")
        .id("apiId", "The API's id, the first label of its host.")
        .field(
            Field::plain(
                Attribute::text("description", "What it is for.").check(Check::Length(0, 1024)),
                "description",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::text("version", "A version for people.").check(Check::Length(0, 64)),
                "version",
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
                Attribute::text("ip_address_type", "Which addresses it has.")
                    .check(Check::OneOf(&["ipv4", "dualstack"])),
                "ipAddressType",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::text(
                    "api_key_selection_expression",
                    "Where an API key is: `$request.header.x-api-key`, or \
                     `$context.authorizer.usageIdentifierKey`.",
                ),
                "apiKeySelectionExpression",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text("api_endpoint", "Its URL, without a stage.")
                .computed()
                .stable(),
            "apiEndpoint",
        ))
        .tagged("/apis/{id}")
        .waits()
}

fn http() -> Piece {
    let piece = Piece::new(
        "edgeway_http_api",
        "HTTP API",
        "An HTTP API (API Gateway v2), from an OpenAPI `body` or from resources of its own \
         (`edgeway_route`, `edgeway_api_integration`, ..). It is served by its stages \
         (`edgeway_api_stage`).",
    );
    common(piece)
        .field(
            Field::plain(
                Attribute::text(
                    "name",
                    "A name for people; without it, the document's title.",
                )
                .check(Check::Length(1, 128)),
                "name",
            )
            .or_computed(),
        )
        .field(cors().or_computed().removed_at("cors"))
        .fill(|body, _, _| body["protocolType"] = "HTTP".into())
}

fn cors() -> Field {
    let texts =
        |name, wire, description| Field::plain(Attribute::text_set(name, description), wire);
    Field::object(
        "cors_configuration",
        "corsConfiguration",
        "What browsers are told about calls from other origins.",
        vec![
            texts("allow_origins", "allowOrigins", "Origins that may call."),
            texts("allow_methods", "allowMethods", "Methods they may use."),
            texts("allow_headers", "allowHeaders", "Headers they may send."),
            texts("expose_headers", "exposeHeaders", "Headers they may read."),
            Field::plain(
                Attribute::flag("allow_credentials", "Whether they may send cookies.").or(false),
                "allowCredentials",
            ),
            Field::plain(
                Attribute::number("max_age", "How long they may keep this, seconds."),
                "maxAge",
            ),
        ],
    )
}

fn dialect() -> Dialect {
    Dialect {
        import: (Method::PUT, |planned| format!("/v2/apis{}", query(planned))),
        replace: ("/v2/apis", query),
        body: wrapped,
        parts: &["routes", "integrations", "authorizers"],
        deployed: &["cors_configuration"],
        arn: "/apis/",
    }
}

fn query(planned: &Value) -> String {
    let strict = planned.flag("fail_on_warnings").unwrap_or_default();
    format!("?failOnWarnings={strict}")
}

fn socket() -> Piece {
    let piece = Piece::new(
        "edgeway_websocket_api",
        "WebSocket API",
        "A WebSocket API (API Gateway v2), made of `edgeway_route`, `edgeway_api_integration` \
         and others, served by `edgeway_api_stage`.",
    );
    common(piece)
        .field(Field::plain(
            Attribute::text("name", "A name for people.")
                .required()
                .check(Check::Length(1, 128)),
            "name",
        ))
        .field(Field::plain(
            Attribute::text(
                "route_selection_expression",
                "Which part of a message says its route, such as `$request.body.action`.",
            )
            .required(),
            "routeSelectionExpression",
        ))
        .field(Field::plain(
            Attribute::flag(
                "disable_schema_validation",
                "Whether messages are not validated against models.",
            )
            .or(false),
            "disableSchemaValidation",
        ))
        .shape(|body| {
            // Answered only if it is so.
            let so = body["disableSchemaValidation"] == true;
            body["disableSchemaValidation"] = so.into();
        })
        .fill(|body, _, _| {
            body["protocolType"] = json!("WEBSOCKET");
        })
}
