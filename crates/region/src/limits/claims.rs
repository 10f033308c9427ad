//! Which limits a request falls under, in the order in which they are checked, and what clients
//! are told of them.
//!
//! The order is that of docs/aws-behaviour.md: the key's quota, the plan's limit for the method,
//! the plan's limit, the stage's limit for the method, the account's.

use http::{HeaderName, HeaderValue, header::RETRY_AFTER};
use model::rest::{ApiKey, PlanStage, StageSettings, UsagePlan, day_of};
use steer::limits::{Claim, Key, Left, Meter, Mode, Terms};

/// What a limit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The quota of a key's usage plan.
    Quota,
    /// A method, within a usage plan.
    PlanMethod,
    /// A usage plan.
    Plan,
    /// A method of a stage.
    Method,
    /// All REST APIs together.
    Account,
}

/// A limit of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) scope: Scope,
    pub(crate) claim: Claim,
}

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) api: &'a str,
    pub(crate) stage: &'a str,
    /// Of the resource, with its first slash.
    pub(crate) path: &'a str,
    pub(crate) verb: &'a str,
}

/// Whose request it is, where a key decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bearer<'a> {
    pub(crate) key: &'a ApiKey,
    pub(crate) plan: &'a UsagePlan,
    pub(crate) covered: &'a PlanStage,
}

/// IETF draft of the HTTPAPI working group, version 10.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A usage plan's tag that says how nodes keep its limits together.
const MODE_TAG: &str = "edgeway:limit-mode";

impl Bearer<'_> {
    /// How its plan wants its limits to be kept, if it says so.
    pub(crate) fn mode(&self) -> Option<Mode> {
        Mode::parse(self.plan.tags.get(MODE_TAG)?)
    }

    /// Where its requests are counted.
    pub(crate) fn meter(&self) -> Meter {
        Meter {
            plan: self.plan.id.clone(),
            key: self.key.id.clone(),
        }
    }
}

/// All limits of a request, in the order in which they are checked.
pub(crate) fn of(
    now_ms: u64,
    place: Place<'_>,
    bearer: Option<&Bearer<'_>>,
    stage: &StageSettings,
    account: Option<(u64, u32)>,
) -> Vec<Limit> {
    let mut limits = Vec::with_capacity(5);
    if let Some(bearer) = bearer {
        of_plan(now_ms, place, bearer, &mut limits);
    }
    let setting = find(&stage.method_settings, place, 1)
        .or_else(|| stage.method_settings.get("*/*"))
        .map(|one| Terms::rate(one.rate_limit, Some(one.burst_limit)));
    if let Some(terms) = setting {
        let key = Key::of(&["method", place.api, place.stage, place.path, place.verb]);
        limits.push(rate(Scope::Method, key, terms));
    }
    if let Some((per_second, burst)) = account {
        let terms = Terms::Rate { per_second, burst };
        limits.push(rate(Scope::Account, Key::of(&["account"]), terms));
    }
    limits
}

fn of_plan(now_ms: u64, place: Place<'_>, bearer: &Bearer<'_>, limits: &mut Vec<Limit>) {
    let (plan, key) = (bearer.plan.id.as_str(), bearer.key.id.as_str());
    let allowance = bearer.plan.allowance(bearer.key, day_of(now_ms));
    if let Some((window, limit)) = allowance {
        limits.push(Limit {
            scope: Scope::Quota,
            claim: Claim {
                key: Key::of(&["quota", plan, key]).with_number(window.start),
                terms: Terms::Quota { limit },
                counted: Some((bearer.meter(), window)),
            },
        });
    }
    let here = Key::of(&["plan", plan, key, place.api, place.stage]);
    let method = find(&bearer.covered.throttle, place, 0).and_then(Terms::of_throttle);
    if let Some(terms) = method {
        let key = here.with(place.path).with(place.verb);
        limits.push(rate(Scope::PlanMethod, key, terms));
    }
    let whole = bearer.plan.throttle.as_ref().and_then(Terms::of_throttle);
    if let Some(terms) = whole {
        limits.push(rate(Scope::Plan, here, terms));
    }
}

const fn rate(scope: Scope, key: Key, terms: Terms) -> Limit {
    Limit {
        scope,
        claim: Claim {
            key,
            terms,
            counted: None,
        },
    }
}

/// What is set for a method, by `PATH/VERB`; names of stages leave the first `skip` bytes of the
/// path away, the slash. Looked through without making the name, since most have none.
pub(crate) fn find<'m, T>(
    by_name: &'m std::collections::BTreeMap<String, T>,
    place: Place<'_>,
    skip: usize,
) -> Option<&'m T> {
    if by_name.is_empty() {
        return None;
    }
    let path = place.path.get(skip..).unwrap_or_default();
    by_name.get(&format!("{path}/{}", place.verb))
}

impl Scope {
    /// The word in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "over_quota",
            Self::PlanMethod => "over_plan_method",
            Self::Plan => "over_plan",
            Self::Method => "over_method",
            Self::Account => "over_account",
        }
    }

    /// The name that clients read; what is not theirs has none.
    const fn policy(self) -> Option<&'static str> {
        match self {
            Self::Quota => Some("quota"),
            Self::PlanMethod => Some("method"),
            Self::Plan => Some("plan"),
            Self::Method | Self::Account => None,
        }
    }
}

/// `RateLimit-Policy` and `RateLimit`: what a usage plan allows and what of it is left. `left` has
/// one entry for each limit that was looked at, in their order.
pub(crate) fn headers(
    now_ms: u64,
    limits: &[Limit],
    left: &[Left],
) -> Vec<(HeaderName, HeaderValue)> {
    let (mut policies, mut states) = (Vec::new(), Vec::new());
    for (limit, left) in limits.iter().zip(left) {
        let Some(name) = limit.scope.policy() else {
            continue;
        };
        let terms = limit.claim.terms;
        let (window_s, reset_s) = match &limit.claim.counted {
            Some((_, window)) => {
                let days = u64::from(window.end.saturating_sub(window.start));
                let reset = window.end_ms().saturating_sub(now_ms).div_ceil(1_000);
                (days * 24 * 60 * 60, reset)
            }
            None => {
                let refill = terms.refill_s();
                let reset = left.wait_ms.map_or(refill, |ms| ms.div_ceil(1_000));
                (refill, reset)
            }
        };
        policies.push(format!("\"{name}\";q={};w={window_s}", terms.size()));
        states.push(format!("\"{name}\";r={};t={reset_s}", left.remaining));
    }
    let header = |name, parts: Vec<String>| {
        let value = HeaderValue::from_str(&parts.join(", ")).ok()?;
        (!parts.is_empty()).then_some((name, value))
    };
    let policies = header(RATE_LIMIT_POLICY, policies);
    policies
        .into_iter()
        .chain(header(RATE_LIMIT, states))
        .collect()
}

/// `Retry-After`, where waiting helps.
pub(crate) fn retry_after(
    now_ms: u64,
    limit: &Limit,
    left: &Left,
) -> Option<(HeaderName, HeaderValue)> {
    let ms = match &limit.claim.counted {
        Some((_, window)) => Some(window.end_ms().saturating_sub(now_ms)),
        None => left.wait_ms,
    };
    let seconds = ms?.div_ceil(1_000).max(1);
    Some((RETRY_AFTER, HeaderValue::from(seconds)))
}
