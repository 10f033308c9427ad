//! HTTP and WebSocket APIs piece by piece: routes, integrations, authorizers.

use super::table::{Field, Make, Piece, Style};
use crate::{
    cty::Type,
    framework::{Attribute, Check, Nesting, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(route()),
        Box::new(integration()),
        Box::new(authorizer()),
    ]
}

fn route() -> Piece {
    let piece = Piece::new(
        "edgeway_route",
        "route",
        "A route of an HTTP or WebSocket API, and the integration that it leads to.",
    )
    .at(
        "/v2/apis/{api_id}/routes/{id}",
        Make::Post("/v2/apis/{api_id}/routes"),
        Style::Document,
    )
    .listed("/v2/apis/{api_id}/routes", "routeId", "id")
    .imported_by(&["api_id", "id"], "API_ID/ID")
    .id("routeId", "The route's id.")
    .under("api_id", "The API.")
    .field(Field::plain(
        Attribute::text(
            "route_key",
            "Method and path such as `GET /pets/{id}`, or a key of messages; `$default` is the \
             rest. See the function `route_key`.",
        )
        .required(),
        "routeKey",
    ))
    .field(Field::plain(
        Attribute::text("target", "`integrations/ID`."),
        "target",
    ))
    .field(Field::plain(
        Attribute::text("authorization_type", "Who decides who may call it.")
            .or("NONE")
            .check(Check::OneOf(&["NONE", "AWS_IAM", "CUSTOM", "JWT"])),
        "authorizationType",
    ))
    .field(Field::plain(
        Attribute::text("authorizer_id", "The authorizer, where one decides."),
        "authorizerId",
    ))
    .field(Field::plain(
        Attribute::text_set("authorization_scopes", "Scopes of which a token needs one."),
        "authorizationScopes",
    ))
    .field(Field::plain(
        Attribute::flag("api_key_required", "Whether an API key is needed.").or(false),
        "apiKeyRequired",
    ))
    .field(Field::plain(
        Attribute::text("operation_name", "A name for people."),
        "operationName",
    ));
    messages(piece)
}

/// How messages of WebSocket APIs are validated and answered.
fn messages(piece: Piece) -> Piece {
    piece
        .field(Field::plain(
            Attribute::text(
                "route_response_selection_expression",
                "Which response a message gets; WebSocket APIs only.",
            ),
            "routeResponseSelectionExpression",
        ))
        .field(Field::plain(
            Attribute::text(
                "model_selection_expression",
                "Which model a message is validated against; WebSocket APIs only.",
            ),
            "modelSelectionExpression",
        ))
        .field(Field::plain(
            Attribute::texts_by_name(
                "request_models",
                "Names of models by what the expression says; WebSocket APIs only.",
            ),
            "requestModels",
        ))
        .field(
            parameters("request_parameters", "requestParameters").removed_at("requestparameters"),
        )
        .with_revision()
}

/// Parameters by their names, and whether they must be there.
pub(super) fn parameters(name: &'static str, wire: &'static str) -> Field {
    let required = Attribute::flag("required", "Whether it must be there.").or(false);
    Field::nested(
        Nesting::Map,
        name,
        wire,
        "Parameters such as `route.request.querystring.q`; WebSocket APIs only.",
        vec![Field::plain(required, "required")],
    )
}

fn integration() -> Piece {
    let piece = Piece::new(
        "edgeway_api_integration",
        "integration",
        "What answers routes of an HTTP or WebSocket API.",
    )
    .at(
        "/v2/apis/{api_id}/integrations/{id}",
        Make::Post("/v2/apis/{api_id}/integrations"),
        Style::Document,
    )
    .listed("/v2/apis/{api_id}/integrations", "integrationId", "id")
    .imported_by(&["api_id", "id"], "API_ID/ID")
    .id("integrationId", "The integration's id.")
    .under("api_id", "The API.")
    .field(
        Field::plain(
            Attribute::text("integration_type", "What kind of backend it is.")
                .required()
                .check(Check::OneOf(&[
                    "HTTP_PROXY",
                    "AWS_PROXY",
                    "HTTP",
                    "AWS",
                    "MOCK",
                ])),
            "integrationType",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("integration_uri", "Where the backend is."),
        "integrationUri",
    ))
    .field(
        Field::plain(
            Attribute::text("integration_method", "The method of the backend's request."),
            "integrationMethod",
        )
        .or_computed(),
    )
    .field(
        Field::plain(
            Attribute::text("integration_subtype", "A service and what it is to do."),
            "integrationSubtype",
        )
        .once(),
    );
    reaching(piece)
}

