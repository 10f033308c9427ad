//! The marks of edge-optimised REST APIs: what integrations are told about clients, and clients
//! about the edge, through a real POP; and that regional listeners and HTTP APIs have none.

use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tests::{backend::Backend, client, cluster::Cluster, mmdb, until};

const PATIENCE: Duration = Duration::from_secs(60);

fn description(backend: &Backend) -> Value {
    let passed = |path: &str| {
        json!({ "x-amazon-apigateway-any-method": {
            "x-amazon-apigateway-integration": {
                "type": "http_proxy",
                "httpMethod": "GET",
                "uri": format!("{}{path}", backend.url()),
            },
        }})
    };
    json!({
        "openapi": "3.0.1",
        "info": { "title": "marks", "version": "1" },
        "paths": {
            "/shown": passed("/shown"),
            "/cached": passed("/cached"),
            "/failed": passed("/status/503"),
        },
    })
}

async fn ask(cluster: &Cluster, at_pop: bool, host: &str, path: &str) -> Response<Bytes> {
    let request = Request::get(path)
        .header("host", host)
        .header(
            "user-agent",
            "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)",
        )
        .header("cloudfront-viewer-country", "XX")
        .body(Full::default())
        .unwrap();
    let addr = if at_pop {
        cluster.ready.pops[0].http
    } else {
        cluster.ready.regions[0].http
    };
    client::once(addr, request).await.unwrap()
}

fn of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn edge_apis_carry_the_marks_that_cloudfront_gives() {
    let mut cluster = Cluster::start_with(1, 1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("city.mmdb");
    let loopback = (Ipv4Addr::new(127, 0, 0, 0), 8, 48.9, 2.4);
    std::fs::write(&file, mmdb::file(&[loopback])).unwrap();
    let region = cluster.ready.regions[0].clone();
    super::geo::set(&region.config, "region", &file);
    cluster.kill(region.pid).unwrap();
    cluster.restart(&region.config).unwrap();

    let backend = Backend::start().await.unwrap();
    let management = cluster.management(0);
    let import = "/restapis?mode=import";
    let api = until("the region manages again", PATIENCE, || async {
        let whole = description(&backend);
        management
            .must(Method::POST, import, Some(whole))
            .await
            .ok()
    })
    .await;
    let id = api["id"].as_str().unwrap();
    let deployed = format!("/restapis/{id}/deployments");
    let stage = json!({ "stageName": "prod" });
    let answer = management
        .call(Method::POST, &deployed, Some(stage))
        .await
        .unwrap();
    let revision = answer.headers["x-edgeway-revision"].to_str().unwrap();
    management.wait(revision.parse().unwrap()).await.unwrap();
    let host = cluster.host(id);

    let shown = until("the POP reaches the region", PATIENCE, || async {
        let shown = ask(&cluster, true, &host, "/prod/shown").await;
        shown.status().is_success().then_some(shown)
    })
    .await;
    let id = of(shown.headers(), "x-amz-cf-id").unwrap().to_owned();
    assert_eq!(of(shown.headers(), "x-cache"), Some("Miss from cloudfront"));
    assert_eq!(
        of(shown.headers(), "x-amz-cf-pop"),
        Some(&*cluster.ready.pops[0].name)
    );
    assert_eq!(shown.headers().get("server"), None);
    assert_eq!(shown.headers().get("edgeway-edge-marks"), None);
    let told = String::from_utf8(shown.body().to_vec()).unwrap();
    for line in [
        "cloudfront-forwarded-proto: http",
        "cloudfront-is-desktop-viewer: false",
        "cloudfront-is-mobile-viewer: false",
        "cloudfront-is-smarttv-viewer: false",
        "cloudfront-is-tablet-viewer: true",
        &format!("cloudfront-viewer-country: {}", mmdb::COUNTRY),
        &format!("cloudfront-viewer-asn: {}", mmdb::AS_NUMBER),
        &format!("x-amz-cf-id: {id}"),
    ] {
        assert!(told.lines().any(|told| told == line), "{line} in {told}");
    }

    // Straight at the region there is no edge, and headers are the client's own.
    let shown = ask(&cluster, false, &host, "/prod/shown").await;
    assert_eq!(shown.headers().get("x-cache"), None);
    assert_eq!(shown.headers().get("edgeway-edge-marks"), None);
    let told = String::from_utf8(shown.body().to_vec()).unwrap();
    assert!(told.contains("cloudfront-viewer-country: XX"), "{told}");
    assert!(!told.contains("cloudfront-forwarded-proto"), "{told}");

    // From the POP's cache: the marks and both ids are the single answer's.
    let first = ask(&cluster, true, &host, "/prod/cached").await;
    assert_eq!(of(first.headers(), "x-cache"), Some("Miss from cloudfront"));
    // Who comes while the copy is still being stored shares the miss.
    let again = until("a hit", PATIENCE, async || {
        let again = ask(&cluster, true, &host, "/prod/cached").await;
        (of(again.headers(), "x-cache") == Some("Hit from cloudfront")).then_some(again)
    });
    let again = again.await;
    for name in ["x-amz-cf-id", "x-amzn-requestid", "x-amz-apigw-id"] {
        let (one, other) = (of(first.headers(), name), of(again.headers(), name));
        assert!(one.is_some() && other.is_some() && one != other, "{name}");
    }
    assert_eq!(again.headers().get("apigw-requestid"), None);

    let failed = ask(&cluster, true, &host, "/prod/failed").await;
    assert_eq!(
        of(failed.headers(), "x-cache"),
        Some("Error from cloudfront")
    );

    // HTTP APIs have none of it.
    let plain = management.quick_api("plain", &backend.url()).await.unwrap();
    let shown = ask(&cluster, true, &cluster.host(&plain), "/shown").await;
    assert_eq!(shown.headers().get("x-amz-cf-id"), None);
    let told = String::from_utf8(shown.body().to_vec()).unwrap();
    assert!(!told.contains("cloudfront-is-tablet-viewer"), "{told}");
}
