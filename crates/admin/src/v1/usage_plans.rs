//! `UsagePlan`: what may be used, how fast and how much.

use model::{
    ApiKeyId, Config, UsagePlanId,
    rest::{Period, PlanStage, Quota, SharedKey, SharedPart, Throttle, UsagePlan},
};
use serde_json::{Map, Value};

use super::{
    checks,
    kind::{self, Key, Kind, Part},
    patch::{AR, ARD, D, Holds, R, Rule, Step, Verb, rule, unescaped},
    view::{View, double, object},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ONE: &str = "/usageplans/{plan}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetUsagePlans", "/usageplans", list),
    write("CreateUsagePlan", "POST", "/usageplans", create),
    read("GetUsagePlan", ONE, kind::show::<UsagePlans>),
    write("UpdateUsagePlan", "PATCH", ONE, kind::update::<UsagePlans>),
    write("DeleteUsagePlan", "DELETE", ONE, kind::delete::<UsagePlans>),
];

struct UsagePlans;

impl Kind for UsagePlans {
    type Item = UsagePlan;

    const RULES: &'static [Rule] = &[
        rule("/description", R, Holds::Text),
        rule("/name", R, Holds::Text),
        rule("/productCode", ARD, Holds::Text),
        rule("/quota", D, Holds::Object),
        rule("/quota/limit", AR, Holds::Whole),
        rule("/quota/offset", AR, Holds::Whole),
        rule("/quota/period", AR, Holds::Text),
        rule("/throttle", D, Holds::Object),
        rule("/throttle/burstLimit", AR, Holds::Whole),
        rule("/throttle/rateLimit", AR, Holds::Double),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        Ok(Key::Shared(SharedKey::UsagePlan(call.argument(0).into())))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        missing()
    }

    fn item(part: Part) -> Option<UsagePlan> {
        match part {
            Part::Shared(SharedPart::UsagePlan(plan)) => Some(*plan),
            _ => None,
        }
    }

    fn part(plan: UsagePlan) -> Part {
        Part::Shared(SharedPart::UsagePlan(plan.into()))
    }

    fn view(plan: &UsagePlan) -> Value {
        shape(plan)
    }

    fn read(
        call: &Call<'_>,
        input: &Document,
        old: Option<&UsagePlan>,
    ) -> Result<UsagePlan, Refusal> {
        let stages = match old {
            // Altered by steps of their own.
            Some(old) => old.stages.clone(),
            None => stages(call.config, input)?,
        };
        let limits = input.object("throttle")?;
        Ok(UsagePlan {
            id: old.map_or_else(
                || UsagePlanId::from(ids::deployment()),
                |old| old.id.clone(),
            ),
            name: checks::name(input, "Usage Plan name cannot be empty")?,
            description: checks::optional(input, "description")?,
            stages,
            throttle: limits.as_ref().map(throttle).transpose()?,
            quota: input.object("quota")?.as_ref().map(quota).transpose()?,
            product_code: checks::optional(input, "productCode")?,
            tags: match old {
                Some(old) => old.tags.clone(),
                None => checks::tags(input)?,
            },
            keys: [].into(),
            extras: [].into(),
        })
    }

    fn shown(_config: &Config, _key: &Key, plan: &UsagePlan) -> Value {
        shape(plan)
    }

    fn special(plan: &mut UsagePlan, steps: Vec<Step>) -> Result<Vec<Step>, Refusal> {
        let mut rest = Vec::new();
        for step in steps {
            if step.segments.first().map(String::as_str) == Some("apiStages") {
                patch_stages(plan, &step)?;
            } else {
                rest.push(step);
            }
        }
        Ok(rest)
    }
}

fn stages(config: &Config, input: &Document) -> Result<Vec<PlanStage>, Refusal> {
    let stage = |one: &Document| {
        let api = one.text("apiId")?.unwrap_or_default();
        let stage = one.text("stage")?.unwrap_or_default();
        super::api_keys::known_stage(config, &api, &stage)?;
        let limits = one.object("throttle")?.unwrap_or_default();
        let names: Vec<String> = limits.names().map(str::to_owned).collect();
        let limits = names.into_iter().map(|name| {
            let one = limits.object(&name)?.unwrap_or_default();
            Ok((name, throttle(&one)?))
        });
        Ok(PlanStage {
            api: api.into(),
            stage: stage.into(),
            throttle: limits.collect::<Result<_, Refusal>>()?,
        })
    };
    let all = input.objects("apiStages")?.unwrap_or_default();
    all.iter().map(stage).collect()
}

fn throttle(input: &Document) -> Result<Throttle, Refusal> {
    Ok(Throttle {
        burst: checks::count(input, "burstLimit")?,
        rate: checks::rate(input, "rateLimit")?,
    })
}

fn quota(input: &Document) -> Result<Quota, Refusal> {
    let period = input.word("period", Period::parse, Period::WORDS)?;
    let limit = checks::count(input, "limit")?;
    let (Some(period), Some(limit)) = (period, limit) else {
        return Err(Refusal::bad(
            "Usage Plan quota must have both a limit and a period",
        ));
    };
    let offset = checks::count(input, "offset")?.unwrap_or(0);
    let most = match period {
        Period::Day => 0,
        Period::Week => 6,
        Period::Month => 27,
    };
    if offset > most {
        return Err(Refusal::bad(format!(
            "Usage Plan quota offset must be zero or from 0 to {most} in the {period} period"
        )));
    }
    Ok(Quota {
        limit,
        offset,
        period,
    })
}

