//! Malformed and hostile input at every door gets a clear refusal, and every node lives on.

use std::{net::SocketAddr, time::Duration};

use http::{Method, Request};
use serde_json::Value;
use serve::Drain;
use tests::{
    backend::Backend,
    client::{self, Whole, raw, status_of},
    cluster::Cluster,
    management::Management,
    process,
};
use tokio::net::UdpSocket;

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn every_door_refuses_and_lives_on() {
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let apis = cluster
        .management(0)
        .must(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    let api = apis["items"][0]["apiId"].as_str().unwrap();
    let host = cluster.host(api);
    let (region, pop) = (
        cluster.ready.regions[0].clone(),
        cluster.ready.pops[0].clone(),
    );
    // Takes as long as the time-outs do, so it runs beside the rest.
    let backend = Backend::start().await.unwrap();
    let slow = cluster
        .management(0)
        .quick_api("slow", &backend.url())
        .await
        .unwrap();
    let slow = tokio::spawn(slow_senders(pop.http, cluster.host(&slow)));
    for addr in [pop.http, region.http] {
        malformed_requests(addr, &host).await;
        unknown_hosts(addr).await;
    }
    http2_floods(&cluster, &host).await;
    dns_garbage(cluster.ready.dns).await;
    unsigned_calls(&cluster).await;
    foreign_certificate(&cluster).await;
    slow.await.unwrap();
    for pid in cluster.pids() {
        assert!(process::lives(pid), "a node has died");
    }
    for addr in [pop.http, region.http] {
        assert_eq!(
            client::get(addr, &host, "/still").await.unwrap().status(),
            200
        );
    }
}

async fn malformed_requests(addr: SocketAddr, host: &str) {
    for (what, bytes, expected) in malformed_heads(host)
        .into_iter()
        .chain(malformed_framing(host))
    {
        let answer = raw(addr, bytes.as_bytes(), LIMIT).await.unwrap();
        let status = status_of(&answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(expected.contains(&status), "{addr} {what}: {status} {text}");
    }
}

type Case = (&'static str, String, &'static [u16]);

fn malformed_heads(host: &str) -> Vec<Case> {
    let huge = "x".repeat(200_000);
    vec![
        ("no host", "GET / HTTP/1.1\r\n\r\n".into(), &[400]),
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
            &[400],
        ),
        (
            "empty host",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n".into(),
            &[400],
        ),
        (
            "malformed host",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into(),
            &[400],
        ),
        (
            "authority against host",
            format!("GET http://other.example/ HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &[400],
        ),
        (
            "connect",
            format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n"),
            &[400],
        ),
        (
            "star with get",
            format!("GET * HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &[400],
        ),
        (
            "folded",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nA: b\r\n c\r\n\r\n"),
            &[400],
        ),
        (
            "bare cr",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nA: b\rc\r\n\r\n"),
            &[400],
        ),
        (
            "header name",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nA b: c\r\n\r\n"),
            &[400],
        ),
        (
            "large head",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nA: {huge}\r\n\r\n"),
            &[431],
        ),
        (
            "not http",
            "\u{16}\u{3}\u{1}hello\r\n\r\n".into(),
            &[400, 0],
        ),
    ]
}

fn malformed_framing(host: &str) -> Vec<Case> {
    let post = |fields: &str, body: &str| {
        format!("POST /echo HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{body}")
    };
    let (length, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    vec![
        (
            "length and chunks",
            post(&format!("{length}{chunked}"), "0\r\n\r\n"),
            &[400],
        ),
        (
            "chunks and length",
            post(&format!("{chunked}{length}"), "0\r\n\r\n"),
            &[400],
        ),
        (
            "two lengths",
            post("Content-Length: 5\r\nContent-Length: 6\r\n", ""),
            &[400],
        ),
        ("broken chunks", post(chunked, "zz\r\n"), &[400]),
    ]
}

/// A head and a body that stop half-way: both are given up after the time-outs of the settings.
async fn slow_senders(addr: SocketAddr, host: String) {
    let limit = Duration::from_secs(50);
    let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let body = format!("POST /check HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nhalf");
    let began = std::time::Instant::now();
    let (head, body) = tokio::join!(
        raw(addr, head.as_bytes(), limit),
        raw(addr, body.as_bytes(), limit)
    );
    for (what, answer) in [("head", head), ("body", body)] {
        let answer = answer.unwrap();
        assert_eq!(
            status_of(&answer),
            408,
            "{what}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert!(
        began.elapsed() < limit,
        "the connections were closed by the server"
    );
}

async fn unknown_hosts(addr: SocketAddr) {
    for host in [
        "nobody.example",
        "zzzzzzzzzz.execute-api.us-east-1.edgeway.test",
        "127.0.0.1",
    ] {
        let answer = client::get(addr, host, "/").await.unwrap();
        assert_eq!(answer.status(), 403, "{host}");
        assert_eq!(answer.headers()["x-amzn-errortype"], "ForbiddenException");
        assert_eq!(answer.body().as_ref(), br#"{"message":"Forbidden"}"#);
    }
}

/// Raw HTTP/2 over TLS: streams opened and reset at once, and a header block without end.
async fn http2_floods(cluster: &Cluster, host: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let authority = cluster.authority_pem().unwrap();
    let pop = cluster.ready.pops[0].https;
    // A minimal GET: :method, :scheme, :path indexed; :authority literal.
    let mut block = vec![0x82, 0x87, 0x84, 0x41, u8::try_from(host.len()).unwrap()];
    block.extend_from_slice(host.as_bytes());
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    };
    let mut resets = PREFACE.to_vec();
    for stream in (1..40_001).step_by(2) {
        resets.extend(frame(1, 0x5, stream, &block));
        resets.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    let mut endless = PREFACE.to_vec();
    endless.extend(frame(1, 0x1, 1, &block));
    for _ in 0..20_000 {
        endless.extend(frame(9, 0, 1, &[0; 64]));
    }
    for (what, bytes) in [("rapid reset", resets), ("endless continuation", endless)] {
        let mut stream = client::tls(pop, host, &authority, "h2").await.unwrap();
        // The server hangs up in the middle.
        drop(tokio::time::timeout(LIMIT, stream.write_all(&bytes)).await);
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(LIMIT, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{what}: the connection is still open");
        let answer = client::get_h2(pop, host, "/after", &authority)
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{what}");
    }
}

async fn dns_garbage(dns: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(dns).await.unwrap();
    let mut state = 7_u32;
    for _ in 0..2_000 {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[1]
        };
        let length = usize::from(next()) % 80;
        let packet: Vec<u8> = std::iter::repeat_with(next).take(length).collect();
        socket.send(&packet).await.unwrap();
    }
    // A query among them is answered.
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07edgeway\x04test\0\0\x06\0\x01";
    let mut answer = [0; 1500];
    let answered = async {
        loop {
            socket.send(query).await.unwrap();
            let wait = Duration::from_millis(200);
            while let Ok(got) = tokio::time::timeout(wait, socket.recv(&mut answer)).await {
                got.unwrap();
                if answer[..2] == query[..2] && answer[3] & 0xf == 0 {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(LIMIT, answered)
        .await
        .expect("DNS answers after garbage");
}

async fn unsigned_calls(cluster: &Cluster) {
    let url = &cluster.ready.regions[0].management;
    let addr: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    let request = Request::get("/v2/apis").header("host", addr.to_string());
    let answer = client::once(addr, request.body(Whole::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.headers()["x-amzn-errortype"],
        "MissingAuthenticationTokenException"
    );
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["message"], "Missing Authentication Token");

    let wrong_secret = Management::new(url, &cluster.ready.access_key_id, "wrong");
    let answer = wrong_secret
        .call(Method::GET, "/v2/apis", None)
        .await
        .unwrap();
    assert_eq!(answer.status, 403, "{}", answer.body);
    let unknown = Management::new(url, "AKIANOBODY", "wrong");
    let answer = unknown.call(Method::GET, "/v2/apis", None).await.unwrap();
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.headers["x-amzn-errortype"],
        "UnrecognizedClientException"
    );
}

/// A node of another cluster, with a certificate that its own authority signed.
async fn foreign_certificate(cluster: &Cluster) {
    use std::{sync::Arc, time::SystemTime};

    use link::{
        Authority, CredentialStore, Expected, LinkContext, LinkLimits, Metrics, NodeIdentity,
        PeerRole, Transport,
    };
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let foreign = Authority::create("dev", hour, now).unwrap();
    let identity = NodeIdentity::new("dev", PeerRole::Pop, "pop-1", 5).unwrap();
    let credentials = foreign.issue_node(&identity, hour, now).unwrap();
    let status = cluster.management(0).status().await.unwrap();
    let link = status["nodes"][0]["link"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let context = LinkContext {
        credentials: CredentialStore::new(credentials).unwrap(),
        limits: Arc::new(LinkLimits::default()),
        metrics: Metrics::unregistered(),
    };
    let drain = Drain::new(Duration::from_secs(1));
    let transport = Transport::client(None, context, drain).unwrap();
    let peer = transport.connect(link, Expected::any());
    let refused = peer.ready().await.expect_err("a foreign node is refused");
    println!("foreign certificate: {refused}");
}
