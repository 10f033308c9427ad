//! API keys, usage plans and throttles of REST APIs, through the whole pipeline.
//!
//! Rates are so low that no test waits for a token, and tokens never come back while one runs.

use std::{collections::BTreeMap, sync::Arc};

use http::Request;
use model::rest::{
    ApiKey, IntegrationType, MethodSetting, Millionths, Period, PlanStage, Quota, Throttle,
    UsagePlan, Verb,
};
use serve::Body;

use super::{
    harness::{Answer, Rig, get},
    rest::{method, rig},
};

const SLOW: Millionths = Millionths(1);

/// A region whose `/prod/guarded` wants a key, and `/prod/open` does not.
async fn keyed(plan: impl FnOnce(&mut UsagePlan), all: Option<u32>) -> Rig {
    let mut open = method(IntegrationType::Mock, None);
    if let Some(mock) = &mut open.integration {
        let template = r#"{"statusCode": 200}"#.to_owned();
        let json = "application/json".to_owned();
        mock.settings.request_templates.insert(json, template);
    }
    let mut guarded = open.clone();
    guarded.settings.api_key_required = true;
    let parts = vec![("guarded", Verb::Get, guarded), ("open", Verb::Get, open)];
    let rig = rig(parts, &[]).await;
    let mut config = (**rig.config.borrow()).clone();
    let key = |id: &str, value: &str, enabled| ApiKey {
        id: id.into(),
        value: value.to_owned(),
        name: None,
        customer_id: None,
        description: None,
        enabled,
        created_ms: 0,
        updated_ms: 0,
        stage_keys: Vec::new(),
        tags: BTreeMap::new(),
    };
    for key in [
        key("k1", "one", true),
        key("k2", "two", true),
        key("k3", "off", false),
        key("k4", "other", true),
    ] {
        config.api_keys.insert(key.id.clone(), Arc::new(key));
    }
    let mut covering = UsagePlan {
        id: "p1".into(),
        name: "p1".to_owned(),
        description: None,
        stages: vec![PlanStage {
            api: "a1".into(),
            stage: "prod".into(),
            throttle: BTreeMap::new(),
        }],
        throttle: None,
        quota: None,
        product_code: None,
        tags: BTreeMap::new(),
        keys: ["k1".into(), "k2".into(), "k3".into()].into(),
        extras: BTreeMap::new(),
    };
    plan(&mut covering);
    config.usage_plans.insert("p1".into(), Arc::new(covering));
    if let Some(burst_limit) = all {
        let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
        let mut stage = api.stages.pop_first().unwrap().1;
        let setting = MethodSetting {
            burst_limit,
            rate_limit: SLOW,
            ..MethodSetting::default()
        };
        let mut settings = stage.rest.as_deref().cloned().unwrap_or_default();
        settings.method_settings.insert("*/*".to_owned(), setting);
        stage.rest = Some(settings.into());
        api.stages.insert(stage.name.clone(), stage);
    }
    config.revision = model::Revision(3);
    rig.config.send_replace(Arc::new(config));
    super::harness::eventually(|| rig.region.revision() == 3).await;
    rig
}

fn with_key(path: &str, key: &str) -> Request<Body> {
    let mut request = get(path);
    request
        .headers_mut()
        .insert("x-api-key", key.parse().unwrap());
    request
}

#[track_caller]
fn check(answer: &Answer, status: u16, kind: &str, message: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("x-amzn-errortype"), kind);
    assert_eq!(answer.text, format!("{{\"message\":\"{message}\"}}"));
}

#[tokio::test]
async fn a_method_that_wants_a_key_gets_a_good_one() {
    let rig = keyed(|_| {}, None).await;
    for key in ["", "unknown", "off", "other", "k1"] {
        let answer = rig.ask(with_key("/prod/guarded", key)).await;
        check(&answer, 403, "ForbiddenException", "Forbidden");
    }
    let answer = rig.ask(get("/prod/guarded")).await;
    check(&answer, 403, "ForbiddenException", "Forbidden");
    let answer = rig.ask(with_key("/prod/guarded", "one")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Others never look at it.
    let answer = rig.ask(with_key("/prod/open", "unknown")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for (reason, count) in [
        ("api_key_missing", 2),
        ("api_key_unknown", 2),
        ("api_key_disabled", 1),
        ("api_key_without_plan", 1),
    ] {
        assert_eq!(rig.metric("edgeway_region_faults_total", reason), count);
    }
}

#[tokio::test]
async fn a_plan_limits_each_of_its_keys() {
    let limit = |plan: &mut UsagePlan| {
        plan.throttle = Some(Throttle {
            burst: Some(3),
            rate: Some(SLOW),
        });
    };
    let rig = keyed(limit, None).await;
    for (key, left) in [("one", 2), ("one", 1), ("two", 2), ("one", 0)] {
        let answer = rig.ask(with_key("/prod/guarded", key)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.header("ratelimit");
        assert!(told.starts_with(&format!("\"plan\";r={left};t=")), "{told}");
        assert_eq!(answer.header("ratelimit-policy"), "\"plan\";q=3;w=3000000");
    }
    let answer = rig.ask(with_key("/prod/guarded", "one")).await;
    check(
        &answer,
        429,
        "TooManyRequestsException",
        "Too Many Requests",
    );
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((900_000..=1_000_000).contains(&wait), "{wait}");
    assert!(answer.header("ratelimit").starts_with("\"plan\";r=0;t="));
    let answer = rig.ask(with_key("/prod/guarded", "two")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let over = rig.metric("edgeway_region_limited_requests_total", "over_plan");
    assert_eq!(over, 1);
}

#[tokio::test]
async fn a_quota_is_used_up() {
    let limit = |plan: &mut UsagePlan| {
        plan.quota = Some(Quota {
            limit: 2,
            offset: 0,
            period: Period::Month,
        });
    };
    let rig = keyed(limit, None).await;
    for left in [1, 0] {
        let answer = rig.ask(with_key("/prod/guarded", "one")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.header("ratelimit");
        assert!(
            told.starts_with(&format!("\"quota\";r={left};t=")),
            "{told}"
        );
    }
    let answer = rig.ask(with_key("/prod/guarded", "one")).await;
    check(&answer, 429, "LimitExceededException", "Limit Exceeded");
    assert_ne!(answer.header("retry-after"), "");
    let answer = rig.ask(with_key("/prod/guarded", "two")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_stage_limits_its_methods_whoever_asks() {
    let rig = keyed(|_| {}, Some(2)).await;
    for _ in 0..2 {
        let answer = rig.ask(get("/prod/open")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        // Only plans are the client's business.
        assert_eq!(answer.header("ratelimit"), "");
    }
    let answer = rig.ask(get("/prod/open")).await;
    check(
        &answer,
        429,
        "TooManyRequestsException",
        "Too Many Requests",
    );
    assert_ne!(answer.header("retry-after"), "");
    // Another method has its own.
    let answer = rig.ask(with_key("/prod/guarded", "one")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
