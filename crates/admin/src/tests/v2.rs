//! API Gateway v2: APIs, quick create, lists and tags.

use serde_json::{Value, json};

use super::{Bench, Reply};

pub(super) async fn api(bench: &Bench, body: Value) -> String {
    bench
        .expect(201, "POST", "/v2/apis", body)
        .await
        .text("apiId")
        .to_owned()
}

pub(super) async fn plain_api(bench: &Bench) -> String {
    api(bench, json!({"name": "a", "protocolType": "HTTP"})).await
}

/// The names of all fields.
pub(super) fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

fn is_time(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.contains('T')
}

#[tokio::test]
async fn an_api_is_made_shown_altered_and_deleted() {
    let bench = Bench::new();
    let cors = json!({"allowOrigins": ["https://x.test"], "allowMethods": ["GET"], "maxAge": 5});
    let made = bench
        .expect(
            201,
            "POST",
            "/v2/apis",
            json!({
                "name": "pets", "protocolType": "HTTP", "description": "d", "version": "1",
                "corsConfiguration": cors, "tags": {"team": "a"}, "unknownMember": 7,
                "credentialsArn": "", "disableSchemaValidation": false, "target": null,
            }),
        )
        .await;
    let id = made.text("apiId").to_owned();
    assert_eq!(id.len(), 10);
    assert!(is_time(made.text("createdDate")));
    assert_eq!(made.header("x-edgeway-revision"), "2");
    let endpoint = format!("https://{id}.execute-api.eu-west-1.edgeway.test");
    assert_eq!(
        made.body,
        json!({
            "apiEndpoint": endpoint, "apiId": id,
            "apiKeySelectionExpression": "$request.header.x-api-key",
            "corsConfiguration": {"allowCredentials": false, "allowMethods": ["GET"],
                "allowOrigins": ["https://x.test"], "maxAge": 5},
            "createdDate": made.text("createdDate"), "description": "d",
            "disableExecuteApiEndpoint": false, "ipAddressType": "ipv4", "name": "pets",
            "protocolType": "HTTP", "routeSelectionExpression": "$request.method $request.path",
            "tags": {"team": "a"}, "version": "1",
        })
    );
    let path = format!("/v2/apis/{id}");
    assert_eq!(
        bench.expect(200, "GET", &path, Value::Null).await.body,
        made.body
    );
    let patch = json!({"description": "", "disableExecuteApiEndpoint": true});
    let altered = bench.expect(200, "PATCH", &path, patch).await;
    assert_eq!(altered.body["disableExecuteApiEndpoint"], true);
    assert!(
        altered.body.get("description").is_none(),
        "an empty text clears"
    );
    assert_eq!(altered.body["version"], "1", "absent means unchanged");
    let gone = bench
        .expect(204, "DELETE", &format!("{path}/cors"), Value::Null)
        .await;
    assert_eq!(
        (&gone.body, gone.header("x-edgeway-revision")),
        (&Value::Null, "4")
    );
    let shown = bench.expect(200, "GET", &path, Value::Null).await;
    assert!(shown.body.get("corsConfiguration").is_none());
    bench.expect(204, "DELETE", &path, Value::Null).await;
    let missing = bench.expect(404, "GET", &path, Value::Null).await;
    assert_eq!(
        missing.body,
        json!({
            "message": format!("Invalid API identifier specified {id}"), "resourceType": "Api"
        })
    );
    bench.expect(404, "DELETE", &path, Value::Null).await;
}

#[tokio::test]
async fn quick_create_makes_all_that_serves() {
    let bench = Bench::new();
    let id = api(
        &bench,
        json!({"name": "q", "protocolType": "HTTP", "target": "https://b.test/x"}),
    )
    .await;
    let show = async |what: &str| {
        let list = bench
            .expect(200, "GET", &format!("/v2/apis/{id}/{what}"), Value::Null)
            .await;
        assert_eq!(list.body["items"].as_array().unwrap().len(), 1, "{what}");
        list.body["items"][0].clone()
    };
    let integration = show("integrations").await;
    let number = integration["integrationId"].as_str().unwrap();
    assert_eq!(
        integration,
        json!({
            "apiGatewayManaged": true, "connectionType": "INTERNET", "integrationId": number,
            "integrationMethod": "ANY", "integrationType": "HTTP_PROXY",
            "integrationUri": "https://b.test/x", "payloadFormatVersion": "1.0",
            "timeoutInMillis": 30000,
        })
    );
    let route = show("routes").await;
    assert_eq!(
        route,
        json!({
            "apiGatewayManaged": true, "apiKeyRequired": false, "authorizationType": "NONE",
            "routeId": route["routeId"], "routeKey": "$default",
            "target": format!("integrations/{number}"),
        })
    );
    let stage = show("stages").await;
    let deployment = show("deployments").await;
    assert_eq!(stage["deploymentId"], deployment["deploymentId"]);
    assert_eq!(
        fields(&stage),
        [
            "apiGatewayManaged",
            "autoDeploy",
            "createdDate",
            "defaultRouteSettings",
            "deploymentId",
            "lastDeploymentStatusMessage",
            "lastUpdatedDate",
            "routeSettings",
            "stageName",
            "stageVariables",
            "tags",
        ]
    );
    assert_eq!(
        fields(&deployment),
        [
            "autoDeployed",
            "createdDate",
            "deploymentId",
            "deploymentStatus",
            "description",
        ]
    );
}