/// `/apiStages` with `API:STAGE`, and the limits below `/apiStages/API:STAGE/throttle`.
fn patch_stages(plan: &mut UsagePlan, step: &Step) -> Result<(), Refusal> {
    let segments: Vec<&str> = step.path.trim_start_matches('/').split('/').collect();
    let value = step.value.as_deref().unwrap_or_default();
    match (segments.as_slice(), step.verb) {
        (["apiStages"], Verb::Add) => {
            let (api, stage) = pair(value)?;
            if plan.covers(&api.into(), &stage.into()) {
                return Ok(());
            }
            plan.stages.push(PlanStage {
                api: api.into(),
                stage: stage.into(),
                throttle: Default::default(),
            });
            Ok(())
        }
        (["apiStages"], Verb::Remove) | (["apiStages", _], Verb::Remove) => {
            let text = segments.get(1).copied().unwrap_or(value);
            let at = position(plan, &unescaped(text))?;
            plan.stages.remove(at);
            Ok(())
        }
        (["apiStages", at, "throttle", limits @ ..], verb) => {
            let at = position(plan, &unescaped(at))?;
            let Some(stage) = plan.stages.get_mut(at) else {
                return Ok(());
            };
            patch_limits(stage, limits, verb, value, step)
        }
        _ => Err(Refusal::bad(
            "Invalid patch operation specified. Must be 'add'|'remove'|'replace'",
        )),
    }
}

fn patch_limits(
    stage: &mut PlanStage,
    limits: &[&str],
    verb: Verb,
    value: &str,
    step: &Step,
) -> Result<(), Refusal> {
    let wrong = || Refusal::bad(format!("Invalid patch path {}", step.path));
    match (limits, verb) {
        ([], Verb::Remove) => stage.throttle.clear(),
        // The whole map as a JSON text, which is what clients send here.
        ([], Verb::Add | Verb::Replace) => {
            let fields: Map<String, Value> = serde_json::from_str(value).map_err(|_| wrong())?;
            let all = Document::of("throttle.", fields);
            let names: Vec<String> = all.names().map(str::to_owned).collect();
            stage.throttle.clear();
            for name in names {
                let one = all.object(&name)?.unwrap_or_default();
                stage.throttle.insert(name, throttle(&one)?);
            }
        }
        ([path @ .., method], Verb::Remove) if !path.is_empty() => {
            let key = format!("{}/{method}", unescaped(&path.join("/")));
            stage.throttle.remove(&key).ok_or_else(wrong)?;
        }
        ([path @ .., method, limit @ ("rateLimit" | "burstLimit")], Verb::Add | Verb::Replace)
            if !path.is_empty() =>
        {
            let key = format!("{}/{method}", unescaped(&path.join("/")));
            let entry = stage.throttle.entry(key).or_default();
            let number: f64 = value.parse().map_err(|_| wrong())?;
            let rate = model::rest::Millionths::of(number).ok_or_else(wrong)?;
            if *limit == "rateLimit" {
                entry.rate = Some(rate);
            } else {
                entry.burst = Some(value.parse().map_err(|_| wrong())?);
            }
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

fn pair(text: &str) -> Result<(&str, &str), Refusal> {
    text.split_once(':')
        .filter(|(api, stage)| !api.is_empty() && !stage.is_empty())
        .ok_or_else(|| Refusal::bad("Invalid API Stage specified"))
}

fn position(plan: &UsagePlan, text: &str) -> Result<usize, Refusal> {
    let (api, stage) = pair(text)?;
    let known = |one: &PlanStage| one.api.as_str() == api && one.stage.as_str() == stage;
    plan.stages.iter().position(known).ok_or_else(|| {
        let id = &plan.id;
        Refusal::Missing(format!(
            "Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {id}"
        ))
    })
}

fn throttle_shape(throttle: &Throttle) -> Value {
    View::default()
        .maybe("burstLimit", throttle.burst)
        .maybe("rateLimit", throttle.rate.map(double))
        .done()
}

fn stage_shape(stage: &PlanStage) -> Value {
    let limits = stage.throttle.iter();
    let limits: Map<String, Value> = limits
        .map(|(key, one)| (key.clone(), throttle_shape(one)))
        .collect();
    View::default()
        .put("apiId", stage.api.as_str())
        .put("stage", stage.stage.as_str())
        .filled("throttle", limits.into())
        .done()
}

fn quota_shape(quota: &Quota) -> Value {
    View::default()
        .put("limit", quota.limit)
        .put("offset", quota.offset)
        .put("period", quota.period.as_str())
        .done()
}

fn shape(plan: &UsagePlan) -> Value {
    let stages: Vec<Value> = plan.stages.iter().map(stage_shape).collect();
    View::default()
        .put("id", plan.id.as_str())
        .put("name", plan.name.as_str())
        .maybe("description", plan.description.as_deref())
        .put("apiStages", stages)
        .maybe("throttle", plan.throttle.as_ref().map(throttle_shape))
        .maybe("quota", plan.quota.as_ref().map(quota_shape))
        .maybe("productCode", plan.product_code.as_deref())
        .filled("tags", object(&plan.tags))
        .done()
}

fn missing() -> Refusal {
    Refusal::Missing("Invalid Usage Plan ID specified".to_owned())
}

pub(super) fn plan<'c>(call: &Call<'c>) -> Result<&'c UsagePlan, Refusal> {
    let plan = call.config.usage_plans.get(call.argument(0));
    plan.map(|plan| &**plan).ok_or_else(missing)
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let wanted = call.query("keyId").map(ApiKeyId::from);
    let plans = call.config.usage_plans.values();
    let plans = plans.filter(|plan| wanted.as_ref().is_none_or(|key| plan.keys.contains(key)));
    kind::list(call, plans.map(|plan| (plan.id.as_str(), shape(plan))))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    kind::create::<UsagePlans>(call, |plan| {
        Key::Shared(SharedKey::UsagePlan(plan.id.clone()))
    })
}
