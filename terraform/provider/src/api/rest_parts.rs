//! What else belongs to a REST API: models, request validators, gateway responses, authorizers.

use serde_json::Value as Json;

use super::{
    rest_api::same_json,
    table::{Field, Make, Piece, Style},
};
use crate::framework::{Attribute, Check, Nesting, Resource, json as is_json};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(model()),
        Box::new(request_validator()),
        Box::new(gateway_response()),
        Box::new(authorizer()),
    ]
}

fn model() -> Piece {
    Piece::new(
        "edgeway_model",
        "model",
        "A JSON schema that bodies of a REST API are validated against.",
    )
    .at(
        "/restapis/{rest_api_id}/models/{name}",
        Make::Post("/restapis/{rest_api_id}/models"),
        Style::Operations,
    )
    .listed("/restapis/{rest_api_id}/models", "name", "name")
    .imported_by(&["rest_api_id", "name"], "REST_API_ID/NAME")
    .id("id", "The model's id.")
    .under("rest_api_id", "The API.")
    .field(
        Field::plain(
            Attribute::text("name", "Its name: letters and digits.").required(),
            "name",
        )
        .once(),
    )
    .field(
        Field::plain(
            Attribute::text("content_type", "The media type of its bodies.").or("application/json"),
            "contentType",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(Field::plain(
        Attribute::text("schema", "The schema, JSON (draft 4).")
            .required()
            .check(Check::Text(is_json))
            .same(same_json),
        "schema",
    ))
    .with_revision()
}

fn request_validator() -> Piece {
    Piece::new(
        "edgeway_request_validator",
        "request validator",
        "What of a request is validated before it goes to the backend.",
    )
    .at(
        "/restapis/{rest_api_id}/requestvalidators/{id}",
        Make::Post("/restapis/{rest_api_id}/requestvalidators"),
        Style::Operations,
    )
    .listed("/restapis/{rest_api_id}/requestvalidators", "id", "id")
    .imported_by(&["rest_api_id", "id"], "REST_API_ID/ID")
    .id("id", "The validator's id.")
    .under("rest_api_id", "The API.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").required(),
        "name",
    ))
    .field(Field::plain(
        Attribute::flag("validate_request_body", "Whether bodies fit their models.").or(false),
        "validateRequestBody",
    ))
    .field(Field::plain(
        Attribute::flag(
            "validate_request_parameters",
            "Whether required parameters are there.",
        )
        .or(false),
        "validateRequestParameters",
    ))
    .with_revision()
}

fn gateway_response() -> Piece {
    Piece::new(
        "edgeway_gateway_response",
        "gateway response",
        "What a REST API answers when the gateway itself says no.",
    )
    .at(
        "/restapis/{rest_api_id}/gatewayresponses/{response_type}",
        Make::Put,
        Style::Operations,
    )
    .within(
        "/restapis/{rest_api_id}/gatewayresponses",
        |items, known| {
            let kind = known.text("response_type");
            let own = |item: &&Json| {
                item["responseType"].as_str() == kind && item["defaultResponse"] == false
            };
            items.iter().find(own).cloned()
        },
    )
    .imported_by(
        &["rest_api_id", "response_type"],
        "REST_API_ID/RESPONSE_TYPE",
    )
    .under("rest_api_id", "The API.")
    .under("response_type", "The occasion, such as `THROTTLED`.")
    .field(
        Field::plain(
            Attribute::text(
                "status_code",
                "The status; that of the occasion unless given.",
            ),
            "statusCode",
        )
        .or_computed(),
    )
    .field(Field::entries(
        Attribute::texts_by_name(
            "response_parameters",
            "What is put where, such as `gatewayresponse.header.X-A`.",
        ),
        "responseParameters",
    ))
    .field(
        Field::entries(
            Attribute::texts_by_name("response_templates", "Templates by media type."),
            "responseTemplates",
        )
        .or_computed(),
    )
    .with_revision()
}

fn authorizer() -> Piece {
    let piece = Piece::new(
        "edgeway_authorizer",
        "authorizer",
        "Who decides about the calls of a REST API.",
    )
    .at(
        "/restapis/{rest_api_id}/authorizers/{id}",
        Make::Post("/restapis/{rest_api_id}/authorizers"),
        Style::Operations,
    )
    .listed("/restapis/{rest_api_id}/authorizers", "id", "id")
    .imported_by(&["rest_api_id", "id"], "REST_API_ID/ID")
    .id("id", "The authorizer's id.")
    .under("rest_api_id", "The API.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").required(),
        "name",
    ))
    .field(
        Field::plain(
            Attribute::text("type", "Its kind.")
                .required()
                .check(Check::OneOf(&[
                    "TOKEN",
                    "REQUEST",
                    "COGNITO_USER_POOLS",
                    "JWT",
                ])),
            "type",
        )
        .once(),
    );
    deciding(piece).field(jwt()).with_revision()
}

/// How it decides.
fn deciding(piece: Piece) -> Piece {
    piece
        .field(Field::plain(
            Attribute::text("auth_type", "What exported definitions call it."),
            "authType",
        ))
        .field(Field::plain(
            Attribute::text("authorizer_uri", "The function that decides."),
            "authorizerUri",
        ))
        .field(Field::plain(
            Attribute::text(
                "authorizer_credentials",
                "The role with which the function is called.",
            ),
            "authorizerCredentials",
        ))
        .field(
            Field::plain(
                Attribute::text("identity_source", "Where the caller's identity is."),
                "identitySource",
            )
            .or_computed(),
        )
        .field(Field::plain(
            Attribute::text(
                "identity_validation_expression",
                "A pattern that tokens must fit.",
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
        .field(Field::items(
            Attribute::text_set("provider_arns", "User pools whose tokens are taken."),
            "providerARNs",
        ))
}

/// What else a token must say.
fn claims() -> Field {
    let fields = vec![
        Field::plain(
            Attribute::text("claim_name", "The claim's name.").required(),
            "claimName",
        ),
        Field::plain(
            Attribute::text("format", "What it holds.")
                .or("SINGLE_STRING")
                .check(Check::OneOf(&["SINGLE_STRING"])),
            "format",
        ),
        Field::plain(
            Attribute::flag("required", "Whether it must be there."),
            "required",
        ),
        Field::plain(
            Attribute::text_list("expected_values", "Values of which it must be one."),
            "expectedValues",
        ),
    ];
    let description = "Claims that tokens of this issuer must have.";
    Field::nested(
        Nesting::List,
        "additional_claims",
        "additionalClaims",
        description,
        fields,
    )
}

/// Said once: API Gateway has no steps that alter it.
fn jwt() -> Field {
    let issuer = vec![
        Field::plain(
            Attribute::text("issuer", "Who issues the tokens, a URL."),
            "issuer",
        ),
        Field::plain(
            Attribute::text_set("audiences", "For whom the tokens are."),
            "audiences",
        ),
        Field::plain(
            Attribute::text("jwks_uri", "Where the issuer's keys are."),
            "jwksUri",
        ),
        claims(),
    ];
    Field::object(
        "jwt_configuration",
        "jwtConfiguration",
        "Which tokens are taken, for `JWT`.",
        vec![
            Field::nested(
                Nesting::List,
                "issuers",
                "issuers",
                "Issuers of tokens.",
                issuer,
            ),
            Field::plain(
                Attribute::text_set("default_algorithms", "Algorithms of signatures."),
                "defaultAlgorithms",
            ),
        ],
    )
    .once()
}
