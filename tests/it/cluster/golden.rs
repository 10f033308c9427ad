//! Golden files of REST APIs, asked through a POP of a real cluster; `crate::golden` asks the same
//! in one process.

use std::net::SocketAddr;

use http::{Method, Request};
use serde_json::{Value, json};
use tests::{
    client::{self, Http1, Whole},
    cluster::Cluster,
    golden::{Echo, Golden},
};

/// Imports and deploys a file's API; the answer is its host.
async fn made(cluster: &Cluster, golden: &Golden, echo: &Echo) -> (String, u64) {
    let management = cluster.management(0);
    let path = "/restapis?mode=import";
    let imported = management
        .must(Method::POST, path, Some(golden.document()))
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
    assert!(
        answer.status.is_success(),
        "{}: {}",
        golden.name,
        answer.body
    );
    let revision = answer.headers.get("x-edgeway-revision").unwrap();
    let revision = revision.to_str().unwrap().parse().unwrap();
    (cluster.host(&id), revision)
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_files_through_a_pop() {
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let echo = Echo::start().await.unwrap();
    let files = Golden::all().unwrap();
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
        for case in &golden.cases {
            echo.expect(&case.backend);
            let request: Request<Whole> = case.request(host, "prod").unwrap().map(Whole::new);
            let mut connection = Http1::open(pop).await.unwrap();
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