/// How the backend is reached and called.
fn reaching(piece: Piece) -> Piece {
    let piece = piece
        .field(
            Field::plain(
                Attribute::text("connection_type", "How the backend is reached.")
                    .check(Check::OneOf(&["INTERNET", "VPC_LINK"])),
                "connectionType",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text("connection_id", "The VPC link."),
            "connectionId",
        ))
        .field(Field::plain(
            Attribute::text(
                "credentials_arn",
                "The role that calls to AWS are made with.",
            ),
            "credentialsArn",
        ))
        .field(Field::plain(
            Attribute::text("description", "What it is for."),
            "description",
        ))
        .field(
            Field::plain(
                Attribute::text("payload_format_version", "How functions are called.")
                    .check(Check::OneOf(&["1.0", "2.0"])),
                "payloadFormatVersion",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::number("timeout_in_millis", "How long the backend may take.")
                    .check(Check::Range(50, 30_000)),
                "timeoutInMillis",
            )
            .or_computed(),
        );
    let piece = mapping(piece);
    piece
        .field(Field::variables(
            Attribute::texts_by_name(
                "request_parameters",
                "What is put where, such as `append:header.x-a`.",
            ),
            "requestParameters",
        ))
        .field(Field::plain(
            Attribute::text(
                "template_selection_expression",
                "Which template a message gets; WebSocket APIs only.",
            ),
            "templateSelectionExpression",
        ))
        .field(Field::object(
            "tls_config",
            "tlsConfig",
            "TLS towards the backend.",
            vec![Field::plain(
                Attribute::text("server_name_to_verify", "The name of its certificate.").required(),
                "serverNameToVerify",
            )],
        ))
        .with_revision()
}

/// How messages and answers are turned into others.
fn mapping(piece: Piece) -> Piece {
    let by_status = Type::map(Type::map(Type::String));
    piece
        .field(Field::variables(
            Attribute::new(
                "response_parameters",
                by_status,
                "What is altered in answers, by status, such as `overwrite:statuscode`; HTTP APIs \
                 only.",
            ),
            "responseParameters",
        ))
        .field(Field::plain(
            Attribute::texts_by_name(
                "request_templates",
                "Templates by what the expression says; WebSocket APIs only.",
            ),
            "requestTemplates",
        ))
        .field(
            Field::plain(
                Attribute::text(
                    "passthrough_behavior",
                    "What happens to messages without a template; WebSocket APIs only.",
                )
                .check(Check::OneOf(&[
                    "WHEN_NO_MATCH",
                    "WHEN_NO_TEMPLATES",
                    "NEVER",
                ])),
                "passthroughBehavior",
            )
            .or_computed(),
        )
        .field(Field::plain(content_handling(), "contentHandlingStrategy"))
}

pub(super) fn content_handling() -> Attribute {
    Attribute::text(
        "content_handling_strategy",
        "How bodies are converted between text and bytes; WebSocket APIs only.",
    )
    .check(Check::OneOf(&["CONVERT_TO_BINARY", "CONVERT_TO_TEXT"]))
}

fn authorizer() -> Piece {
    let piece = Piece::new(
        "edgeway_api_authorizer",
        "authorizer",
        "Who decides about the calls of an HTTP or WebSocket API.",
    )
    .at(
        "/v2/apis/{api_id}/authorizers/{id}",
        Make::Post("/v2/apis/{api_id}/authorizers"),
        Style::Document,
    )
    .listed("/v2/apis/{api_id}/authorizers", "authorizerId", "id")
    .imported_by(&["api_id", "id"], "API_ID/ID")
    .id("authorizerId", "The authorizer's id.")
    .under("api_id", "The API.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").required(),
        "name",
    ))
    .field(
        Field::plain(
            Attribute::text("authorizer_type", "Its kind.")
                .required()
                .check(Check::OneOf(&["JWT", "REQUEST"])),
            "authorizerType",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("authorizer_uri", "The function that decides."),
        "authorizerUri",
    ))
    .field(Field::plain(
        Attribute::text(
            "authorizer_credentials_arn",
            "The role with which the function is called.",
        ),
        "authorizerCredentialsArn",
    ));
    deciding(piece)
}

/// How it decides.
fn deciding(piece: Piece) -> Piece {
    piece
        .field(Field::plain(
            Attribute::text(
                "authorizer_payload_format_version",
                "How the function is called.",
            )
            .check(Check::OneOf(&["1.0", "2.0"])),
            "authorizerPayloadFormatVersion",
        ))
        .field(Field::plain(
            Attribute::text_list("identity_sources", "Where the caller's identity is."),
            "identitySource",
        ))
        .field(Field::plain(
            Attribute::text(
                "identity_validation_expression",
                "A pattern that identities must fit.",
            ),
            "identityValidationExpression",
        ))
        .field(
            Field::plain(
                Attribute::number(
                    "authorizer_result_ttl_in_seconds",
                    "How long a decision is kept.",
                )
                .check(Check::Range(0, 3600)),
                "authorizerResultTtlInSeconds",
            )
            .or_computed(),
        )
        .field(
            Field::plain(
                Attribute::flag(
                    "enable_simple_responses",
                    "Whether the function answers yes or no instead of a policy.",
                ),
                "enableSimpleResponses",
            )
            .or_computed(),
        )
        .field(Field::object(
            "jwt_configuration",
            "jwtConfiguration",
            "Which tokens are taken, for `JWT`.",
            vec![
                Field::plain(
                    Attribute::text("issuer", "Who issues them, a URL.").required(),
                    "issuer",
                ),
                Field::plain(
                    Attribute::text_set("audience", "For whom they are; one of these.").required(),
                    "audience",
                ),
            ],
        ))
        .with_revision()
}
