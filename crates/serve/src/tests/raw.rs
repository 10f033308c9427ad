//! HTTP/1.1 as bytes: what is answered, what is refused, and how.

use super::{Raw, Rig};

/// Sends a request that must be refused; the status, the metric and the close are checked.
async fn check_refused(request: &str, status: u16, reason: &str) {
    let rig = Rig::start();
    let answer = rig.exchange(request).await;
    let line = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&line), "{request:?} gave {answer:?}");
    assert_eq!(
        answer.matches("HTTP/1.1 ").count(),
        1,
        "one answer only: {answer:?}"
    );
    rig.wait_metric("refusals_total", reason, 1.0).await;
    rig.wait_metric("connections_open", "", 0.0).await;
}

#[tokio::test]
async fn answers_and_keeps_the_connection() {
    let rig = Rig::start();
    let mut raw = rig.connect().await;
    raw.send("GET /a?b HTTP/1.1\r\nHost: x.example\r\n\r\n")
        .await;
    let head = raw.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("x-host: x.example\r\n"), "{head}");
    assert!(head.contains("x-request: GET /a?b\r\n"), "{head}");
    assert!(head.contains("\r\ndate: "), "{head}");
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    raw.until("\r\n\r\nhello").await;
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    raw.send("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n").await;
    raw.until("\r\n\r\nhello world").await;
    assert!((rig.metric("requests_total", "h1") - 3.0).abs() < 0.1);
    assert!((rig.metric("connections_accepted_total", "") - 1.0).abs() < 0.1);
    assert!((rig.metric("connections_open", "") - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn answers_pipelined_requests_in_order() {
    let rig = Rig::start();
    let mut raw = rig.connect().await;
    let request = |body: &str| {
        let length = body.len();
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    raw.send(["first", "second", "third"].map(request).concat())
        .await;
    for body in ["first", "second", "third"] {
        raw.until(&format!("\r\n\r\n{body}")).await;
    }
}

#[tokio::test]
async fn gives_handlers_one_form_of_target() {
    let rig = Rig::start();
    let close = "Connection: close\r\n\r\n";
    for (request, host, seen) in [
        (
            "GET http://a.example/p?q HTTP/1.1\r\nHost: a.example",
            "a.example",
            "GET /p?q",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: a.example",
            "a.example",
            "OPTIONS *",
        ),
        ("GET /p HTTP/1.0", "none", "GET /p"),
    ] {
        let answer = rig.exchange(format!("{request}\r\n{close}")).await;
        assert!(answer.contains(&format!("x-host: {host}\r\n")), "{answer}");
        assert!(
            answer.contains(&format!("x-request: {seen}\r\n")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn survives_a_strange_response() {
    let rig = Rig::start();
    let mut raw = rig.connect().await;
    for _ in 0..2 {
        raw.send("GET /strange HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = raw.until("\r\n\r\nstrange").await;
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
        assert!(answer.contains("content-length: 7\r\n"), "{answer}");
        for name in ["connection", "keep-alive", "transfer-encoding", "upgrade"] {
            assert!(!answer.contains(name), "{answer}");
        }
    }
}

#[tokio::test]
async fn writes_shared_pieces_with_a_length() {
    let rig = Rig::start();
    let answer = rig
        .exchange("GET /chunks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("content-length: 7\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
}

#[tokio::test]
async fn refuses_hosts() {
    check_refused("GET / HTTP/1.1\r\n\r\n", 400, "host_missing").await;
    check_refused("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "host_malformed").await;
    check_refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host_malformed").await;
    check_refused(
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        400,
        "host_repeated",
    )
    .await;
    check_refused(
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "host_mismatch",
    )
    .await;
    check_refused(
        "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "user_info",
    )
    .await;
}

#[tokio::test]
async fn refuses_targets() {
    check_refused("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 400, "connect").await;
    check_refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "asterisk_form").await;
    check_refused(
        "GET a.example HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        "target_malformed",
    )
    .await;
    check_refused("GET / HTTP/3.7\r\nHost: a\r\n\r\n", 400, "syntax").await;
    check_refused("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "syntax").await;
    check_refused("GET /\u{1}x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "syntax").await;
    check_refused("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "syntax").await;
}

#[tokio::test]
async fn refuses_ambiguous_framing() {
    let te = "Transfer-Encoding: chunked\r\n";
    let cl = "Content-Length: 5\r\n";
    let rest = "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for fields in [
        format!("{te}{cl}"),
        format!("{cl}{te}"),
        format!("{te}X: y\r\n{cl}"),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}{rest}");
        check_refused(&request, 400, "both_framings").await;
    }
    let start = "POST / HTTP/1.1\r\nHost: a\r\n";
    for (fields, status, reason) in [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400, "syntax"),
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            400,
            "length_repeated",
        ),
        ("Content-Length: 5, 5\r\n", 400, "syntax"),
        ("Content-Length: +5\r\n", 400, "syntax"),
        ("Content-Length: x\r\n", 400, "syntax"),
        ("Content-Length:\r\n", 400, "syntax"),
        ("Transfer-Encoding: gzip\r\n", 400, "syntax"),
        ("Transfer-Encoding: chunked, gzip\r\n", 400, "syntax"),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            501,
            "coding_unsupported",
        ),
        ("Transfer-Encoding : chunked\r\n", 400, "syntax"),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            501,
            "coding_unsupported",
        ),
    ] {
        check_refused(&format!("{start}{fields}\r\nhello"), status, reason).await;
    }
    let old = format!("POST / HTTP/1.0\r\nHost: a\r\n{te}\r\n0\r\n\r\n");
    check_refused(&old, 400, "syntax").await;
}

#[tokio::test]
async fn refuses_bad_header_lines() {
    for line in [
        "X: a\r\n folded",
        "X: a\r\n\tfolded",
        "X: a\rb",
        "X: a\0b",
        "X: a\u{7f}b",
        "X Y: a",
        " X: a",
        "X",
        ": a",
        "X\u{e9}: a",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n");
        check_refused(&request, 400, "syntax").await;
    }
}

#[tokio::test]
async fn refuses_a_hidden_framing_after_good_requests() {
    let rig = Rig::start();
    let mut raw = rig.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    raw.until("\r\n\r\nhi").await;
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nyo\r\n")
        .await;
    raw.send("0\r\n\r\n").await;
    raw.until("\r\n\r\nyo").await;
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n")
        .await;
    raw.send("Content-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn answers_bad_chunks_with_400() {
    for chunks in [
        "x\r\n",
        "5\r\nhelloX",
        "\r\n",
        "-1\r\n",
        "fffffffffffffffff\r\n",
        "5;\n",
    ] {
        let rig = Rig::start();
        let start = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = rig.exchange(format!("{start}{chunks}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{chunks:?} gave {answer:?}"
        );
        assert!(
            answer.ends_with("body_malformed"),
            "{chunks:?} gave {answer:?}"
        );
        assert!((rig.metric("refusals_total", "body_malformed") - 1.0).abs() < 0.1);
    }
}

#[tokio::test]
async fn drops_the_handler_when_the_client_goes() {
    let rig = Rig::start();
    let mut raw = rig.connect().await;
    raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    rig.events.waiting.notified().await;
    drop(raw);
    let dropped = tokio::time::timeout(super::STEP_MAX, rig.events.dropped.notified()).await;
    assert!(dropped.is_ok(), "the handler goes on without its client");
    rig.wait_metric("connections_open", "", 0.0).await;
}

#[tokio::test]
async fn tells_an_aborted_body_from_a_bad_one() {
    let rig = Rig::start();
    let Raw(mut socket) = rig.connect().await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello";
    tokio::io::AsyncWriteExt::write_all(&mut socket, request.as_bytes())
        .await
        .expect("send");
    tokio::io::AsyncWriteExt::shutdown(&mut socket)
        .await
        .expect("half close");
    rig.wait_metric("refusals_total", "body_aborted", 1.0).await;
}

#[tokio::test]
async fn writes_head_and_body_at_once() {
    let rig = Rig::start();
    let Raw(mut socket) = rig.connect().await;
    let request = "GET /early HTTP/1.1\r\nHost: a\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut socket, request.as_bytes())
        .await
        .expect("send");
    let mut bytes = [0; 4096];
    let read = tokio::io::AsyncReadExt::read(&mut socket, &mut bytes)
        .await
        .expect("an answer");
    assert!(
        bytes[..read].ends_with(b"\r\n\r\nearly"),
        "one write for all"
    );
}

#[tokio::test]
async fn an_early_answer_survives_a_large_upload() {
    let rig = Rig::start();
    let mut raw = rig.connect().await;
    raw.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        .await;
    raw.send(vec![b'x'; 900_000]).await;
    let answer = raw.rest().await;
    assert!(answer.ends_with("early"), "{answer}");
}

#[tokio::test]
async fn a_part_of_the_next_head_does_not_hurt_the_request_before() {
    let limits = crate::Limits {
        head_timeout: std::time::Duration::from_millis(200),
        ..crate::Limits::default()
    };
    let rig = Rig::limited(limits);
    let mut raw = rig.connect().await;
    raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET / HT")
        .await;
    rig.events.waiting.notified().await;
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    rig.events.release.add_permits(1);
    raw.until("waited").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}
