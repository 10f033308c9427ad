//! The stage cache of REST APIs on a real cluster: set up, filled and flushed through the
//! management API, and asked through a POP and at the region itself.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tests::{
    backend::Backend,
    client,
    cluster::Cluster,
    management::{Answer, Management},
    until,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn description(backend: &Backend) -> Value {
    json!({
        "openapi": "3.0.1",
        "info": { "title": "kept", "version": "1" },
        "paths": { "/{id}": { "get": {
            "parameters": [
                { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
            ],
            "x-amazon-apigateway-integration": {
                "type": "http_proxy",
                "httpMethod": "GET",
                "uri": format!("{}/shown/{{id}}", backend.url()),
                "requestParameters": { "integration.request.path.id": "method.request.path.id" },
                "cacheKeyParameters": ["method.request.path.id"],
            },
        }}},
    })
}

async fn ask(cluster: &Cluster, at_pop: bool, api: &str, path: &str) -> Response<Bytes> {
    let request = Request::get(path)
        .header("host", cluster.host(api))
        .body(Full::default())
        .unwrap();
    let addr = if at_pop {
        cluster.ready.pops[0].http
    } else {
        cluster.ready.regions[0].http
    };
    client::once(addr, request).await.unwrap()
}

/// Waits until an accepted change is served everywhere.
async fn settled(management: &Management, answer: &Answer) {
    assert!(answer.status.is_success(), "{answer:?}");
    let revision = answer.headers["x-edgeway-revision"].to_str().unwrap();
    management.wait(revision.parse().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_keeps_answers_until_it_is_flushed() {
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let management = cluster.management(0);
    let import = "/restapis?mode=import";
    let api = management.must(Method::POST, import, Some(description(&backend)));
    let api = api.await.unwrap();
    let id = api["id"].as_str().unwrap();
    let stage = json!({
        "stageName": "prod",
        "cacheClusterEnabled": true,
        "cacheClusterSize": "0.5",
    });
    let deployments = format!("/restapis/{id}/deployments");
    let deployed = management.call(Method::POST, &deployments, Some(stage));
    assert!(deployed.await.unwrap().status.is_success());
    let at = format!("/restapis/{id}/stages/prod");
    let set = |path: &str| json!({ "op": "replace", "path": path, "value": "true" });
    let patch = json!({ "patchOperations": [set("/*/*/caching/enabled")] });
    let altered = management.call(Method::PATCH, &at, Some(patch)).await;
    settled(&management, &altered.unwrap()).await;

    let calls = || backend.counts.requests.load(Ordering::SeqCst);
    let first = until("the POP reaches the region", PATIENCE, || async {
        let first = ask(&cluster, true, id, "/prod/a").await;
        first.status().is_success().then_some(first)
    })
    .await;
    assert_eq!(calls(), 1);
    // The same from the region itself, whatever the query.
    let again = ask(&cluster, false, id, "/prod/a?other=1").await;
    assert_eq!((again.body(), calls()), (first.body(), 1));
    assert!(again.headers().contains_key("age"));
    let request_id = |answer: &Response<Bytes>| answer.headers()["x-amzn-requestid"].clone();
    assert_ne!(request_id(&again), request_id(&first));
    ask(&cluster, true, id, "/prod/b").await;
    assert_eq!(calls(), 2);

    let flush = format!("{at}/cache/data");
    let flushed = management.call(Method::DELETE, &flush, None).await.unwrap();
    settled(&management, &flushed).await;
    ask(&cluster, true, id, "/prod/a").await;
    assert_eq!(calls(), 3);
    ask(&cluster, false, id, "/prod/a").await;
    assert_eq!(calls(), 3);
}
