//! HTTP/2: prior knowledge, the checks, drain, and the known floods, with raw frames.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Rig, STEP_MAX};
use crate::{Drained, Limits};

type Sender = http2::SendRequest<Full<bytes::Bytes>>;

async fn connect(rig: &Rig) -> Sender {
    let socket = TcpStream::connect(rig.addr).await.expect("connect");
    let (sender, conn) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
        .await
        .expect("handshake");
    tokio::spawn(conn);
    sender
}

async fn fetch(sender: &mut Sender, path: &str, body: &'static str) -> (u16, String, String) {
    let request = http::Request::post(format!("http://x.example{path}"));
    let request = request.body(Full::from(body)).expect("a request");
    let sent = tokio::time::timeout(STEP_MAX, sender.send_request(request)).await;
    let response = sent.expect("in time").expect("a response");
    let status = response.status().as_u16();
    let host = response.headers().get("x-host").cloned();
    let host = host
        .map(|host| host.to_str().expect("text").to_owned())
        .unwrap_or_default();
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, host, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn answers_with_prior_knowledge() {
    let rig = Rig::start();
    let mut sender = connect(&rig).await;
    let answer = fetch(&mut sender, "/a", "hello").await;
    assert_eq!(answer, (200, "x.example".to_owned(), "hello".to_owned()));
    let (status, _, body) = fetch(&mut sender, "/strange", "").await;
    assert_eq!((status, body.as_str()), (201, "strange"));
    let (_, _, body) = fetch(&mut sender, "/chunks", "").await;
    assert_eq!(body, "one two");
    assert!((rig.metric("requests_total", "h2") - 3.0).abs() < 0.1);
}

#[tokio::test]
async fn drops_the_handler_when_the_stream_is_reset() {
    let rig = Rig::start();
    let mut sender = connect(&rig).await;
    let request = http::Request::get("http://a/wait")
        .body(Full::default())
        .expect("a request");
    let sent = tokio::spawn(sender.send_request(request));
    rig.events.waiting.notified().await;
    sent.abort();
    let dropped = tokio::time::timeout(STEP_MAX, rig.events.dropped.notified()).await;
    assert!(dropped.is_ok(), "the handler goes on without its client");
}

#[tokio::test]
async fn drains_with_goaway() {
    let rig = Rig::start();
    let mut frames = Frames::connect(&rig).await;
    let wait = [&[0x82, 0x86, 0x04, 0x05][..], b"/wait", &[0x41, 0x01, b'a']].concat();
    assert!(
        frames
            .send(HEADERS, END_STREAM | END_HEADERS, 1, &wait)
            .await
    );
    rig.events.waiting.notified().await;
    let drain = rig.drain.clone();
    let finish = tokio::spawn(async move { drain.finish().await });
    let goaway = frames.find(GOAWAY, 0).await.expect("a GOAWAY");
    assert_eq!(goaway.get(4..8), Some(&[0; 4][..]), "NO_ERROR");
    // The server asks with a ping whether we have seen it (RFC 9113 6.8).
    let ping = frames.find(PING, 0).await.expect("a ping");
    assert!(frames.send(PING, ACK, 0, &ping).await);
    rig.events.release.add_permits(1);
    assert_eq!(frames.find(DATA, 1).await.as_deref(), Some(&b"waited"[..]));
    assert_eq!(finish.await.expect("joined"), Drained::Finished);
    assert!(
        frames.find(DATA, 1).await.is_none(),
        "the connection is closed"
    );
}

#[tokio::test]
async fn the_deadline_drops_streams() {
    let rig = Rig::start();
    let mut sender = connect(&rig).await;
    let request = http::Request::get("http://a/wait")
        .body(Full::default())
        .expect("a request");
    let sent = tokio::spawn(sender.send_request(request));
    rig.events.waiting.notified().await;
    assert!(matches!(rig.drain.finish().await, Drained::Expired { .. }));
    rig.events.dropped.notified().await;
    assert!(sent.await.expect("joined").is_err());
    tokio::time::timeout(STEP_MAX, rig.serving.ended())
        .await
        .expect("workers end");
}

#[tokio::test]
async fn closes_idle_connections() {
    let idle_timeout = Duration::from_millis(200);
    let rig = Rig::limited(Limits {
        idle_timeout,
        ..Limits::default()
    });
    let mut sender = connect(&rig).await;
    fetch(&mut sender, "/", "").await;
    rig.wait_metric("connections_closed_total", "idle", 1.0)
        .await;
    rig.wait_metric("connections_open", "", 0.0).await;
}

/// A client that writes frames by hand.
struct Frames(TcpStream);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET /` over http for authority `a`, in HPACK.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'a'];

impl Frames {
    async fn connect(rig: &Rig) -> Self {
        let mut socket = TcpStream::connect(rig.addr).await.expect("connect");
        socket
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .expect("preface");
        let mut frames = Self(socket);
        assert!(frames.send(SETTINGS, 0, 0, &[]).await);
        frames
    }

    /// Whether the server still takes bytes.
    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.0.write_all(&frame).await.is_ok()
    }

    /// Reads until a frame of this kind for this stream, or the end.
    async fn find(&mut self, kind: u8, stream: u32) -> Option<Vec<u8>> {
        let reading = async {
            loop {
                let mut head = [0; 9];
                self.0.read_exact(&mut head).await.ok()?;
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; usize::try_from(length).expect("fits")];
                self.0.read_exact(&mut payload).await.ok()?;
                let of = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                if head[3] == kind && of == stream {
                    return Some(payload);
                }
            }
        };
        tokio::time::timeout(STEP_MAX, reading)
            .await
            .expect("an answer in time")
    }
}

/// Whether another client is still served.
async fn check_others_are_served(rig: &Rig) {
    let mut sender = connect(rig).await;
    assert_eq!(fetch(&mut sender, "/", "still here").await.2, "still here");
}

#[tokio::test]
async fn rapid_resets_cost_the_sender_its_connection() {
    let rig = Rig::start();
    let mut frames = Frames::connect(&rig).await;
    let cancel = 8_u32.to_be_bytes();
    let mut open = true;
    for stream in (1..40_000).step_by(2) {
        open = open
            && frames
                .send(HEADERS, END_STREAM | END_HEADERS, stream, GET)
                .await;
        open = open && frames.send(RST_STREAM, 0, stream, &cancel).await;
    }
    let goaway = frames.find(GOAWAY, 0).await;
    // ENHANCE_YOUR_CALM, if the kernel did not throw it away with the connection.
    assert!(goaway.is_none_or(|payload| payload.get(4..8) == Some(&[0, 0, 0, 11])));
    rig.wait_metric("connections_closed_total", "protocol_error", 1.0)
        .await;
    rig.wait_metric("connections_open", "", 0.0).await;
    check_others_are_served(&rig).await;
}

#[tokio::test]
async fn a_flood_of_continuations_costs_the_sender_its_connection() {
    let rig = Rig::start();
    let mut frames = Frames::connect(&rig).await;
    assert!(frames.send(HEADERS, END_STREAM, 1, GET).await);
    let mut open = true;
    for _ in 0..20_000 {
        // A literal header without indexing, `x: y`, again and again.
        open = open
            && frames
                .send(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y'].repeat(200))
                .await;
    }
    assert!(!open || frames.find(GOAWAY, 0).await.is_some());
    rig.wait_metric("connections_closed_total", "protocol_error", 1.0)
        .await;
    rig.wait_metric("connections_open", "", 0.0).await;
    check_others_are_served(&rig).await;
}

#[tokio::test]
async fn refuses_what_the_library_lets_through() {
    let field = |name: &str, value: &str| {
        let mut bytes = vec![0, u8::try_from(name.len()).expect("short")];
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(u8::try_from(value.len()).expect("short"));
        bytes.extend_from_slice(value.as_bytes());
        bytes
    };
    let without_authority = GET.get(..3).expect("three bytes");
    for (block, reason) in [
        ([GET, &field("host", "b")].concat(), "host_mismatch"),
        (without_authority.to_vec(), "host_missing"),
        (
            [without_authority, &field("host", "u@a")].concat(),
            "user_info",
        ),
        (
            [without_authority, &field(":authority", "u@a")].concat(),
            "user_info",
        ),
        (
            [GET, &field("host", "a"), &field("host", "a")].concat(),
            "host_repeated",
        ),
    ] {
        let rig = Rig::start();
        let mut frames = Frames::connect(&rig).await;
        assert!(
            frames
                .send(HEADERS, END_STREAM | END_HEADERS, 1, &block)
                .await
        );
        let headers = frames.find(HEADERS, 1).await.expect("an answer");
        // `:status 400` is entry 12 of the static table.
        assert_eq!(headers.first(), Some(&0x8c), "{reason}");
        rig.wait_metric("refusals_total", reason, 1.0).await;
    }
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused() {
    let rig = Rig::limited(Limits {
        h2_streams_max: 2,
        ..Limits::default()
    });
    let mut frames = Frames::connect(&rig).await;
    let wait = [&[0x82, 0x86, 0x04, 0x05][..], b"/wait", &[0x41, 0x01, b'a']].concat();
    for stream in [1, 3, 5] {
        assert!(
            frames
                .send(HEADERS, END_STREAM | END_HEADERS, stream, &wait)
                .await
        );
    }
    let reset = frames.find(RST_STREAM, 5).await.expect("a reset");
    assert_eq!(reset, 7_u32.to_be_bytes(), "REFUSED_STREAM");
}

#[tokio::test]
async fn large_heads_are_answered_with_431() {
    let rig = Rig::start();
    // 101 fields are too many for us; 3000 are too many bytes for the library.
    for count in [101, 3000] {
        let mut frames = Frames::connect(&rig).await;
        let block = [GET, &[0, 1, b'x', 1, b'y'].repeat(count)].concat();
        assert!(
            frames
                .send(HEADERS, END_STREAM | END_HEADERS, 1, &block)
                .await
        );
        let headers = frames.find(HEADERS, 1).await.expect("an answer");
        // A literal value for entry 8, `:status`: "431" in Huffman code.
        assert_eq!(
            headers.get(..5),
            Some(&[0x48, 0x83, 0x69, 0x90, 0xff][..]),
            "{count}"
        );
    }
    rig.wait_metric("refusals_total", "headers_too_many", 1.0)
        .await;
}

#[tokio::test]
async fn limits_hold_for_bodies_too() {
    let rig = Rig::limited(Limits {
        body_bytes_max: 4,
        ..Limits::default()
    });
    let mut sender = connect(&rig).await;
    let (status, _, _) = fetch(&mut sender, "/", "hello").await;
    assert_eq!(status, 413);
    let (status, _, body) = fetch(&mut sender, "/", "four").await;
    assert_eq!((status, body.as_str()), (200, "four"));
}
