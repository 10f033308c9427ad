//! `GetUsage` and `UpdateUsage`, where each key has used two requests on every day.

use serde_json::json;

use super::Bench;

#[tokio::test]
async fn what_remains_follows_from_the_days_of_the_period() {
    let bench = Bench::new();
    let key = bench.expect(201, "POST", "/apikeys", json!({"enabled": true}));
    let key = key.await.text("id").to_owned();
    let plan = json!({"name": "p", "quota": {"limit": 100, "period": "WEEK"}});
    let plan = bench.expect(201, "POST", "/usageplans", plan).await;
    let plan = format!("/usageplans/{}", plan.text("id"));
    let link = json!({"keyId": key, "keyType": "API_KEY"});
    bench
        .expect(201, "POST", &format!("{plan}/keys"), link)
        .await;
    // From Wednesday to Monday; the week begins on Sunday the 22nd.
    let days = format!("{plan}/usage?startDate=2026-11-18&endDate=2026-11-23");
    let usage = bench.expect(200, "GET", &days, json!(null)).await;
    assert_eq!(
        usage.body["values"],
        json!({ key.clone(): [[2, 92], [2, 90], [2, 88], [2, 86], [2, 98], [2, 96]] })
    );
    // A week's fourteen are used, and fifty are to remain.
    let steps = json!({"patchOperations": [
        {"op": "replace", "path": "/remaining", "value": "50"},
    ]});
    let one = format!("{plan}/keys/{key}/usage");
    let raised = bench.expect(200, "PATCH", &one, steps).await;
    assert_eq!(raised.body["values"], json!({ key.clone(): [[14, 50]] }));
    let config = crate::Store::config(&*bench.world);
    let plan = config.usage_plans.values().next().unwrap();
    let extra = plan.extras.values().next().unwrap();
    assert_eq!(extra.requests, -36);
    let stored = config.api_keys.values().next().unwrap();
    let allowed = plan.allowance(stored, extra.start_day).unwrap().1;
    assert_eq!(allowed, 64);
}
