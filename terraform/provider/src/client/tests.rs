//! Retries, failover, reading one's own writes, and lists, against servers on this machine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Client, Setup, error::Kind};

type Answer = (u16, u64, String);

/// A server that answers its n-th call as `answer` says; gives its URL. A reason that came with a
/// call stands behind its path, after a `#`.
async fn server(answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> String {
    serve(move |call, request| {
        let mut path = request.uri().to_string();
        if let Some(reason) = request.headers().get("x-edgeway-reason") {
            path = format!("{path}#{}", reason.to_str().unwrap());
        }
        answer(call, &path)
    })
    .await
}

/// The same, by the names of calls.
async fn named_server(
    answer: impl Fn(usize, Option<&str>) -> Answer + Send + Sync + 'static,
) -> String {
    serve(move |call, request| {
        let name = request.headers().get("x-edgeway-idempotency-key");
        answer(call, name.map(|name| name.to_str().unwrap()))
    })
    .await
}

async fn serve(
    answer: impl Fn(usize, &Request<Incoming>) -> Answer + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (answer, calls) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, calls) = (Arc::clone(&answer), Arc::clone(&calls));
            let service = service_fn(move |request: Request<Incoming>| {
                let call = calls.fetch_add(1, Ordering::SeqCst);
                let (status, revision, body) = answer(call, &request);
                let response = Response::builder()
                    .status(status)
                    .header("x-edgeway-revision", revision)
                    .body(Full::new(Bytes::from(body)));
                async move { response }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    url
}

fn client(endpoints: &[&str]) -> Client {
    client_with(endpoints, None)
}

fn client_with(endpoints: &[&str], reason: Option<&str>) -> Client {
    Client::new(Setup {
        endpoints: endpoints.iter().map(|url| (*url).to_owned()).collect(),
        access_key_id: "AK".to_owned(),
        secret: "secret".to_owned(),
        region: "us-east-1".to_owned(),
        ca_pem: None,
        reason: reason.map(str::to_owned),
        timeout: Duration::from_secs(20),
    })
    .unwrap()
}

#[tokio::test]
async fn a_failing_endpoint_is_left_for_the_next() {
    let bad = server(|_, _| (500, 1, "{}".to_owned())).await;
    let good = server(|_, _| (200, 1, r#"{"a":1}"#.to_owned())).await;
    let nobody = "http://127.0.0.1:1";
    let client = client(&[nobody, &bad, &good]);
    assert_eq!(client.get("/restapis/x").await.unwrap(), json!({ "a": 1 }));
    assert_eq!(client.calls(), 3);
    client.get("/restapis/x").await.unwrap();
    assert_eq!(client.calls(), 4);
}

#[tokio::test]
async fn changes_say_why_they_are_made_and_reads_do_not() {
    let echo = server(|_, path| (200, 1, json!({ "path": path }).to_string())).await;
    let client = client_with(&[&echo], Some("ticket 7"));
    assert_eq!(client.get("/x").await.unwrap()["path"], "/x");
    let made = client.send(Method::POST, "/x", None).await.unwrap();
    assert_eq!(made.body["path"], "/x#ticket 7");
}

#[tokio::test]
async fn a_post_that_may_have_been_done_is_not_sent_again() {
    let bad = server(|_, _| (500, 1, "{}".to_owned())).await;
    let client = client(&[&bad]);
    let error = client
        .send(Method::POST, "/restapis", Some(&json!({})))
        .await;
    assert_eq!(error.unwrap_err().kind(), Kind::Failed);
    assert_eq!(client.calls(), 1);
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_sent_again_under_its_name() {
    let names = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&names);
    let known = json!({ "idempotencyKeys": true, "raft": { "healthy": true } });
    let lossy = named_server(move |call, name| {
        seen.lock().unwrap().extend(name.map(str::to_owned));
        match call {
            0 => (200, 1, known.to_string()),
            1 => (500, 1, "{}".to_owned()),
            _ => (201, 2, r#"{"id":"x"}"#.to_owned()),
        }
    });
    let client = Arc::new(client(&[&lossy.await]));
    client.look().await.unwrap();
    let made = client
        .send(Method::POST, "/restapis", Some(&json!({})))
        .await;
    assert_eq!(made.unwrap().revision, 2);
    let names = names.lock().unwrap().clone();
    assert_eq!(names.len(), 2, "both times");
    assert_eq!(names[0], names[1]);
    assert_eq!(names[0].len(), 32);
}

#[tokio::test]
async fn a_post_that_was_refused_for_the_moment_is_sent_again() {
    let busy = server(|call, _| match call {
        0 => (429, 1, r#"{"message":"too many"}"#.to_owned()),
        _ => (201, 2, r#"{"id":"x"}"#.to_owned()),
    });
    let client = client(&[&busy.await]);
    let made = client
        .send(Method::POST, "/restapis", Some(&json!({})))
        .await;
    assert_eq!(made.unwrap().revision, 2);
    assert_eq!(client.calls(), 2);
}

#[tokio::test]
async fn an_answer_from_before_the_own_write_is_asked_for_again() {
    let late = server(|call, _| match call {
        0 => (201, 7, "{}".to_owned()),
        1 => (200, 6, r#"{"name":"old"}"#.to_owned()),
        _ => (200, 7, r#"{"name":"new"}"#.to_owned()),
    });
    let client = client(&[&late.await]);
    client.send(Method::PUT, "/x", None).await.unwrap();
    assert_eq!(client.get("/x").await.unwrap(), json!({ "name": "new" }));
}

#[tokio::test]
async fn lists_are_read_once_in_pages_until_something_is_written() {
    let pages = server(|_, path| {
        let page = match path {
            "/v2/apis/a/routes?maxResults=500" => json!({ "items": [1, 2], "nextToken": "0a" }),
            "/v2/apis/a/routes?maxResults=500&nextToken=0a" => json!({ "items": [3] }),
            _ => json!({}),
        };
        (200, 1, page.to_string())
    });
    let client = client(&[&pages.await]);
    for _ in 0..3 {
        let items = client.list("/v2/apis/a/routes").await.unwrap();
        assert_eq!(*items, [json!(1), json!(2), json!(3)]);
    }
    assert_eq!(client.calls(), 2);
    client
        .send(Method::PATCH, "/v2/apis/a", None)
        .await
        .unwrap();
    client.list("/v2/apis/a/routes").await.unwrap();
    assert_eq!(client.calls(), 5);
}

#[tokio::test]
async fn what_is_gone_is_none_and_removed() {
    let gone = server(|_, _| (404, 1, r#"{"message":"Invalid API"}"#.to_owned())).await;
    let client = client(&[&gone]);
    assert_eq!(client.find("/restapis/x").await.unwrap(), None);
    client.remove("/restapis/x").await.unwrap();
}

#[test]
fn endpoints_are_urls_without_paths() {
    let check = |url: &str, good: bool| assert_eq!(super::send::is_endpoint(url), good, "{url}");
    check("https://a.example:8443", true);
    check("http://127.0.0.1:1", true);
    check("a.example:8443", false);
    check("https://a.example/path", false);
    check("ftp://a.example", false);
}
