//! Which API is under which path of a custom domain name.

use super::table::{Field, Make, Piece, Style};
use crate::framework::{Attribute, Resource};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(base_path_mapping()), Box::new(api_mapping())]
}

fn base_path_mapping() -> Piece {
    Piece::new(
        "edgeway_base_path_mapping",
        "base path mapping",
        "Which REST API is under a path of a custom domain name.",
    )
    .at(
        "/domainnames/{domain_name}/basepathmappings/{base_path}",
        Make::Post("/domainnames/{domain_name}/basepathmappings"),
        Style::Operations,
    )
    .listed(
        "/domainnames/{domain_name}/basepathmappings",
        "basePath",
        "base_path",
    )
    .imported_by(&["domain_name", "base_path"], "DOMAIN_NAME/BASE_PATH")
    .under("domain_name", "The domain name.")
    .field(
        Field::plain(
            Attribute::text(
                "base_path",
                "The first segments of the path; `(none)` is all.",
            )
            .or("(none)"),
            "basePath",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("rest_api_id", "The API.").required(),
        "restApiId",
    ))
    .field(Field::plain(
        Attribute::text("stage", "Its stage; without it, the next segment says."),
        "stage",
    ))
    .waits()
}

fn api_mapping() -> Piece {
    Piece::new(
        "edgeway_api_mapping",
        "API mapping",
        "Which API of either kind is under a path of a custom domain name.",
    )
    .at(
        "/v2/domainnames/{domain_name}/apimappings/{id}",
        Make::Post("/v2/domainnames/{domain_name}/apimappings"),
        Style::Document,
    )
    .listed(
        "/v2/domainnames/{domain_name}/apimappings",
        "apiMappingId",
        "id",
    )
    .imported_by(&["domain_name", "id"], "DOMAIN_NAME/ID")
    .id("apiMappingId", "The mapping's id.")
    .under("domain_name", "The domain name.")
    .field(Field::plain(
        Attribute::text("api_id", "The API.").required(),
        "apiId",
    ))
    .field(Field::plain(
        Attribute::text("stage", "Its stage.").required(),
        "stage",
    ))
    .field(Field::plain(
        Attribute::text(
            "api_mapping_key",
            "The first segments of the path; null is all.",
        ),
        "apiMappingKey",
    ))
    .waits()
}
