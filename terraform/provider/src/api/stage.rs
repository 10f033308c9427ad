//! Stages of REST APIs.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::table::{Field, Make, Piece, Style, escaped};
use crate::{
    cty::{Value, to_json},
    framework::{Attribute, Check, Nesting, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(stage())]
}

const CACHE_SIZES: &[&str] = &["0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237"];

pub(super) fn stage() -> Piece {
    Piece::new(
        "edgeway_stage",
        "stage",
        "A stage of a REST API: where a deployment is served, and how. All settings of its \
         methods are here and nowhere else.",
    )
    .at(
        "/restapis/{rest_api_id}/stages/{stage_name}",
        Make::Post("/restapis/{rest_api_id}/stages"),
        Style::Operations,
    )
    .listed("/restapis/{rest_api_id}/stages", "stageName", "stage_name")
    .imported_by(&["rest_api_id", "stage_name"], "REST_API_ID/STAGE_NAME")
    .under("rest_api_id", "The API.")
    .field(
        Field::plain(
            Attribute::text("stage_name", "The first segment of the path.").required(),
            "stageName",
        )
        .once(),
    )
    .field(Field::plain(
        Attribute::text("deployment_id", "The deployment that is served.").required(),
        "deploymentId",
    ))
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(Field::variables(
        Attribute::texts_by_name("variables", "Stage variables by their names."),
        "variables",
    ))
    .field(Field::plain(
        Attribute::flag("cache_cluster_enabled", "Whether answers are kept.").or(false),
        "cacheClusterEnabled",
    ))
    .field(Field::plain(
        Attribute::text("cache_cluster_size", "How much is kept, gigabytes.")
            .check(Check::OneOf(CACHE_SIZES)),
        "cacheClusterSize",
    ))
    .field(Field::plain(
        Attribute::flag("tracing_enabled", "Whether requests are traced.").or(false),
        "tracingEnabled",
    ))
    .field(Field::plain(
        Attribute::text(
            "documentation_version",
            "The documentation that goes with it.",
        ),
        "documentationVersion",
    ))
    .field(Field::plain(
        Attribute::text(
            "client_certificate_id",
            "The certificate by which backends know the cluster.",
        ),
        "clientCertificateId",
    ))
    .field(access_log())
    .field(canary())
    .field(method_settings())
    .steps(method_steps)
    .then(method_steps)
    .tagged("/restapis/{rest_api_id}/stages/{stage_name}")
    .waits()
}

/// The access log of a stage of either version.
pub(super) fn access_log() -> Field {
    Field::object(
        "access_log_settings",
        "accessLogSettings",
        "The access log.",
        vec![
            Field::plain(
                Attribute::text("destination_arn", "Where lines go.").required(),
                "destinationArn",
            ),
            Field::plain(
                Attribute::text("format", "A line, with `$context` variables.").required(),
                "format",
            ),
        ],
    )
}

fn canary() -> Field {
    Field::object(
        "canary_settings",
        "canarySettings",
        "A second deployment that gets a part of the requests.",
        vec![
            Field::plain(
                Attribute::number("percent_traffic", "Percent of the requests.").or(0),
                "percentTraffic",
            ),
            Field::plain(
                Attribute::text("deployment_id", "The second deployment.").required(),
                "deploymentId",
            ),
            Field::variables(
                Attribute::texts_by_name(
                    "stage_variable_overrides",
                    "Variables that are others there.",
                ),
                "stageVariableOverrides",
            ),
            Field::plain(
                Attribute::flag("use_stage_cache", "Whether both share what is kept.").or(false),
                "useStageCache",
            ),
        ],
    )
}

