//! What only WebSocket APIs need piece by piece: models, responses of integrations and of routes.

use super::{
    rest_api::same_json,
    routes::{content_handling, parameters},
    table::{Field, Make, Piece, Style},
};
use crate::framework::{Attribute, Check, Resource, json as is_json};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(model()),
        Box::new(integration_response()),
        Box::new(route_response()),
    ]
}

fn model() -> Piece {
    Piece::new(
        "edgeway_api_model",
        "model",
        "A JSON schema that messages of a WebSocket API are validated against.",
    )
    .at(
        "/v2/apis/{api_id}/models/{id}",
        Make::Post("/v2/apis/{api_id}/models"),
        Style::Document,
    )
    .listed("/v2/apis/{api_id}/models", "modelId", "id")
    .imported_by(&["api_id", "id"], "API_ID/ID")
    .id("modelId", "The model's id.")
    .under("api_id", "The API.")
    .field(Field::plain(
        Attribute::text("name", "Its name: letters and digits.").required(),
        "name",
    ))
    .field(Field::plain(
        Attribute::text("content_type", "The media type of its messages.").or("application/json"),
        "contentType",
    ))
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

fn integration_response() -> Piece {
    Piece::new(
        "edgeway_api_integration_response",
        "integration response",
        "What is made of an answer of a WebSocket API's backend.",
    )
    .at(
        "/v2/apis/{api_id}/integrations/{integration_id}/integrationresponses/{id}",
        Make::Post("/v2/apis/{api_id}/integrations/{integration_id}/integrationresponses"),
        Style::Document,
    )
    .listed(
        "/v2/apis/{api_id}/integrations/{integration_id}/integrationresponses",
        "integrationResponseId",
        "id",
    )
    .imported_by(
        &["api_id", "integration_id", "id"],
        "API_ID/INTEGRATION_ID/ID",
    )
    .id("integrationResponseId", "The response's id.")
    .under("api_id", "The API.")
    .under("integration_id", "The integration.")
    .field(Field::plain(
        Attribute::text(
            "integration_response_key",
            "Which answers: `$default`, or a pattern of statuses or errors such as `/5../`.",
        )
        .required(),
        "integrationResponseKey",
    ))
    .field(Field::plain(content_handling(), "contentHandlingStrategy").once())
    .field(Field::plain(
        Attribute::texts_by_name("response_parameters", "What is put where."),
        "responseParameters",
    ))
    .field(Field::plain(
        Attribute::texts_by_name(
            "response_templates",
            "Templates by what the expression says.",
        ),
        "responseTemplates",
    ))
    .field(Field::plain(
        Attribute::text(
            "template_selection_expression",
            "Which template an answer gets.",
        ),
        "templateSelectionExpression",
    ))
    .with_revision()
}

fn route_response() -> Piece {
    Piece::new(
        "edgeway_route_response",
        "route response",
        "How clients of a WebSocket API are answered on a route.",
    )
    .at(
        "/v2/apis/{api_id}/routes/{route_id}/routeresponses/{id}",
        Make::Post("/v2/apis/{api_id}/routes/{route_id}/routeresponses"),
        Style::Document,
    )
    .listed(
        "/v2/apis/{api_id}/routes/{route_id}/routeresponses",
        "routeResponseId",
        "id",
    )
    .imported_by(&["api_id", "route_id", "id"], "API_ID/ROUTE_ID/ID")
    .id("routeResponseId", "The response's id.")
    .under("api_id", "The API.")
    .under("route_id", "The route.")
    .field(Field::plain(
        Attribute::text("route_response_key", "Which answers.")
            .or("$default")
            .check(Check::OneOf(&["$default"])),
        "routeResponseKey",
    ))
    .field(Field::plain(
        Attribute::text("model_selection_expression", "Which model an answer has."),
        "modelSelectionExpression",
    ))
    .field(Field::plain(
        Attribute::texts_by_name(
            "response_models",
            "Names of models by what the expression says.",
        ),
        "responseModels",
    ))
    .field(parameters("response_parameters", "responseParameters"))
    .with_revision()
}
