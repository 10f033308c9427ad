//! `Usage`: what keys have used of their quota.
//!
//! Nothing is counted as long as regions do not run REST APIs, so every day shows none used and the
//! whole quota remaining; raising what remains is refused by name.

use std::collections::BTreeMap;

use model::ApiKeyId;
use serde_json::Value;
use time::{Date, Month};

use super::{usage_plans, view::View};
use crate::{
    answer::Answer,
    call::Call,
    operation::{Operation, read, unsupported},
    page,
    refusal::Refusal,
};

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetUsage", "/usageplans/{plan}/usage", show),
    unsupported(
        "UpdateUsage",
        "PATCH",
        "/usageplans/{plan}/keys/{key}/usage",
    ),
];

/// Days that one request may ask for.
const DAYS_MAX: i64 = 90;

const PAGES: page::Names = page::Names {
    token: "position",
    count: "limit",
};

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let plan = usage_plans::plan(call)?;
    let (start, end) = (date(call, "startDate")?, date(call, "endDate")?);
    let days = (end - start).whole_days() + 1;
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Refusal::bad(format!(
            "endDate must be at most {} days after startDate",
            DAYS_MAX - 1
        )));
    }
    let remaining = plan.quota.map_or(0, |quota| quota.limit);
    let wanted = call.query("keyId").filter(|id| !id.is_empty());
    let keys = plan.keys.iter().map(ApiKeyId::as_str);
    let keys = keys.filter(|id| wanted.is_none_or(|wanted| *id == wanted));
    let used = (0..days).map(|_| Value::from(vec![0, remaining]));
    let used: Vec<Value> = used.collect();
    let values = keys.map(|id| (id, (id.to_owned(), Value::from(used.clone()))));
    let (values, position) = page::cut(call, &PAGES, values)?;
    let values: BTreeMap<String, Value> = values.into_iter().collect();
    let view = View::default()
        .put("usagePlanId", plan.id.as_str())
        .put("startDate", start.to_string())
        .put("endDate", end.to_string())
        // The wire's name for what SDKs call items.
        .put("values", super::view::object(&values))
        .maybe("position", position);
    Answer::ok(&view.done())
}

/// `YYYY-MM-DD`
fn date(call: &Call<'_>, name: &str) -> Result<Date, Refusal> {
    let text = call.query(name).unwrap_or_default();
    let parts: Vec<&str> = text.split('-').collect();
    let read = || {
        let [year, month, day] = parts.as_slice() else {
            return None;
        };
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    read().ok_or_else(|| Refusal::bad(format!("Invalid {name}: {text}. It must be YYYY-MM-DD")))
}
