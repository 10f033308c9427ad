//! Golden files of REST APIs, asked through a POP of a real cluster; `crate::golden` asks the same
//! in one process.

use std::net::SocketAddr;

use http::{Method, Request};
use serde_json::{Value, json};
use tests::{
    client::{self, Http1, Whole},
    cluster::Cluster,
    golden::{Echo, Endpoint, EndpointIds, Golden, Key},
    management::{Answer, Management},
};

/// Imports and deploys a file's API; the answer is its host.
async fn made(cluster: &Cluster, golden: &Golden, echo: &Echo) -> (String, u64) {
    let management = cluster.management(0);
    let kind = if golden.private { "PRIVATE" } else { "EDGE" };
    let path = format!("/restapis?mode=import&endpointConfigurationTypes={kind}");
    let mut document = golden.document();
    if golden.private {
        let own = &cluster.ready.regions[0].private[0].endpoint_id;
        let ids = json!({ "vpcEndpointIds": [own] });
        document["servers"] = json!([{
            "url": "https://x", "x-amazon-apigateway-endpoint-configuration": ids
        }]);
    }
    let imported = management
        .must(Method::POST, &path, Some(document))
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", golden.name));
    let id = imported
        .get("id")
        .and_then(Value::as_str)
        .unwrap()
        .to_owned();
    let path = format!("/restapis/{id}/deployments");
    let deployment = management
        .must(Method::POST, &path, Some(json!({})))
        .await
        .unwrap();
    let stage = json!({
        "stageName": "prod",
        "deploymentId": deployment.get("id").unwrap(),
        "variables": golden.variables(echo),
        "tags": golden.tags,
    });
    let path = format!("/restapis/{id}/stages");
    let answer = management
        .call(Method::POST, &path, Some(stage))
        .await
        .unwrap();
    let mut revision = revision(&answer);
    if let Some(steps) = steps(golden) {
        let path = format!("/restapis/{id}/stages/prod");
        let steps = json!({ "patchOperations": steps });
        let answer = management.call(Method::PATCH, &path, Some(steps)).await;
        revision = self::revision(&answer.unwrap());
    }
    for (value, key) in &golden.keys {
        revision = keyed(&management, &id, (value, *key)).await;
    }
    (cluster.host(&id), revision)
}

fn revision(answer: &Answer) -> u64 {
    assert!(answer.status.is_success(), "{}", answer.body);
    let revision = answer.headers.get("x-edgeway-revision").unwrap();
    revision.to_str().unwrap().parse().unwrap()
}

/// What the stage has besides a deployment and variables.
fn steps(golden: &Golden) -> Option<Value> {
    let mut steps = Vec::new();
    let mut replace = |path: &str, value: String| {
        steps.push(json!({ "op": "replace", "path": path, "value": value }));
    };
    if golden.cache {
        replace("/cacheClusterEnabled", "true".to_owned());
        replace("/cacheClusterSize", "0.5".to_owned());
    }
    for (place, settings) in &golden.settings {
        // A path's slashes are escaped, the one before the method is not.
        let (path, method) = place.rsplit_once('/').unwrap();
        let place = format!("/{}/{method}", path.replace('/', "~1"));
        let authorized = format!("{place}/caching/requireAuthorizationForCacheControl");
        replace(&authorized, "false".to_owned());
        replace(
            &format!("{place}/caching/enabled"),
            settings.caching.to_string(),
        );
        if let Some((rate, burst)) = settings.limit {
            let place = format!("{place}/throttling");
            replace(&format!("{place}/rateLimit"), rate.to_string());
            replace(&format!("{place}/burstLimit"), burst.to_string());
        }
    }
    (!steps.is_empty()).then(|| steps.into())
}

/// Makes a key, and its plan.
async fn keyed(management: &Management, api: &str, (value, key): (&str, Key)) -> u64 {
    let made = json!({ "name": value, "value": value, "enabled": key.enabled });
    let made = management.call(Method::POST, "/apikeys", Some(made)).await;
    let made = made.unwrap();
    if !key.planned {
        return revision(&made);
    }
    let mut plan = json!({ "name": value, "apiStages": [{ "apiId": api, "stage": "prod" }] });
    if let Some((rate, burst)) = key.limit {
        plan["throttle"] = json!({ "rateLimit": rate, "burstLimit": burst });
    }
    if let Some(limit) = key.quota {
        plan["quota"] = json!({ "limit": limit, "period": "MONTH" });
    }
    let plan = management.must(Method::POST, "/usageplans", Some(plan));
    let plan = plan.await.unwrap();
    let path = format!("/usageplans/{}/keys", plan["id"].as_str().unwrap());
    let key = json!({ "keyId": made.body["id"], "keyType": "API_KEY" });
    revision(
        &management
            .call(Method::POST, &path, Some(key))
            .await
            .unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_files_through_a_pop() {
    let echo = Echo::start().await.unwrap();
    let url = format!("http://{}", echo.addr);
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDNODE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let cluster = Cluster::start_among(1, 1, &variables).await.unwrap();
    let private = &cluster.ready.regions[0].private[0];
    let ids = EndpointIds {
        own: private.endpoint_id.clone(),
        ..EndpointIds::default()
    };
    in_a_network(&cluster, &ids.own).await;
    let files = Golden::all_with(&ids).unwrap();
    let (mut hosts, mut newest) = (Vec::new(), 0);
    for golden in &files {
        let (host, revision) = made(&cluster, golden, &echo).await;
        hosts.push(host);
        newest = revision;
    }
    cluster.management(0).wait(newest).await.unwrap();
    let pop = cluster.ready.pops.first().unwrap().http;
    let mut failures = Vec::new();
    for (golden, host) in files.iter().zip(&hosts) {
        for case in golden.cases.iter().filter(|case| case.pop) {
            echo.expect(&case.backend);
            let request: Request<Whole> = case.request(host, "prod").unwrap().map(Whole::new);
            let door = match case.listener {
                None => pop,
                Some(Endpoint::Own) => private.http,
                // It is not there.
                Some(Endpoint::Other) => continue,
            };
            let mut connection = Http1::open(door).await.unwrap();
            let answer = connection.send(request).await.unwrap();
            if let Err(error) = case.check(&answer, echo.seen()) {
                let (file, request) = (&golden.name, &case.request);
                failures.push(format!("{file}: {} ({request}): {error:#}", case.shows));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    beside_the_stage(pop, hosts.first().unwrap()).await;
}

/// The cluster's private endpoint is in the network that files speak of.
async fn in_a_network(cluster: &Cluster, endpoint: &str) {
    let path = format!("/edgeway/v1/private-endpoints/{endpoint}");
    let body = json!({ "addresses": ["127.0.0.1"], "vpcId": EndpointIds::NETWORK });
    let put = cluster
        .management(0)
        .must(Method::PUT, &path, Some(body))
        .await;
    put.unwrap();
}

/// Paths that lead to no stage.
async fn beside_the_stage(pop: SocketAddr, host: &str) {
    let answer = client::get(pop, host, "/other/x").await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(&**answer.body(), br#"{"message":"Forbidden"}"#);
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap())
    };
    assert_eq!(header("x-amzn-errortype"), Some("ForbiddenException"));
    assert_eq!(header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(header("apigw-requestid"), None);
    let answer = client::get(pop, host, "/ping").await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &**answer.body()),
        (200, &b"healthy"[..])
    );
}
