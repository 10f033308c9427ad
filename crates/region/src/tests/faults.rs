//! Every way in which a request can fail, and what the client is told.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use serve::{Body, BodyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    backend::{Backend, empty},
    harness::{Answer, Line, Rig, Setup, get, line, request},
};

const UNAVAILABLE: &str = r#"{"message":"Service Unavailable"}"#;

#[track_caller]
fn check(rig: &Rig, answer: &Answer, status: u16, message: &str, reason: &str) {
    assert_eq!(answer.status, status);
    assert_eq!(answer.text, format!("{{\"message\":\"{message}\"}}"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("apigw-requestid").len(), 16);
    let reason = format!("reason=\"{reason}\"");
    assert_eq!(
        rig.metric("edgeway_region_faults_total", &reason),
        1,
        "{reason}"
    );
}

#[tokio::test]
async fn unknown_places() {
    let rig = Rig::start(Setup::of([
        line("GET /a", "http://127.0.0.1:1"),
        line("GET /broken", "http://127.0.0.1:1/{nothing}"),
    ]))
    .await;
    let mut elsewhere = get("/a");
    elsewhere
        .headers_mut()
        .insert("host", "nobody.test".parse().unwrap());
    let answer = rig.ask(elsewhere).await;
    check(&rig, &answer, 403, "Forbidden", "unknown_host");
    assert_eq!(answer.header("x-amzn-errortype"), "ForbiddenException");
    check(&rig, &rig.get("/b").await, 404, "Not Found", "no_route");
    check(
        &rig,
        &rig.get("/broken").await,
        500,
        "Internal Server Error",
        "broken_route",
    );
    let mut nowhere = get("/a");
    nowhere.headers_mut().remove("host");
    check(
        &rig,
        &rig.ask(nowhere).await,
        400,
        "Bad Request",
        "bad_host",
    );
    assert_eq!(rig.region.diagnostics().len(), 1);
    assert_eq!(
        rig.metric("edgeway_region_requests_total", "class=\"4xx\""),
        3
    );
}

#[tokio::test]
async fn backends_that_cannot_be_reached() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let rig = Rig::start(Setup::of([
        line("GET /refused", format!("http://{free}")),
        line("GET /metadata", "http://169.254.169.254/latest"),
        line("GET /mapped", "http://[::ffff:169.254.169.254]/latest"),
        line("GET /nowhere", "http://nowhere.invalid"),
    ]))
    .await;
    let answer = rig.get("/refused").await;
    check(
        &rig,
        &answer,
        503,
        "Service Unavailable",
        "upstream_unreachable",
    );
    check(
        &rig,
        &rig.get("/metadata").await,
        503,
        "Service Unavailable",
        "upstream_denied",
    );
    assert_eq!(rig.get("/mapped").await.text, UNAVAILABLE);
    assert_eq!(
        rig.metric("edgeway_region_faults_total", "upstream_denied"),
        2
    );
    assert_eq!(rig.get("/nowhere").await.text, UNAVAILABLE);
}

#[tokio::test]
async fn backends_that_do_not_answer() {
    let slow = Backend::http(|_| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        empty()
    })
    .await;
    let closing = Backend::raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let babbling = Backend::raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"220 mail.test ESMTP\r\n\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let rig = Rig::start(Setup::of([
        Line {
            timeout_ms: 100,
            ..line("GET /slow", slow.url())
        },
        line("GET /closing", closing.url()),
        line("GET /babbling", babbling.url()),
    ]))
    .await;
    check(
        &rig,
        &rig.get("/slow").await,
        503,
        "Service Unavailable",
        "upstream_timeout",
    );
    check(
        &rig,
        &rig.get("/closing").await,
        503,
        "Service Unavailable",
        "upstream_closed",
    );
    check(
        &rig,
        &rig.get("/babbling").await,
        503,
        "Service Unavailable",
        "upstream_malformed",
    );
    // A fresh connection that fails is not tried again.
    assert_eq!(closing.accepted(), 1);
}

#[tokio::test]
async fn client_bodies_that_fail() {
    let backend = Backend::echo().await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    for (error, status, message) in [
        (BodyError::TooLarge, 413, "Request Entity Too Large"),
        (BodyError::TimedOut, 408, "Request Timeout"),
        (BodyError::Malformed, 400, "Bad Request"),
        (BodyError::Aborted, 400, "Bad Request"),
    ] {
        let answer = rig.ask(request("POST", "/", failing(error))).await;
        check(&rig, &answer, status, message, error.reason());
    }
}

#[tokio::test]
async fn nothing_is_answered_from_no_configuration() {
    let config = tokio::sync::watch::Sender::new(std::sync::Arc::default());
    let registry = prometheus::Registry::new();
    let drain = serve::Drain::new(Duration::from_secs(1));
    let settings = crate::RegionSettings::new("us-east-1", 1);
    let region = crate::Region::new(settings, config.subscribe(), &registry, drain).unwrap();
    let handler = region.factory().make(0);
    assert!(!region.is_ready());
    let response = handler.handle(get("/"), super::harness::conn()).await;
    assert_eq!(Answer::of(response).await.text, UNAVAILABLE);
    config.send_replace(std::sync::Arc::new(Setup::default().config()));
    region.ready().await;
    let response = handler.handle(get("/"), super::harness::conn()).await;
    assert_eq!(Answer::of(response).await.status, 404);
}

/// Two pieces, then the error.
fn failing(error: BodyError) -> Body {
    struct Failing(u8, BodyError);
    impl http_body::Body for Failing {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.0 += 1;
            std::task::Poll::Ready(Some(if self.0 < 3 {
                Ok(Frame::data(Bytes::from_static(b"piece")))
            } else {
                Err(self.1)
            }))
        }
    }
    Body::wrap(Failing(0, error))
}
