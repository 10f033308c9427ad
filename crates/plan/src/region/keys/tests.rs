//! Who may use what, and when that is compiled again.

use std::sync::Arc;

use model::{
    Config,
    rest::{ApiKey, PlanStage, UsagePlan},
};

use super::KeysPlan;

fn key(id: &str, value: &str) -> Arc<ApiKey> {
    Arc::new(ApiKey {
        id: id.into(),
        value: value.to_owned(),
        name: None,
        customer_id: None,
        description: None,
        enabled: true,
        created_ms: 0,
        updated_ms: 0,
        stage_keys: Vec::new(),
        tags: Default::default(),
    })
}

fn plan(id: &str, stages: &[(&str, &str)], keys: &[&str]) -> Arc<UsagePlan> {
    let stages = stages.iter().map(|(api, stage)| PlanStage {
        api: (*api).into(),
        stage: (*stage).into(),
        throttle: Default::default(),
    });
    Arc::new(UsagePlan {
        id: id.into(),
        name: id.to_owned(),
        description: None,
        stages: stages.collect(),
        throttle: None,
        quota: None,
        product_code: None,
        tags: Default::default(),
        keys: keys.iter().map(|key| (*key).into()).collect(),
        extras: Default::default(),
    })
}

fn config() -> Config {
    let mut config = Config::default();
    for key in [
        key("k1", "secret-1"),
        key("k2", "secret-2"),
        key("k3", "secret-3"),
    ] {
        config.api_keys.insert(key.id.clone(), key);
    }
    let plans = [
        plan("p1", &[("a1", "prod"), ("a1", "test")], &["k1", "k2"]),
        plan("p2", &[("a2", "prod")], &["k1", "gone"]),
    ];
    for plan in plans {
        config.usage_plans.insert(plan.id.clone(), plan);
    }
    config
}

#[test]
fn a_key_is_found_by_value_with_the_plan_of_the_stage() {
    let plan = KeysPlan::compile(&Arc::default(), &config());
    let check = |value: &str, api: &str, stage: &str, expected: Option<&str>| {
        let found = plan.find(value).and_then(|key| key.grant(api, stage));
        let found = found.map(|(plan, covered)| {
            assert_eq!((covered.api.as_str(), covered.stage.as_str()), (api, stage));
            plan.id.as_str()
        });
        assert_eq!(found, expected, "{value} {api} {stage}");
    };
    check("secret-1", "a1", "prod", Some("p1"));
    check("secret-1", "a1", "test", Some("p1"));
    check("secret-1", "a2", "prod", Some("p2"));
    check("secret-1", "a2", "test", None);
    check("secret-2", "a2", "prod", None);
    check("secret-3", "a1", "prod", None);
    // The id opens nothing.
    check("k1", "a1", "prod", None);
}

#[test]
fn keys_are_compiled_again_only_when_they_have_changed() {
    let mut config = config();
    let first = KeysPlan::compile(&Arc::default(), &config);
    config.revision.0 += 1;
    assert!(Arc::ptr_eq(&first, &KeysPlan::compile(&first, &config)));
    config.usage_plans.remove("p2");
    let second = KeysPlan::compile(&first, &config);
    assert!(
        second
            .find("secret-1")
            .unwrap()
            .grant("a2", "prod")
            .is_none()
    );
    assert!(
        second
            .find("secret-1")
            .unwrap()
            .grant("a1", "prod")
            .is_some()
    );
}
