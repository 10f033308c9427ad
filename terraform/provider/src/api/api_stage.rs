//! Stages of HTTP and WebSocket APIs.

use super::{
    stage::access_log,
    table::{Field, Make, Piece, Style},
};
use crate::{
    cty::Value,
    framework::{Attribute, Check, Nesting, Note, Path, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(stage())]
}

fn route_settings() -> Vec<Field> {
    vec![
        Field::plain(
            Attribute::number("throttling_burst_limit", "Requests at once."),
            "throttlingBurstLimit",
        ),
        Field::plain(
            Attribute::number("throttling_rate_limit", "Requests a second."),
            "throttlingRateLimit",
        ),
        Field::plain(
            Attribute::flag("detailed_metrics_enabled", "Metrics of each route.").or(false),
            "detailedMetricsEnabled",
        ),
        Field::plain(
            Attribute::text("logging_level", "How much is logged; WebSocket APIs only.")
                .check(Check::OneOf(&["OFF", "ERROR", "INFO"])),
            "loggingLevel",
        ),
        Field::plain(
            Attribute::flag(
                "data_trace_enabled",
                "Whether messages are logged; WebSocket APIs only.",
            ),
            "dataTraceEnabled",
        ),
    ]
}

pub(super) fn stage() -> Piece {
    let piece = Piece::new(
        "edgeway_api_stage",
        "stage",
        "A stage of an HTTP or WebSocket API: where a deployment is served, and how.",
    )
    .at(
        "/v2/apis/{api_id}/stages/{name}",
        Make::Post("/v2/apis/{api_id}/stages"),
        Style::Document,
    )
    .listed("/v2/apis/{api_id}/stages", "stageName", "name")
    .imported_by(&["api_id", "name"], "API_ID/NAME")
    .under("api_id", "The API.")
    .field(
        Field::plain(
            Attribute::text("name", "The first segment of the path; `$default` is none.")
                .required(),
            "stageName",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::flag(
            "auto_deploy",
            "Whether every change of the API is deployed at once.",
        )
        .or(false),
        "autoDeploy",
    ))
    .field(
        Field::plain(
            Attribute::text("deployment_id", "The deployment that is served."),
            "deploymentId",
        )
        .or_computed(),
    )
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(Field::variables(
        Attribute::texts_by_name("stage_variables", "Stage variables by their names."),
        "stageVariables",
    ));
    settings(piece)
}

/// Its settings, and what goes with them.
fn settings(piece: Piece) -> Piece {
    piece
        .field(Field::plain(
            Attribute::text(
                "client_certificate_id",
                "The certificate by which backends know the cluster.",
            ),
            "clientCertificateId",
        ))
        .field(Field::object(
            "default_route_settings",
            "defaultRouteSettings",
            "Settings of all routes that have none of their own.",
            route_settings(),
        ))
        .field(
            Field::nested(
                Nesting::Map,
                "route_settings",
                "routeSettings",
                "Settings of routes, by route key.",
                route_settings(),
            )
            .removed_at("routesettings"),
        )
        .field(access_log().removed_at("accesslogsettings"))
        .validate(|config| {
            let auto = config.flag("auto_deploy") == Some(true);
            let both = auto && config.attribute("deployment_id").is_set();
            let detail = "A stage that deploys by itself chooses its deployment by itself.";
            let note = || Note::error("Two sources of deployments", detail);
            both.then(|| note().at(Path::of("deployment_id")))
                .into_iter()
                .collect()
        })
        .finish(|state, known| {
            // Shown whether somebody has said anything or not.
            let name = "default_route_settings";
            if !known.attribute(name).is_set() && says_nothing(state.attribute(name)) {
                state.set(name, Value::Null);
            }
        })
        .tagged("/apis/{api_id}/stages/{name}")
        .waits()
}

/// Whether settings are those of a stage that has none.
fn says_nothing(settings: &Value) -> bool {
    let usual = |value: &Value| {
        value.is_null() || value.as_bool() == Some(false) || value.as_text() == Some("OFF")
    };
    let mut values = settings.map().into_iter().flat_map(|map| map.values());
    values.all(usual)
}
