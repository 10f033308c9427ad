//! HTTP and WebSocket APIs piece by piece: routes, integrations, authorizers; and VPC links.

use super::table::{Field, Make, Piece, Style};
use crate::framework::{Attribute, Check, Resource};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(route()),
        Box::new(integration()),
        Box::new(authorizer()),
        Box::new(vpc_link()),
    ]
}

fn route() -> Piece {
    Piece::new(
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
    ))
    .field(Field::plain(
        Attribute::text(
            "route_response_selection_expression",
            "Which response a message gets; WebSocket APIs only.",
        ),
        "routeResponseSelectionExpression",
    ))
    .with_revision()
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

fn vpc_link() -> Piece {
    Piece::new(
        "edgeway_vpc_link",
        "VPC link",
        "A way from APIs to backends within a private network.",
    )
    .at("/vpclinks/{id}", Make::Post("/vpclinks"), Style::Operations)
    .listed("/vpclinks", "id", "id")
    .imported_by(&["id"], "ID")
    .id("id", "The link's id, for `connection_id`.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").required(),
        "name",
    ))
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(
        Field::plain(
            Attribute::text_list("target_arns", "What it leads to.").required(),
            "targetArns",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("status", "Whether it may be used.").computed(),
        "status",
    ))
    .tagged("/vpclinks/{id}")
}
