//! Routing rules: which API of a custom domain name a request is for, by its path and headers.

use serde_json::{Value as Json, json};

use super::table::{Field, Make, Piece, Style};
use crate::framework::{Attribute, Check, Nesting, Resource};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(routing_rule())]
}

fn routing_rule() -> Piece {
    Piece::new(
        "edgeway_routing_rule",
        "routing rule",
        "Which API requests to a custom domain name are for, by path and headers. The domain \
         name's `routing_mode` must be one with rules.",
    )
    .at(
        "/v2/domainnames/{domain_name}/routingrules/{id}",
        Make::Post("/v2/domainnames/{domain_name}/routingrules"),
        Style::Put,
    )
    .listed(
        "/v2/domainnames/{domain_name}/routingrules",
        "routingRuleId",
        "id",
    )
    .imported_by(&["domain_name", "id"], "DOMAIN_NAME/ID")
    .id("routingRuleId", "The rule's id.")
    .under("domain_name", "The domain name.")
    .field(Field::plain(
        Attribute::number(
            "priority",
            "Lower ones are tried first; each is there once.",
        )
        .required()
        .check(Check::Range(1, 1_000_000)),
        "priority",
    ))
    .field(Field::plain(
        Attribute::text("api_id", "The API.").required(),
        "invoke/apiId",
    ))
    .field(Field::plain(
        Attribute::text("stage", "Its stage.").required(),
        "invoke/stage",
    ))
    .field(
        Field::plain(
            Attribute::flag(
                "strip_base_path",
                "Whether the API does not see the base path that fits.",
            ),
            "invoke/stripBasePath",
        )
        .or_computed(),
    )
    .field(conditions())
    .fill(|body, _, _| {
        let invoke = body["invoke"].take();
        body["actions"] = json!([{ "invokeApi": invoke }]);
        if body["conditions"].is_null() {
            body["conditions"] = json!([]);
        }
    })
    .shape(|body| {
        let invoke: Json = body["actions"][0]["invokeApi"].take();
        body["invoke"] = invoke;
    })
    .waits()
}

fn conditions() -> Field {
    let header = vec![
        Field::plain(
            Attribute::text("header", "The header's name.").required(),
            "header",
        ),
        Field::plain(
            Attribute::text(
                "value_glob",
                "Its value, with `*` at the start, the end or both for any text.",
            )
            .required(),
            "valueGlob",
        ),
    ];
    let headers = Field::nested(
        Nesting::List,
        "any_of",
        "anyOf",
        "Headers of which one must fit.",
        header,
    );
    let paths = Field::plain(
        Attribute::text_list("any_of", "Base paths of which one must fit.").required(),
        "anyOf",
    );
    Field::nested(
        Nesting::List,
        "conditions",
        "conditions",
        "What must be so, all of it: at most one condition on base paths and two on headers. \
         Without any, the rule is for all requests.",
        vec![
            Field::object(
                "match_base_paths",
                "matchBasePaths",
                "The path begins with one of these.",
                vec![paths],
            ),
            Field::object(
                "match_headers",
                "matchHeaders",
                "A header has one of these values.",
                vec![headers],
            ),
        ],
    )
}
