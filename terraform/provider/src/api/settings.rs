//! Settings that a cluster always has: they are altered, never made or deleted.

use http::Method;
use serde_json::json;

use super::table::{Field, Left, Make, Piece, Style};
use crate::framework::{Attribute, Check, Resource};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(account()), Box::new(rollout_policy())]
}

fn account() -> Piece {
    Piece::new(
        "edgeway_account",
        "account",
        "Settings of all REST APIs together. Destroying it restores what a new cluster has.",
    )
    .at("/account", Make::Alter, Style::Operations)
    .imported_by(&["id"], "account")
    .field(Field::plain(
        Attribute::text(
            "cloudwatch_role_arn",
            "The role that Amazon's tools expect here; kept, and of no effect.",
        ),
        "cloudwatchRoleArn",
    ))
    .finish(|state, _| state.set("id", "account"))
    .left(Left::Restored(|| {
        let step = json!({ "op": "replace", "path": "/cloudwatchRoleArn" });
        (Method::PATCH, json!({ "patchOperations": [step] }))
    }))
}

fn rollout_policy() -> Piece {
    let number = |name, wire, max, description| {
        let attribute = Attribute::number(name, description);
        Field::plain(attribute.check(Check::Range(0, max)), wire).or_computed()
    };
    Piece::new(
        "edgeway_rollout_policy",
        "rollout policy",
        "How changes of APIs go out: everywhere at once, or to a POP and a region first. \
         Destroying it restores what a new cluster has.",
    )
    .at("/edgeway/v1/rollout-policy", Make::Put, Style::Put)
    .imported_by(&["id"], "rollout-policy")
    .field(Field::plain(
        Attribute::flag("staged", "Whether they go out in stages.").or(false),
        "staged",
    ))
    .field(number(
        "soak_ms",
        "soakMs",
        86_400_000,
        "How long a stage is looked at, milliseconds.",
    ))
    .field(number(
        "errors_rise_permille",
        "errorsRisePermille",
        1_000,
        "How many more of a thousand requests may fail than before.",
    ))
    .field(number(
        "p99_rise_ms",
        "p99RiseMs",
        60_000,
        "How much slower the slowest hundredth may be than before, milliseconds.",
    ))
    .field(number(
        "requests_min",
        "requestsMin",
        1_000_000,
        "Requests without which a stage is not judged.",
    ))
    .field(Field::plain(
        Attribute::text("pop", "The first POP; the cluster's choice unless given."),
        "pop",
    ))
    .field(Field::plain(
        Attribute::text(
            "region",
            "The first region; the cluster's choice unless given.",
        ),
        "region",
    ))
    .finish(|state, _| state.set("id", "rollout-policy"))
    .left(Left::Restored(|| (Method::PUT, json!({}))))
}
