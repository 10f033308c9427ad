//! Documentation of REST APIs: its parts, and versions of all of them.

use super::{
    rest_api::same_json,
    table::{Field, Make, Piece, Style},
};
use crate::framework::{Attribute, Check, Resource, json as is_json};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(part()), Box::new(version())]
}

const KINDS: &[&str] = &[
    "API",
    "AUTHORIZER",
    "MODEL",
    "RESOURCE",
    "METHOD",
    "PATH_PARAMETER",
    "QUERY_PARAMETER",
    "REQUEST_HEADER",
    "REQUEST_BODY",
    "RESPONSE",
    "RESPONSE_HEADER",
    "RESPONSE_BODY",
];

fn part() -> Piece {
    let text = |name, wire, description| Field::plain(Attribute::text(name, description), wire);
    let location = vec![
        Field::plain(
            Attribute::text("type", "What kind of thing it is.")
                .required()
                .check(Check::OneOf(KINDS)),
            "type",
        ),
        text("path", "path", "The path, such as `/pets`."),
        text("method", "method", "The method, or `*`."),
        text("status_code", "statusCode", "The status, or `*`."),
        text("name", "name", "The name of a parameter, header or model."),
    ];
    Piece::new(
        "edgeway_documentation_part",
        "documentation part",
        "What is documented of one thing of a REST API.",
    )
    .at(
        "/restapis/{rest_api_id}/documentation/parts/{id}",
        Make::Post("/restapis/{rest_api_id}/documentation/parts"),
        Style::Operations,
    )
    .listed("/restapis/{rest_api_id}/documentation/parts", "id", "id")
    .imported_by(&["rest_api_id", "id"], "REST_API_ID/ID")
    .id("id", "The part's id.")
    .under("rest_api_id", "The API.")
    .field(
        Field::object("location", "location", "Of what it is.", location)
            .required()
            .once(),
    )
    .field(Field::plain(
        Attribute::text("properties", "What is to be said, JSON.")
            .required()
            .check(Check::Text(is_json))
            .same(same_json),
        "properties",
    ))
}

fn version() -> Piece {
    Piece::new(
        "edgeway_documentation_version",
        "documentation version",
        "A copy of all documentation parts, for a stage's `documentation_version`. It is of the \
         parts as they are when it is made: list them in `depends_on`.",
    )
    .at(
        "/restapis/{rest_api_id}/documentation/versions/{version}",
        Make::Post("/restapis/{rest_api_id}/documentation/versions"),
        Style::Operations,
    )
    .listed(
        "/restapis/{rest_api_id}/documentation/versions",
        "version",
        "version",
    )
    .imported_by(&["rest_api_id", "version"], "REST_API_ID/VERSION")
    .under("rest_api_id", "The API.")
    .field(
        Field::plain(
            Attribute::text("version", "Its name.").required(),
            "version",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("description", "What is new."),
        "description",
    ))
    .fill(|body, planned, _| {
        body["documentationVersion"] = planned.text("version").into();
    })
}