/// Attribute, field, and the end of the path of each setting of methods.
const SETTINGS: [(&str, &str, &str); 10] = [
    ("metrics_enabled", "metricsEnabled", "metrics/enabled"),
    ("logging_level", "loggingLevel", "logging/loglevel"),
    (
        "data_trace_enabled",
        "dataTraceEnabled",
        "logging/dataTrace",
    ),
    (
        "throttling_burst_limit",
        "throttlingBurstLimit",
        "throttling/burstLimit",
    ),
    (
        "throttling_rate_limit",
        "throttlingRateLimit",
        "throttling/rateLimit",
    ),
    ("caching_enabled", "cachingEnabled", "caching/enabled"),
    (
        "cache_ttl_in_seconds",
        "cacheTtlInSeconds",
        "caching/ttlInSeconds",
    ),
    (
        "cache_data_encrypted",
        "cacheDataEncrypted",
        "caching/dataEncrypted",
    ),
    (
        "require_authorization_for_cache_control",
        "requireAuthorizationForCacheControl",
        "caching/requireAuthorizationForCacheControl",
    ),
    (
        "unauthorized_cache_control_header_strategy",
        "unauthorizedCacheControlHeaderStrategy",
        "caching/unauthorizedCacheControlHeaderStrategy",
    ),
];

fn setting(name: &'static str) -> Attribute {
    match name {
        "metrics_enabled" => Attribute::flag(name, "Metrics of their own.").or(false),
        "logging_level" => Attribute::text(name, "How much is logged.")
            .or("OFF")
            .check(Check::OneOf(&["OFF", "ERROR", "INFO"])),
        "data_trace_enabled" => Attribute::flag(name, "Whether bodies are logged.").or(false),
        "throttling_burst_limit" => Attribute::number(name, "Requests at once.").or(5_000),
        "throttling_rate_limit" => Attribute::number(name, "Requests a second.").or(10_000),
        "caching_enabled" => Attribute::flag(name, "Whether answers are kept.").or(false),
        "cache_ttl_in_seconds" => Attribute::number(name, "For how long, seconds.")
            .or(300)
            .check(Check::Range(0, 3600)),
        "cache_data_encrypted" => Attribute::flag(name, "Whether they are encrypted.").or(false),
        "require_authorization_for_cache_control" => {
            Attribute::flag(name, "Whether asking for fresh answers needs a permission.").or(true)
        }
        _ => Attribute::text(name, "What those without it get.")
            .or("SUCCEED_WITH_RESPONSE_HEADER")
            .check(Check::OneOf(&[
                "FAIL_WITH_403",
                "SUCCEED_WITH_RESPONSE_HEADER",
                "SUCCEED_WITHOUT_RESPONSE_HEADER",
            ])),
    }
}

fn method_settings() -> Field {
    let fields = SETTINGS.iter();
    let fields = fields.map(|(name, wire, _)| Field::plain(setting(name), wire));
    let mut field = Field::nested(
        Nesting::Map,
        "method_settings",
        "methodSettings",
        "Settings of methods, by `PATH/VERB` without the first slash, such as `pets/GET`; `*/*` \
         is all methods.",
        fields.collect(),
    );
    // Said by steps alone.
    field.silent = true;
    field
}

/// Each setting that differs, each entry that is gone.
fn method_steps(prior: &Value, planned: &Value) -> Vec<Json> {
    let (old, new) = (
        prior.attribute("method_settings"),
        planned.attribute("method_settings"),
    );
    if old == new || new.is_unknown() {
        return Vec::new();
    }
    let names = |value: &Value| -> BTreeSet<String> {
        let names = value.map().into_iter().flat_map(|map| map.keys());
        names.cloned().collect()
    };
    let mut steps = Vec::new();
    for key in names(old).difference(&names(new)) {
        steps.push(json!({ "op": "remove", "path": path(key) }));
    }
    // What is said of all methods comes first: new entries begin as that.
    for key in names(new) {
        let (old, new) = (old.attribute(&key), new.attribute(&key));
        for (name, _, end) in SETTINGS {
            let value = new.attribute(name);
            if old.attribute(name) == value {
                continue;
            }
            let text = match to_json(value) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            let path = format!("{}/{end}", path(&key));
            steps.push(json!({ "op": "replace", "path": path, "value": text }));
        }
    }
    steps
}

/// `PATH/VERB` as a path of steps: the path is one segment.
fn path(key: &str) -> String {
    let (path, verb) = key.rsplit_once('/').unwrap_or(("", key));
    let path = if path == "*" {
        path.to_owned()
    } else {
        escaped(&format!("/{path}"))
    };
    format!("/{path}/{verb}")
}
