//! What a backend is asked, and what the client gets of its answer.

use http::{Method, Response};
use http_body_util::BodyExt;
use serve::Body;

use super::{
    backend::{Backend, counted, echo, trailed},
    harness::{HOST, Line, Rig, Setup, get, line, request},
};

#[tokio::test]
async fn requests_pass_with_their_parts() {
    let backend = Backend::echo().await;
    let setup = Setup::of([line(
        "POST /orders/{id}",
        format!("{}/o/{{id}}?v=1", backend.url()),
    )]);
    let rig = Rig::start(setup).await;
    let mut request = request("POST", "/orders/a%20b?x=1&x=2", Body::full("hello"));
    let headers = request.headers_mut();
    headers.insert("x-custom", "kept".parse().unwrap());
    headers.insert("x-forwarded-for", "10.0.0.1".parse().unwrap());
    headers.insert("connection", "x-private".parse().unwrap());
    headers.insert("x-private", "dropped".parse().unwrap());
    headers.insert("expect", "100-continue".parse().unwrap());
    headers.insert("te", "trailers, deflate".parse().unwrap());
    let answer = rig.ask(request).await;
    assert_eq!(
        (answer.status, answer.line()),
        (200, "POST /o/a%20b?v=1&x=1&x=2")
    );
    assert!(answer.text.ends_with("\n\nhello"));
    assert_eq!(
        answer.echoed("host"),
        Some(backend.addr.to_string().as_str())
    );
    assert_eq!(answer.echoed("x-custom"), Some("kept"));
    assert_eq!(answer.echoed("via"), Some("1.1 edgeway"));
    assert_eq!(answer.echoed("te"), Some("trailers"));
    assert_eq!(answer.echoed("content-length"), Some("5"));
    let forwarded = format!("for=10.0.0.1, by=203.0.113.1;for=192.0.2.7;host={HOST};proto=http");
    assert_eq!(answer.echoed("forwarded"), Some(forwarded.as_str()));
    for gone in [
        "x-forwarded-for",
        "x-private",
        "expect",
        "connection",
        "transfer-encoding",
    ] {
        assert_eq!(answer.echoed(gone), None, "{gone}");
    }
    assert_eq!(answer.header("x-backend"), "yes");
    let id = answer.header("apigw-requestid");
    assert!(id.len() == 16 && id.ends_with('='), "{id}");
}

#[tokio::test]
async fn greedy_default_and_stage_variables() {
    let backend = Backend::echo().await;
    let url = backend.url();
    let mut setup = Setup::of([
        line(
            "ANY /files/{proxy+}",
            "http://${stageVariables.host}/${stageVariables.v}/{proxy}",
        ),
        line("$default", format!("{url}/base")),
        Line {
            method: Some("PUT"),
            ..line("GET /fixed", format!("{url}/fixed"))
        },
    ]);
    setup.variables = [
        ("host".to_owned(), backend.addr.to_string()),
        ("v".to_owned(), "v2".to_owned()),
    ]
    .into();
    let rig = Rig::start(setup).await;
    assert_eq!(
        rig.get("/files/a/b%2Fc//d?q").await.line(),
        "GET /v2/a/b%2Fc//d?q"
    );
    assert_eq!(
        rig.get("/other/x%20y?q=1").await.line(),
        "GET /base/other/x%20y?q=1"
    );
    assert_eq!(rig.get("/fixed").await.line(), "PUT /fixed");
    let answer = rig.get("/files/../../etc").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (400, r#"{"message":"Bad Request"}"#)
    );
}

#[tokio::test]
async fn bodies_of_unknown_length_are_chunked() {
    let backend = Backend::echo().await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let body = counted(3, 4, std::sync::Arc::default());
    let answer = rig.ask(request("POST", "/", body)).await;
    assert_eq!(answer.echoed("transfer-encoding"), Some("chunked"));
    assert!(answer.text.ends_with("\n\nxxxxxxxxxxxx"));
    // And a GET without a body has neither length nor encoding.
    let answer = rig.get("/").await;
    assert_eq!(answer.echoed("transfer-encoding"), None);
    assert_eq!(answer.echoed("content-length"), None);
}

#[tokio::test]
async fn head_keeps_the_length_and_connection() {
    let backend = Backend::http(|request| async move {
        assert_eq!(request.method(), Method::HEAD);
        Response::builder()
            .header("content-length", "1234")
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    for _ in 0..3 {
        let answer = rig.ask(request("HEAD", "/", Body::empty())).await;
        assert_eq!(
            (answer.header("content-length"), answer.text.as_str()),
            ("1234", "")
        );
    }
    assert_eq!(backend.accepted(), 1);
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let backend = Backend::http(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let sent = collected
            .trailers()
            .and_then(|trailers| trailers.get("x-up"))
            .cloned();
        let body = trailed("body", "x-down", sent.unwrap());
        Response::builder()
            .header("trailer", "x-down")
            .body(body)
            .unwrap()
    })
    .await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let mut request = request("POST", "/", trailed("up", "x-up", "1".parse().unwrap()));
    request
        .headers_mut()
        .insert("trailer", "x-up".parse().unwrap());
    request
        .headers_mut()
        .insert("te", "trailers".parse().unwrap());
    let response = rig.send(request).await;
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap().get("x-down").unwrap(), "1");
}

#[tokio::test]
async fn answers_lose_what_belongs_to_the_connection() {
    let backend = Backend::http(|_| async {
        Response::builder()
            .status(201)
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("apigw-requestid", "forged")
            .body(Body::full("made"))
            .unwrap()
    })
    .await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    let answer = rig.ask(get("/")).await;
    assert_eq!((answer.status, answer.text.as_str()), (201, "made"));
    for gone in ["connection", "x-hop", "keep-alive"] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert_ne!(answer.header("apigw-requestid"), "forged");
}

#[tokio::test]
async fn a_new_configuration_is_served() {
    let backend = Backend::http(echo).await;
    let mut setup = Setup::of([line("GET /one", backend.url())]);
    let rig = Rig::start(setup.clone()).await;
    assert_eq!(rig.get("/one").await.status, 200);
    setup.lines = vec![line("GET /two", backend.url())];
    setup.revision = 2;
    let mut revisions = rig.region.revisions();
    rig.config.send_replace(std::sync::Arc::new(setup.config()));
    revisions.wait_for(|revision| *revision == 2).await.unwrap();
    assert_eq!(rig.get("/one").await.status, 404);
    assert_eq!(rig.get("/two").await.status, 200);
    // An older one never replaces it.
    setup.lines.clear();
    setup.revision = 1;
    rig.config.send_replace(std::sync::Arc::new(setup.config()));
    tokio::task::yield_now().await;
    assert_eq!(rig.get("/two").await.status, 200);
    assert_eq!(rig.region.revision(), 2);
}
