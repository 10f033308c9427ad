//! Which limits requests fall under, and what clients are told.

use std::{collections::BTreeMap, sync::Arc};

use model::rest::{
    ApiKey, Extra, MethodSetting, Millionths, Period, PlanStage, Quota, StageSettings, Throttle,
    UsagePlan,
};
use prometheus::Registry;
use steer::limits::{Left, Mode, Standing, Verdict};

use super::{
    LimitSettings, Limits,
    claims::{self, Bearer, Limit, Place, Scope},
};

/// 2026-11-21 12:00 UTC, a Saturday.
const NOON: u64 = 1_795_262_400_000;
const DAY_MS: u64 = 86_400_000;

fn key() -> ApiKey {
    ApiKey {
        id: "k1".into(),
        value: "secret".to_owned(),
        name: None,
        customer_id: None,
        description: None,
        enabled: true,
        created_ms: NOON - 40 * DAY_MS,
        updated_ms: 0,
        stage_keys: Vec::new(),
        tags: BTreeMap::new(),
    }
}

fn throttle(rate: f64, burst: u32) -> Throttle {
    Throttle {
        burst: Some(burst),
        rate: Millionths::of(rate),
    }
}

fn plan() -> UsagePlan {
    UsagePlan {
        id: "p1".into(),
        name: "gold".to_owned(),
        description: None,
        stages: vec![PlanStage {
            api: "a1".into(),
            stage: "prod".into(),
            throttle: [("/pets/{id}/GET".to_owned(), throttle(2.0, 4))].into(),
        }],
        throttle: Some(throttle(10.0, 20)),
        quota: Some(Quota {
            limit: 1_000,
            offset: 5,
            period: Period::Week,
        }),
        product_code: None,
        tags: BTreeMap::new(),
        keys: ["k1".into()].into(),
        extras: BTreeMap::new(),
    }
}

fn stage() -> StageSettings {
    let setting = |rate: f64| MethodSetting {
        rate_limit: Millionths::of(rate).unwrap(),
        burst_limit: 7,
        ..MethodSetting::default()
    };
    StageSettings {
        method_settings: [
            ("pets/{id}/GET".to_owned(), setting(3.0)),
            ("/GET".to_owned(), setting(4.0)),
            ("*/*".to_owned(), setting(5.0)),
        ]
        .into(),
        ..StageSettings::default()
    }
}

fn place<'a>(path: &'a str, verb: &'a str) -> Place<'a> {
    Place {
        api: "a1",
        stage: "prod",
        path,
        verb,
    }
}

fn limits(place: Place<'_>, key: &ApiKey, plan: &UsagePlan) -> Vec<Limit> {
    let bearer = Bearer {
        key,
        plan,
        covered: &plan.stages[0],
    };
    claims::of(NOON, place, Some(&bearer), &stage(), Some((6_000_000, 9)))
}

fn sizes(limits: &[Limit]) -> Vec<(Scope, u32, u64)> {
    let size = |limit: &Limit| {
        let terms = limit.claim.terms;
        (limit.scope, terms.size(), terms.refill_s())
    };
    limits.iter().map(size).collect()
}

#[test]
fn limits_come_in_the_documented_order() {
    let all = limits(place("/pets/{id}", "GET"), &key(), &plan());
    assert_eq!(
        sizes(&all),
        [
            (Scope::Quota, 1_000, 0),
            (Scope::PlanMethod, 4, 2),
            (Scope::Plan, 20, 2),
            (Scope::Method, 7, 3),
            (Scope::Account, 9, 2),
        ]
    );
    // The root has a setting of its own, everything else falls under `*/*`.
    let root = limits(place("/", "GET"), &key(), &plan());
    assert_eq!(sizes(&root)[2], (Scope::Method, 7, 2));
    let other = limits(place("/pets", "POST"), &key(), &plan());
    assert_eq!(sizes(&other)[2], (Scope::Method, 7, 2));
    assert_ne!(root[2].claim.key, other[2].claim.key);
    // Without a key only what belongs to the stage is left.
    let open = claims::of(NOON, place("/", "GET"), None, &stage(), None);
    assert_eq!(sizes(&open), [(Scope::Method, 7, 2)]);
    let none = claims::of(
        NOON,
        place("/", "GET"),
        None,
        &StageSettings::default(),
        None,
    );
    assert_eq!(none, []);
}