#[tokio::test]
async fn quick_created_parts_follow_the_api() {
    let bench = Bench::new();
    let body = json!({"name": "q", "protocolType": "HTTP", "target": "https://b.test/x"});
    let path = format!("/v2/apis/{}", api(&bench, body).await);
    let patch = json!({"target": "https://c.test", "routeKey": "GET /a"});
    bench.expect(200, "PATCH", &path, patch).await;
    let list = bench
        .expect(200, "GET", &format!("{path}/integrations"), Value::Null)
        .await;
    assert_eq!(list.body["items"][0]["integrationUri"], "https://c.test");
    let list = bench
        .expect(200, "GET", &format!("{path}/routes"), Value::Null)
        .await;
    assert_eq!(list.body["items"][0]["routeKey"], "GET /a");
}

#[tokio::test]
async fn lists_come_in_pages_that_survive_changes() {
    let bench = Bench::new();
    for number in 0..30 {
        api(
            &bench,
            json!({"name": format!("n{number}"), "protocolType": "HTTP"}),
        )
        .await;
    }
    let ids = |reply: &Reply| -> Vec<String> {
        let items = reply.body["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["apiId"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = bench.expect(200, "GET", "/v2/apis", Value::Null).await;
    assert_eq!(ids(&first).len(), 25);
    let mut seen = Vec::new();
    let mut target = "/v2/apis?maxResults=7".to_owned();
    for _ in 0..5 {
        let page = bench.expect(200, "GET", &target, Value::Null).await;
        let last = ids(&page).pop().unwrap();
        seen.extend(ids(&page));
        // The item the token names may go.
        bench
            .expect(204, "DELETE", &format!("/v2/apis/{last}"), Value::Null)
            .await;
        let Some(token) = page.body["nextToken"].as_str() else {
            break;
        };
        target = format!("/v2/apis?maxResults=7&nextToken={token}");
    }
    let count = seen.len();
    seen.dedup();
    assert_eq!((seen.len(), count), (30, 30));
    let bad = ("BadRequestException", "nextToken");
    bench
        .refused(bad, "GET", "/v2/apis?nextToken=zz", Value::Null)
        .await;
    let bad = ("BadRequestException", "maxResults");
    bench
        .refused(bad, "GET", "/v2/apis?maxResults=0", Value::Null)
        .await;
    bench
        .expect(200, "GET", "/v2/apis?maxResults=100000", Value::Null)
        .await;
}

#[tokio::test]
async fn tags_are_kept_and_choose_the_endpoint_type() {
    let bench = Bench::new();
    let id = plain_api(&bench).await;
    let endpoint = || bench.world.machine.lock().unwrap().config().apis[id.as_str()].endpoint;
    assert_eq!(endpoint(), model::EndpointType::Edge);
    let arn = format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{id}");
    let body = json!({"tags": {"edgeway:endpointType": "REGIONAL", "a": "b"}});
    assert_eq!(bench.expect(201, "POST", &arn, body).await.body, json!({}));
    assert_eq!(endpoint(), model::EndpointType::Regional);
    // The same ARN, its slashes as they are.
    let plain = format!("/v2/tags/arn:aws:apigateway:us-east-1::/apis/{id}");
    let shown = bench.expect(200, "GET", &plain, Value::Null).await;
    assert_eq!(
        shown.body,
        json!({"tags": {"a": "b", "edgeway:endpointType": "REGIONAL"}})
    );
    bench
        .expect(
            204,
            "DELETE",
            &format!("{arn}?tagKeys=edgeway%3AendpointType"),
            Value::Null,
        )
        .await;
    assert_eq!(endpoint(), model::EndpointType::Edge);
    let regional = api(
        &bench,
        json!({"name": "r", "protocolType": "HTTP",
        "tags": {"edgeway:endpointType": "REGIONAL"}}),
    )
    .await;
    let config = bench.world.machine.lock().unwrap().config().clone();
    assert_eq!(
        config.apis[regional.as_str()].endpoint,
        model::EndpointType::Regional
    );
    let bad = ("BadRequestException", "Invalid ARN");
    bench
        .refused(bad, "GET", "/v2/tags/arn:aws:s3:::b", Value::Null)
        .await;
    bench
        .refused(
            ("NotFoundException", "API"),
            "GET",
            "/v2/tags/arn:aws:apigateway:r::/apis/x",
            Value::Null,
        )
        .await;
}
