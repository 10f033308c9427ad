//! Rollouts: what is on its way, what became of the last ones, and taking a decision by hand.

use http::StatusCode;
use model::{
    ApiId, Gates, Op, PopName, RegionName, ResourceKind, Rollout, RolloutEnd, RolloutPolicy,
    RolloutRecord,
};
use serde::Serialize;

use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListShape<'a> {
    active: Vec<ActiveShape<'a>>,
    /// Newest first.
    ended: Vec<EndedShape<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveShape<'a> {
    api_id: &'a str,
    revision: u64,
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pop: Option<&'a str>,
    region: &'a str,
    by: &'a str,
    began_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndedShape<'a> {
    api_id: &'a str,
    revision: u64,
    /// How far it had come.
    stage: &'static str,
    end: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    by: &'a str,
    began_date: String,
    ended_date: String,
    ended_revision: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyShape<'a> {
    staged: bool,
    soak_ms: u32,
    errors_rise_permille: u16,
    p99_rise_ms: u32,
    requests_min: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pop: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let active = call.config.rollouts.iter();
    let ended = call.config.rollout_records.iter().rev();
    Answer::ok(&ListShape {
        active: active
            .map(|(api, rollout)| active_shape(api, rollout))
            .collect(),
        ended: ended.map(ended_shape).collect(),
    })
}

fn active_shape<'a>(api: &'a ApiId, rollout: &'a Rollout) -> ActiveShape<'a> {
    ActiveShape {
        api_id: api.as_str(),
        revision: rollout.id.0,
        stage: rollout.stage.as_str(),
        pop: rollout.pop.as_ref().map(PopName::as_str),
        region: rollout.region.as_str(),
        by: &rollout.by,
        began_date: clock::iso(rollout.began_ms),
    }
}

fn ended_shape(record: &RolloutRecord) -> EndedShape<'_> {
    let reason = match &record.end {
        RolloutEnd::RolledBack(reason) => Some(reason.as_str()),
        RolloutEnd::Released
        | RolloutEnd::Overtaken
        | RolloutEnd::Aborted
        | RolloutEnd::Deleted => None,
    };
    EndedShape {
        api_id: record.api.as_str(),
        revision: record.id.0,
        stage: record.stage.as_str(),
        end: record.end.as_str(),
        reason,
        by: &record.by,
        began_date: clock::iso(record.began_ms),
        ended_date: clock::iso(record.ended_ms),
        ended_revision: record.ended.0,
    }
}

pub(super) fn abort(call: &Call<'_>) -> Result<Write, Refusal> {
    end(call, RolloutEnd::Aborted)
}

pub(super) fn release(call: &Call<'_>) -> Result<Write, Refusal> {
    end(call, RolloutEnd::Released)
}

fn end(call: &Call<'_>, end: RolloutEnd) -> Result<Write, Refusal> {
    let api = ApiId::from(call.argument(0));
    let missing = || Refusal::not_found(ResourceKind::Rollout, api.as_str());
    let id = call.config.rollouts.get(&api).ok_or_else(missing)?.id;
    Ok(Write::silent(Op::EndRollout { api, id, end }))
}

pub(super) fn show_policy(call: &Call<'_>) -> Result<Answer, Refusal> {
    policy_answer(&call.config.rollout_policy)
}

fn policy_answer(policy: &RolloutPolicy) -> Result<Answer, Refusal> {
    Answer::json(
        StatusCode::OK,
        &PolicyShape {
            staged: policy.staged,
            soak_ms: policy.soak_ms,
            errors_rise_permille: policy.gates.errors_rise_permille,
            p99_rise_ms: policy.gates.p99_rise_ms,
            requests_min: policy.gates.requests_min,
            pop: policy.pop.as_ref().map(PopName::as_str),
            region: policy.region.as_ref().map(RegionName::as_str),
        },
    )
}

/// What is not given becomes the default, as in every `PUT`.
pub(super) fn put_policy(call: &Call<'_>) -> Result<Write, Refusal> {
    let (document, usual) = (&call.document, RolloutPolicy::default());
    let number = |name, usual: u32, max: i64| {
        let given = document.integer(name, 0, max)?;
        Ok::<_, Refusal>(given.and_then(|n| u32::try_from(n).ok()).unwrap_or(usual))
    };
    let permille = usual.gates.errors_rise_permille.into();
    let permille = number("errorsRisePermille", permille, 1_000)?;
    let policy = RolloutPolicy {
        staged: document.flag("staged")?.unwrap_or(usual.staged),
        soak_ms: number("soakMs", usual.soak_ms, 86_400_000)?,
        gates: Gates {
            errors_rise_permille: u16::try_from(permille).unwrap_or(u16::MAX),
            p99_rise_ms: number("p99RiseMs", usual.gates.p99_rise_ms, 60_000)?,
            requests_min: number("requestsMin", usual.gates.requests_min, 1_000_000)?,
        },
        pop: document.sized("pop", 1, 63)?.map(Into::into),
        region: document.sized("region", 1, 63)?.map(Into::into),
    };
    if let Some(pop) = policy
        .pop
        .as_ref()
        .filter(|pop| !call.config.pops.contains_key(*pop))
    {
        return Err(Refusal::not_found(ResourceKind::Pop, pop.as_str()));
    }
    let unknown = |region: &&RegionName| !call.config.regions.contains_key(*region);
    if let Some(region) = policy.region.as_ref().filter(unknown) {
        return Err(Refusal::not_found(ResourceKind::Region, region.as_str()));
    }
    let op = Op::SetRolloutPolicy(Box::new(policy));
    Ok(Write::showing(op, |config| {
        policy_answer(&config.rollout_policy)
    }))
}