#[test]
fn a_quota_begins_with_its_offset_and_grows_by_what_was_given() {
    let check = |created_days: u64, extra: Option<(u32, i64)>, expected| {
        let key = ApiKey {
            created_ms: NOON - created_days * DAY_MS,
            ..key()
        };
        let mut plan = plan();
        let extra = extra.map(|(start_day, requests)| Extra {
            start_day,
            requests,
        });
        plan.extras = extra
            .map(|extra| ("k1".into(), extra))
            .into_iter()
            .collect();
        let all = limits(place("/", "GET"), &key, &plan);
        assert_eq!(all[0].claim.terms.size(), expected);
    };
    let sunday = u32::try_from(NOON / DAY_MS).unwrap() - 6;
    check(40, None, 1_000);
    check(7, None, 1_000);
    check(6, None, 995);
    check(0, None, 995);
    check(40, Some((sunday, 50)), 1_050);
    check(40, Some((sunday, -900)), 100);
    check(40, Some((sunday - 7, 50)), 1_000);
}

#[test]
fn clients_are_told_what_is_left_of_their_plan() {
    let all = limits(place("/pets/{id}", "GET"), &key(), &plan());
    let left = |remaining, wait_ms| Left { remaining, wait_ms };
    let told = claims::headers(
        NOON,
        &all,
        &[
            left(998, None),
            left(3, Some(0)),
            left(18, Some(1_500)),
            left(5, None),
        ],
    );
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "ratelimit-policy",
                "\"quota\";q=1000;w=604800, \"method\";q=4;w=2, \"plan\";q=20;w=2"
            ),
            (
                "ratelimit",
                "\"quota\";r=998;t=43200, \"method\";r=3;t=0, \"plan\";r=18;t=2"
            ),
        ]
    );
    let retry = |index: usize, wait_ms| {
        let answer = claims::retry_after(NOON, &all[index], &left(0, wait_ms));
        answer.map(|(_, value)| value.to_str().unwrap().to_owned())
    };
    assert_eq!(retry(0, None).as_deref(), Some("43200"));
    assert_eq!(retry(1, Some(1)).as_deref(), Some("1"));
    assert_eq!(retry(2, Some(2_001)).as_deref(), Some("3"));
    assert_eq!(retry(3, None), None);
}

#[test]
fn a_plan_may_choose_its_mode() {
    let mode = |tag: Option<&str>| {
        let mut plan = plan();
        let tag = tag.map(|mode| ("edgeway:limit-mode".to_owned(), mode.to_owned()));
        plan.tags = tag.into_iter().collect();
        let bearer = Bearer {
            key: &key(),
            plan: &plan,
            covered: &plan.stages[0],
        };
        bearer.mode()
    };
    assert_eq!(mode(None), None);
    assert_eq!(mode(Some("exact")), Some(Mode::Exact));
    assert_eq!(mode(Some("local")), Some(Mode::Local));
    assert_eq!(mode(Some("leased")), Some(Mode::Leased));
    assert_eq!(mode(Some("Exact ")), None);
}

#[tokio::test]
async fn the_home_admits_what_there_is() {
    let now = Arc::new(std::sync::atomic::AtomicU64::new(NOON));
    let clock = Arc::clone(&now);
    let limits_of_node = Limits::new(
        1,
        LimitSettings::default(),
        Arc::new(move || super::Moment::at(clock.load(std::sync::atomic::Ordering::Relaxed))),
        &Registry::new(),
    )
    .unwrap();
    limits_of_node.with(|node, now| node.set_standing(now, Standing::Home { reign: 1 }));
    let (key, plan) = (key(), plan());
    let all = limits(place("/pets/{id}", "GET"), &key, &plan);
    let claims: Vec<_> = all.into_iter().map(|limit| limit.claim).collect();
    let meter = Bearer {
        key: &key,
        plan: &plan,
        covered: &plan.stages[0],
    }
    .meter();
    for turn in 0..4 {
        let verdict = limits_of_node.admit(&claims, Some(&meter), None).await;
        assert!(matches!(verdict, Verdict::Granted(_)), "{turn}");
    }
    // The plan's limit for the method is the first to be used up.
    let verdict = limits_of_node.admit(&claims, Some(&meter), None).await;
    let left = Left {
        remaining: 0,
        wait_ms: Some(500),
    };
    assert_eq!(verdict, Verdict::Over { claim: 1, left });
    now.fetch_add(500, std::sync::atomic::Ordering::Relaxed);
    let verdict = limits_of_node.admit(&claims, Some(&meter), None).await;
    assert!(matches!(verdict, Verdict::Granted(_)));
    let day = u32::try_from(NOON / DAY_MS).unwrap();
    assert_eq!(
        limits_of_node.with(|node, _| node.usage().on(&meter, day)),
        5
    );
}
