//! `Usage`: what keys have used of their quota, and a change of what remains to one of them.
//!
//! Counts come from the regions by way of a port; what remains follows from them and the plan. A
//! change of what remains is configuration: it holds for one key and one period.

use std::collections::BTreeMap;

use http::StatusCode;
use model::{
    ApiKeyId,
    rest::{ApiKey, Extra, Seen, SharedKey, SharedPart, UsagePlan, Window, day_of},
};
use serde_json::Value;
use time::{Date, Duration, Month};

use super::{
    kind::{Key, Part},
    patch::{self, Holds, R, Rule, rule},
    usage_plans,
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    operation::{Operation, read, write},
    page,
    refusal::Refusal,
};

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetUsage", "/usageplans/{plan}/usage", show),
    write(
        "UpdateUsage",
        "PATCH",
        "/usageplans/{plan}/keys/{key}/usage",
        update,
    ),
];

/// Days that one request may ask for.
const DAYS_MAX: i64 = 90;

const PAGES: page::Names = page::Names {
    token: "position",
    count: "limit",
};

const RULES: &[Rule] = &[rule("/remaining", R, Holds::Whole)];

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
    let wanted = call.query("keyId").filter(|id| !id.is_empty());
    let keys = plan.keys.iter();
    let keys = keys.filter(|id| wanted.is_none_or(|wanted| id.as_str() == wanted));
    // Only those of the page are counted.
    let named = keys.map(|id| (id.as_str(), id.clone()));
    let (page, position) = page::cut(call, &PAGES, named)?;
    let first = day(start)?;
    let last = first.saturating_add(u32::try_from(days - 1).unwrap_or(0));
    let values: BTreeMap<String, Value> = page
        .into_iter()
        .map(|id| (id.to_string(), values(call, plan, &id, (first, last))))
        .collect();
    let shown = usage(plan, &start.to_string(), &end.to_string(), &values);
    Answer::ok(&shown.maybe("position", position).done())
}

fn usage(plan: &UsagePlan, start: &str, end: &str, values: &BTreeMap<String, Value>) -> View {
    View::default()
        .put("usagePlanId", plan.id.as_str())
        .put("startDate", start)
        .put("endDate", end)
        // The wire's name for what SDKs call items.
        .put("values", super::view::object(values))
}

/// `[used, remaining]` of a key for each day.
fn values(call: &Call<'_>, plan: &UsagePlan, id: &ApiKeyId, (first, last): (u32, u32)) -> Value {
    let key = call.config.api_keys.get(id).map(|key| &**key);
    let allowance = |day| key.and_then(|key| plan.allowance(key, day));
    // What remains on the first day depends on the days of its period before.
    let from = allowance(first).map_or(first, |(window, _)| window.start);
    let counted = from..last.saturating_add(1);
    let used = call.ports.usage.used(&plan.id, id, counted.clone());
    let (mut so_far, mut current) = (0_u64, None);
    let mut shown = Vec::new();
    for (day, used) in counted.zip(used) {
        let allowed = allowance(day);
        let window = allowed.map(|(window, _)| window);
        if window != current {
            (so_far, current) = (0, window);
        }
        so_far = so_far.saturating_add(used);
        if day >= first {
            let allowed = allowed.map_or(0, |(_, limit)| u64::from(limit));
            shown.push(Value::from(vec![used, allowed.saturating_sub(so_far)]));
        }
    }
    shown.into()
}

/// Gives a key more of its quota, or takes some away, for the rest of the period.
fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let plan = usage_plans::plan(call)?;
    let missing = || Refusal::Missing("Invalid API Key identifier specified".to_owned());
    let id = plan.keys.get(call.argument(1)).ok_or_else(missing)?;
    let key = call.config.api_keys.get(id).ok_or_else(missing)?;
    let today = day_of(call.now_ms);
    let (window, used) = used_so_far(call, plan, key, today)?;
    let steps = patch::steps(call)?;
    let asked = patch::apply(View::default().done(), RULES, &steps)?;
    let remaining = asked.get("remaining").and_then(Value::as_u64);
    let remaining = remaining.ok_or_else(|| Refusal::bad("remaining must be a number"))?;
    let plain = UsagePlan {
        extras: BTreeMap::new(),
        ..plan.clone()
    };
    let usual = plain.allowance(key, today).map_or(0, |(_, limit)| limit);
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let requests = number(remaining)
        .saturating_add(number(used))
        .saturating_sub(usual.into());
    let extra = Extra {
        start_day: window.start,
        requests,
    };
    let change = Key::Shared(SharedKey::UsageExtra(plan.id.clone(), id.clone()));
    let op = change.change(
        Seen::Anything,
        Some(Part::Shared(SharedPart::UsageExtra(extra))),
    );
    let row = Value::from(vec![used, remaining]);
    let values = [(id.to_string(), Value::from(vec![row]))].into();
    let (from, to) = (name_of(window.start), name_of(window.end - 1));
    let shown = usage(plan, &from, &to, &values).done();
    Ok(Write::showing(op, move |_| {
        Answer::json(StatusCode::OK, &shown)
    }))
}

/// The period that `today` is in, and what the key has used in it.
fn used_so_far(
    call: &Call<'_>,
    plan: &UsagePlan,
    key: &ApiKey,
    today: u32,
) -> Result<(Window, u64), Refusal> {
    let allowance = plan.allowance(key, today);
    let (window, _) = allowance
        .ok_or_else(|| Refusal::bad("Usage Plan has no quota, so nothing of it can remain"))?;
    let used = call
        .ports
        .usage
        .used(&plan.id, &key.id, window.start..window.end);
    Ok((window, used.iter().sum()))
}

const EPOCH: Date = time::OffsetDateTime::UNIX_EPOCH.date();

/// Days since 1970-01-01.
fn day(date: Date) -> Result<u32, Refusal> {
    let days = (date - EPOCH).whole_days();
    u32::try_from(days).map_err(|_| Refusal::bad("startDate must not be before 1970"))
}

fn name_of(day: u32) -> String {
    let date = EPOCH.checked_add(Duration::days(day.into()));
    date.map_or_else(String::new, |date| date.to_string())
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
