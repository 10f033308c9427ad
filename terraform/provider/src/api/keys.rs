//! API keys, usage plans, and which key is in which plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::table::{Field, Make, Piece, Style, escaped};
use crate::{
    cty::{Value, to_json},
    framework::{Attribute, Check, Nesting, Resource},
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(api_key()),
        Box::new(usage_plan()),
        Box::new(usage_plan_key()),
    ]
}

fn api_key() -> Piece {
    Piece::new(
        "edgeway_api_key",
        "API key",
        "A key by which clients of REST APIs are known to usage plans. Without `value_wo` the \
         cluster makes the key's value, which is then in the state as `value`.",
    )
    .at("/apikeys/{id}", Make::Post("/apikeys"), Style::Operations)
    .listed("/apikeys?includeValues=true", "id", "id")
    .imported_by(&["id"], "ID")
    .id("id", "The key's id, which is not the key.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").check(Check::Length(1, 1024)),
        "name",
    ))
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(Field::plain(
        Attribute::flag("enabled", "Whether calls with it are let through.").or(true),
        "enabled",
    ))
    .field(Field::plain(
        Attribute::text("customer_id", "Whose it is, in a marketplace."),
        "customerId",
    ))
    .field(Field::plain(
        Attribute::text(
            "value",
            "What clients send in `x-api-key`, if the cluster has made it; null if it was \
                 given by `value_wo`.",
        )
        .computed()
        .sensitive()
        .stable(),
        "value",
    ))
    .field(Field::local(
        Attribute::text(
            "value_wo",
            "What clients are to send in `x-api-key`: 20 to 128 characters. Change \
             `value_wo_version` when this changes.",
        )
        .sensitive()
        .write_only()
        .check(Check::Length(20, 128)),
    ))
    .field(Field::local(
        Attribute::number(
            "value_wo_version",
            "Any number; a change makes a new key of `value_wo`.",
        )
        .replaces(),
    ))
    .fill(|body, _, config| {
        if let Some(value) = config.text("value_wo") {
            body["value"] = value.into();
        }
    })
    .finish(|state, known| {
        if known.attribute("value_wo_version").is_set() {
            state.set("value", Value::Null);
        } else if state.attribute("value").is_null() {
            // The answer to a change does not say it again.
            state.set("value", known.attribute("value").clone());
        }
    })
    .validate(super::paired("value_wo", "value_wo_version"))
    .tagged("/apikeys/{id}")
}

fn throttle() -> Vec<Field> {
    vec![
        Field::plain(
            Attribute::number("burst_limit", "Requests at once.").check(Check::Range(0, 1 << 31)),
            "burstLimit",
        ),
        Field::plain(
            Attribute::number("rate_limit", "Requests a second over time."),
            "rateLimit",
        ),
    ]
}

fn usage_plan() -> Piece {
    let stage = vec![
        Field::plain(
            Attribute::text("api_id", "The REST API.").required(),
            "apiId",
        ),
        Field::plain(
            Attribute::text("stage", "The stage's name.").required(),
            "stage",
        ),
        Field::nested(
            Nesting::Map,
            "throttle",
            "throttle",
            "Limits of methods, by `/PATH/VERB`, such as `/pets/GET`.",
            throttle(),
        ),
    ];
    let piece = Piece::new(
        "edgeway_usage_plan",
        "usage plan",
        "How much holders of API keys may use of which stages.",
    )
    .at(
        "/usageplans/{id}",
        Make::Post("/usageplans"),
        Style::Operations,
    )
    .listed("/usageplans", "id", "id")
    .imported_by(&["id"], "ID")
    .id("id", "The plan's id.")
    .field(Field::plain(
        Attribute::text("name", "A name for people.").required(),
        "name",
    ))
    .field(Field::plain(
        Attribute::text("description", "What it is for."),
        "description",
    ))
    .field(Field::plain(
        Attribute::text("product_code", "The product's code in a marketplace."),
        "productCode",
    ))
    .field(Field::nested(
        Nesting::Set,
        "api_stages",
        "apiStages",
        "The stages that keys of this plan open.",
        stage,
    ));
    limited(piece)
}

