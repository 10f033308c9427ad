//! What an API consists of: integrations, routes, stages, deployments.

use serde_json::{Value, json};

use super::{Bench, v2::plain_api};

async fn integration(bench: &Bench, api: &str) -> String {
    let body = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "GET", "description": "i",
        "integrationUri": "http://${stageVariables.host}:8080/{proxy}",
        "payloadFormatVersion": "1.0", "timeoutInMillis": 50, "connectionType": "INTERNET",
        "tlsConfig": {"serverNameToVerify": "b.test"}, "requestParameters": {},
    });
    let made = bench
        .expect(201, "POST", &format!("{api}/integrations"), body)
        .await;
    assert_eq!(
        made.body["tlsConfig"],
        json!({"serverNameToVerify": "b.test"})
    );
    made.text("integrationId").to_owned()
}

async fn gone(bench: &Bench, path: &str) {
    bench.expect(204, "DELETE", path, Value::Null).await;
    bench.expect(404, "GET", path, Value::Null).await;
}

#[tokio::test]
async fn integrations_and_routes() {
    let bench = Bench::new();
    let api = format!("/v2/apis/{}", plain_api(&bench).await);
    let number = integration(&bench, &api).await;
    let one = format!("{api}/integrations/{number}");
    let altered = bench
        .expect(200, "PATCH", &one, json!({"timeoutInMillis": 60}))
        .await;
    assert_eq!(altered.body["timeoutInMillis"], 60);
    assert_eq!(altered.text("integrationMethod"), "GET");

    let (routes, target) = (format!("{api}/routes"), format!("integrations/{number}"));
    let body = json!({"routeKey": "GET /pets/{proxy+}", "target": target, "operationName": "Get",
        "apiKeyRequired": false, "authorizationType": "NONE", "authorizationScopes": []});
    let route = bench.expect(201, "POST", &routes, body.clone()).await;
    let path = format!("{routes}/{}", route.text("routeId"));
    bench
        .refused(
            ("ConflictException", "already exists"),
            "POST",
            &routes,
            body,
        )
        .await;
    let altered = bench
        .expect(200, "PATCH", &path, json!({"routeKey": "ANY /pets"}))
        .await;
    assert_eq!(altered.text("routeKey"), "ANY /pets");
    assert_eq!(altered.text("target"), target, "absent means unchanged");
    bench
        .refused(
            ("ConflictException", "referenced"),
            "DELETE",
            &one,
            Value::Null,
        )
        .await;
    let freed = bench
        .expect(200, "PATCH", &path, json!({"target": ""}))
        .await;
    assert!(freed.body.get("target").is_none());
    gone(&bench, &path).await;
    gone(&bench, &one).await;
}

#[tokio::test]
async fn deployments_and_the_stages_that_serve_them() {
    let bench = Bench::new();
    let api = format!("/v2/apis/{}", plain_api(&bench).await);
    let (stages, deployments) = (format!("{api}/stages"), format!("{api}/deployments"));
    bench
        .expect(
            201,
            "POST",
            &format!("{api}/routes"),
            json!({"routeKey": "$default"}),
        )
        .await;
    let made = bench
        .expect(201, "POST", &deployments, json!({"description": "first"}))
        .await;
    assert_eq!(made.text("deploymentStatus"), "DEPLOYED");
    let number = made.text("deploymentId");
    let body = json!({
        "stageName": "dev", "deploymentId": number, "stageVariables": {"host": "b.test"},
        "defaultRouteSettings": {"detailedMetricsEnabled": false, "throttlingBurstLimit": 0},
        "routeSettings": {"GET /a": {"loggingLevel": "OFF"}}, "accessLogSettings": {},
    });
    assert_eq!(
        bench.expect(201, "POST", &stages, body).await.body["autoDeploy"],
        false
    );
    let stage = format!("{stages}/dev");
    // Merged by name; an empty text takes one away.
    let patch = json!({"stageVariables": {"b": "1"}});
    let altered = bench.expect(200, "PATCH", &stage, patch).await;
    let both = json!({"b": "1", "host": "b.test"});
    assert_eq!(altered.body["stageVariables"], both);
    let patch = json!({"stageVariables": {"host": ""}});
    let altered = bench.expect(200, "PATCH", &stage, patch).await;
    assert_eq!(altered.body["stageVariables"], json!({"b": "1"}));
    let one = format!("{deployments}/{number}");
    bench
        .refused(
            ("BadRequestException", "Active stages"),
            "DELETE",
            &one,
            Value::Null,
        )
        .await;
    let altered = bench
        .expect(200, "PATCH", &one, json!({"description": "second"}))
        .await;
    assert_eq!(altered.text("description"), "second");
    assert_eq!(
        bench
            .expect(200, "PATCH", &one, json!({}))
            .await
            .text("description"),
        "second"
    );

    let body = json!({"stageName": "$default", "autoDeploy": true});
    bench.expect(201, "POST", &stages, body.clone()).await;
    bench
        .refused(("ConflictException", "exists"), "POST", &stages, body)
        .await;
    let shown = bench
        .expect(200, "GET", &format!("{stages}/%24default"), Value::Null)
        .await;
    assert!(
        shown
            .text("lastDeploymentStatusMessage")
            .contains(shown.text("deploymentId"))
    );
    gone(&bench, &stage).await;
    gone(&bench, &one).await;
}
