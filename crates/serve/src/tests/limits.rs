//! Slow, large and numerous things: each is cut off at its limit, and counted.

use std::time::Duration;

use super::{Rig, STEP_MAX};
use crate::Limits;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn refuses_a_large_head() {
    let rig = Rig::limited(Limits {
        head_bytes_max: 8192,
        ..Limits::default()
    });
    let value = "x".repeat(9000);
    let answer = rig
        .exchange(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    rig.wait_metric("refusals_total", "head_too_large", 1.0)
        .await;
    let answer = rig
        .exchange(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}{value}"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn refuses_many_headers() {
    let rig = Rig::limited(Limits {
        headers_max: 10,
        ..Limits::default()
    });
    let fields = "x: y\r\n".repeat(10);
    let answer = rig
        .exchange(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn answers_a_slow_head_with_408() {
    let limits = Limits {
        head_timeout: SHORT,
        ..Limits::default()
    };
    let rig = Rig::limited(limits);
    let mut raw = rig.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    rig.wait_metric("refusals_total", "head_timed_out", 1.0)
        .await;
    // The same for the second request of a connection, however often a byte comes.
    let mut raw = rig.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.until("\r\n\r\n").await;
    for byte in ["G", "E", "T", " "] {
        raw.send(byte).await;
        tokio::time::sleep(SHORT / 5).await;
    }
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn closes_idle_connections_silently() {
    let rig = Rig::limited(Limits {
        idle_timeout: SHORT,
        ..Limits::default()
    });
    assert_eq!(rig.connect().await.rest().await, "");
    rig.wait_metric("connections_closed_total", "idle", 1.0)
        .await;
    let mut raw = rig.connect().await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.until("\r\n\r\n").await;
    assert_eq!(raw.rest().await, "");
    rig.wait_metric("connections_closed_total", "idle", 2.0)
        .await;
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let rig = Rig::limited(Limits {
        idle_timeout: SHORT,
        ..Limits::default()
    });
    let mut raw = rig.connect().await;
    raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    rig.events.waiting.notified().await;
    tokio::time::sleep(SHORT * 3).await;
    rig.events.release.add_permits(1);
    raw.until("waited").await;
}

#[tokio::test]
async fn times_out_a_slow_body() {
    let rig = Rig::limited(Limits {
        body_idle_timeout: SHORT,
        ..Limits::default()
    });
    let mut raw = rig.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        .await;
    for _ in 0..4 {
        tokio::time::sleep(SHORT / 2).await;
        raw.send("x").await;
    }
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.ends_with("body_timed_out"), "{answer}");
    rig.wait_metric("refusals_total", "body_timed_out", 1.0)
        .await;
}

#[tokio::test]
async fn refuses_large_bodies() {
    let rig = Rig::limited(Limits {
        body_bytes_max: 10,
        ..Limits::default()
    });
    let start = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let answer = rig
        .exchange(format!("{start}Content-Length: 11\r\n\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let body = "a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n";
    let chunked = format!("{start}Transfer-Encoding: chunked\r\n\r\n{body}");
    let answer = rig.exchange(chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    rig.wait_metric("refusals_total", "body_too_large", 2.0)
        .await;
}

#[tokio::test]
async fn an_early_refusal_survives_a_large_upload() {
    let rig = Rig::limited(Limits {
        body_bytes_max: 10,
        ..Limits::default()
    });
    let mut raw = rig.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        .await;
    raw.send(vec![b'x'; 900_000]).await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn closes_connections_beyond_the_limit() {
    let rig = Rig::limited(Limits {
        connections_max: 1,
        ..Limits::default()
    });
    let mut first = rig.connect().await;
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    first.until("\r\n\r\n").await;
    assert_eq!(rig.connect().await.rest().await, "");
    rig.wait_metric("connections_closed_total", "connections_max", 1.0)
        .await;
    drop(first);
    rig.wait_metric("connections_open", "", 0.0).await;
    let mut again = rig.connect().await;
    again.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    again.until("\r\n\r\n").await;
}

#[tokio::test]
async fn drops_a_client_that_reads_nothing() {
    let rig = Rig::limited(Limits {
        write_idle_timeout: SHORT,
        ..Limits::default()
    });
    let mut raw = rig.connect().await;
    raw.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await;
    rig.wait_metric("connections_closed_total", "write_idle", 1.0)
        .await;
    rig.wait_metric("connections_open", "", 0.0).await;
    drop(raw);
}

#[tokio::test]
async fn workers_share_a_port() {
    let rig = Rig::with(2, |_| {});
    let mut seen = std::collections::BTreeSet::new();
    let looking = async {
        while seen.len() < 2 {
            let answer = rig.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let answer = answer.await;
            let line = answer.lines().find(|line| line.starts_with("x-worker: "));
            seen.insert(line.expect("a worker").to_owned());
        }
    };
    tokio::time::timeout(STEP_MAX, looking)
        .await
        .expect("both workers answer");
}
