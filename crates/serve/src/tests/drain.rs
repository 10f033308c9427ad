//! Shutdown: what is finished, what is told, and what is cut off at the deadline.

use std::sync::Arc;
use std::time::Duration;

use super::{Rig, STEP_MAX};
use crate::{Body, BoxFuture, Conn, Drain, Drained, Limits, ListenerSettings};
use crate::{Metrics, Request, Response, Server};

#[tokio::test]
async fn finishes_requests_and_closes_idle_connections() {
    let rig = Rig::start();
    let mut idle = rig.connect().await;
    idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.until("\r\n\r\n").await;
    let mut silent = rig.connect().await;
    let mut busy = rig.connect().await;
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    rig.events.waiting.notified().await;
    let drain = rig.drain.clone();
    let finish = tokio::spawn(async move { drain.finish().await });
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    rig.events.release.add_permits(1);
    let answer = busy.rest().await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("waited"), "{answer}");
    assert_eq!(finish.await.expect("joined"), Drained::Finished);
    rig.serving.ended().await;
    assert!(
        tokio::net::TcpStream::connect(rig.addr).await.is_err(),
        "the socket is closed"
    );
}

#[tokio::test]
async fn cuts_off_at_the_deadline() {
    let rig = Rig::start();
    let mut busy = rig.connect().await;
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    rig.events.waiting.notified().await;
    let drained = tokio::time::timeout(STEP_MAX, rig.drain.finish())
        .await
        .expect("in time");
    assert!(matches!(drained, Drained::Expired { .. }), "{drained:?}");
    rig.events.dropped.notified().await;
    let serving = rig.serving;
    tokio::time::timeout(STEP_MAX, serving.ended())
        .await
        .expect("workers end");
}

#[tokio::test]
async fn binds_early_and_serves_late_on_this_runtime() {
    let metrics = Metrics::register(&prometheus::Registry::new()).expect("metrics");
    let mut settings = ListenerSettings::plain("control", "127.0.0.1:0".parse().expect("addr"));
    settings.addrs.push("[::1]:0".parse().expect("addr"));
    settings.limits = Limits::default();
    let bound = Server::bind(vec![settings], 1, &metrics).expect("bind");
    assert_eq!(bound.addresses().len(), 2);
    let mut early = Vec::new();
    for (_, addr) in bound.addresses() {
        let socket = tokio::net::TcpStream::connect(addr)
            .await
            .expect("connect before serving");
        early.push(super::Raw(socket));
    }
    let drain = Drain::new(Duration::from_secs(1));
    let hello = |_: Request, conn: Arc<Conn>| -> BoxFuture<'static, Response> {
        let text = format!("hello from {} at {}", conn.listener, conn.local.ip());
        Box::pin(async move { Response::new(Body::full(text)) })
    };
    let serving = bound.serve_on_current(Arc::new(hello), &drain);
    for (raw, ip) in early.iter_mut().zip(["127.0.0.1", "::1"]) {
        raw.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await;
        let answer = raw.rest().await;
        assert!(
            answer.ends_with(&format!("hello from control at {ip}")),
            "{answer}"
        );
    }
    assert_eq!(drain.finish().await, Drained::Finished);
    serving.ended().await;
}

#[tokio::test]
async fn says_which_address_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let addr = taken.local_addr().expect("address");
    let metrics = Metrics::register(&prometheus::Registry::new()).expect("metrics");
    let error = Server::bind(vec![ListenerSettings::plain("web", addr)], 1, &metrics);
    let error = error.expect_err("the address is taken").to_string();
    assert_eq!(error, format!("listening at {addr} for listener web"));
}

#[tokio::test]
async fn a_request_that_waits_in_the_kernel_is_answered() {
    let metrics = Metrics::register(&prometheus::Registry::new()).expect("metrics");
    let addr = "127.0.0.1:0".parse().expect("addr");
    let bound = Server::bind(vec![ListenerSettings::plain("t", addr)], 1, &metrics).expect("bind");
    let addr = bound.address("t").expect("an address");
    let socket = tokio::net::TcpStream::connect(addr).await.expect("connect");
    let mut raw = super::Raw(socket);
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let drain = Drain::new(Duration::from_secs(1));
    let begin = drain.clone();
    let hello = move |_: Request, _: Arc<Conn>| -> BoxFuture<'static, Response> {
        begin.begin();
        Box::pin(async { Response::new(Body::full("hello")) })
    };
    let serving = bound.serve_on_current(Arc::new(hello), &drain);
    let answer = raw.rest().await;
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(drain.finish().await, Drained::Finished);
    serving.ended().await;
}

#[tokio::test]
async fn a_panic_in_a_handler_costs_only_its_connection() {
    let metrics = Metrics::register(&prometheus::Registry::new()).expect("metrics");
    let addr = "127.0.0.1:0".parse().expect("addr");
    let bound = Server::bind(vec![ListenerSettings::plain("t", addr)], 1, &metrics).expect("bind");
    let addr = bound.address("t").expect("an address");
    let drain = Drain::new(Duration::from_secs(1));
    let handler = |request: Request, _: Arc<Conn>| -> BoxFuture<'static, Response> {
        assert_ne!(request.uri().path(), "/panic", "as the test wants it");
        Box::pin(async { Response::new(Body::full("fine")) })
    };
    let serving = bound.serve_on_current(Arc::new(handler), &drain);
    for (path, expected) in [("/", "fine"), ("/panic", ""), ("/", "fine")] {
        let mut raw = super::Raw(tokio::net::TcpStream::connect(addr).await.expect("connect"));
        raw.send(format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ))
        .await;
        let answer = raw.rest().await;
        assert!(answer.ends_with(expected), "{answer}");
        assert_eq!(answer.is_empty(), expected.is_empty(), "{answer}");
    }
    assert_eq!(drain.finish().await, Drained::Finished);
    serving.ended().await;
}