/// What its keys may use.
fn limited(piece: Piece) -> Piece {
    piece
        .field(Field::object(
            "throttle",
            "throttle",
            "How fast a key may call.",
            throttle(),
        ))
        .field(Field::object(
            "quota",
            "quota",
            "How many requests a key has in a period.",
            vec![
                Field::plain(Attribute::number("limit", "Requests.").required(), "limit"),
                Field::plain(
                    Attribute::number("offset", "Requests that are taken off the first period.")
                        .or(0),
                    "offset",
                ),
                Field::plain(
                    Attribute::text("period", "The period.")
                        .required()
                        .check(Check::OneOf(&["DAY", "WEEK", "MONTH"])),
                    "period",
                ),
            ],
        ))
        .steps(stage_steps)
        .before_delete(|plan| stage_steps(plan, &Value::Null))
        .tagged("/usageplans/{id}")
}

/// The stages of a plan by `API:STAGE`, with their methods' limits.
fn stages(plan: &Value) -> BTreeMap<String, &Value> {
    let stages = plan.attribute("api_stages").items().iter();
    let stages = stages.map(|stage| {
        let part = |name: &str| stage.text(name).unwrap_or_default();
        let name = format!("{}:{}", part("api_id"), part("stage"));
        (name, stage.attribute("throttle"))
    });
    stages.collect()
}

/// Stages are added and removed whole; limits of methods are given as one JSON text.
fn stage_steps(prior: &Value, planned: &Value) -> Vec<Json> {
    let (old, new) = (stages(prior), stages(planned));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut steps = Vec::new();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(_), None) => {
                steps.push(json!({ "op": "remove", "path": "/apiStages", "value": name }));
                continue;
            }
            (None, Some(_)) => {
                steps.push(json!({ "op": "add", "path": "/apiStages", "value": name }));
            }
            (Some(old), Some(new)) if old == new => continue,
            _ => {}
        }
        let path = format!("/apiStages/{}/throttle", escaped(name));
        let limits = new.get(name).and_then(|limits| limits.map());
        match limits.filter(|limits| !limits.is_empty()) {
            Some(limits) => {
                let limits = limits.iter().map(|(at, one)| (at.clone(), limit(one)));
                let value = Json::Object(limits.collect()).to_string();
                steps.push(json!({ "op": "replace", "path": path, "value": value }));
            }
            None if old.contains_key(name) => {
                steps.push(json!({ "op": "remove", "path": path }));
            }
            None => {}
        }
    }
    steps
}

fn limit(one: &Value) -> Json {
    let mut json = json!({});
    for (name, wire) in [("burst_limit", "burstLimit"), ("rate_limit", "rateLimit")] {
        let value = one.attribute(name);
        if value.is_set() {
            json[wire] = to_json(value);
        }
    }
    json
}

fn usage_plan_key() -> Piece {
    Piece::new(
        "edgeway_usage_plan_key",
        "key of the usage plan",
        "Puts an API key into a usage plan.",
    )
    .at(
        "/usageplans/{usage_plan_id}/keys/{key_id}",
        Make::Post("/usageplans/{usage_plan_id}/keys"),
        Style::Never,
    )
    .listed("/usageplans/{usage_plan_id}/keys", "id", "key_id")
    .imported_by(&["usage_plan_id", "key_id"], "USAGE_PLAN_ID/KEY_ID")
    .under("usage_plan_id", "The plan.")
    .field(Field::plain(Attribute::text("key_id", "The key's id.").required(), "id").once())
    .field(Field::plain(
        Attribute::text("name", "The key's name.").computed(),
        "name",
    ))
    .fill(|body, planned, _| {
        *body = json!({ "keyId": planned.text("key_id"), "keyType": "API_KEY" });
    })
}
