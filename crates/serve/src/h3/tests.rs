//! HTTP/3 over a real socket, with the same libraries as the client.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h3::client::SendRequest;
use http::StatusCode;
use prometheus::Registry;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use tokio::sync::Notify;

use super::quic::{Connection, Opener};
use crate::{
    Body, BoxError, BoxFuture, CertEntry, CertStore, Conn, Drain, H3, Handler, Limits,
    ListenerSettings, Metrics, Request, Response, Server,
};

const STEP_MAX: Duration = Duration::from_secs(10);

struct Rig {
    addr: SocketAddr,
    drain: Drain,
    registry: Registry,
    config: quinn::ClientConfig,
    dropped: Arc<Notify>,
}

struct Client {
    endpoint: quinn::Endpoint,
    quic: quinn::Connection,
    send: SendRequest<Opener, Bytes>,
    closed: tokio::task::JoinHandle<h3::error::ConnectionError>,
}

/// Tells a test that a handler was dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// `/echo` gives the body back, `/big` 3 MB, `/cut` breaks off, `/wait` never answers; all else is
/// told what the handler saw.
struct Site(Arc<Notify>);

impl Handler for Site {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            match path.as_str() {
                "/echo" => match request.into_body().into_bytes(1 << 20).await {
                    Ok(bytes) => Response::new(Body::full(bytes)),
                    Err(error) => {
                        let mut response = Response::new(Body::full(error.to_string()));
                        *response.status_mut() = StatusCode::BAD_REQUEST;
                        response
                    }
                },
                "/big" => Response::new(Body::full(vec![7_u8; 3 << 20])),
                "/cut" => Response::new(Body::wrap(Cut(0))),
                "/wait" => {
                    let _dropped = Dropped(Arc::clone(&self.0));
                    std::future::pending().await
                }
                _ => {
                    let host = request.headers().get("host").cloned();
                    let cookie = request.headers().get("cookie").cloned();
                    let sni = conn.tls.as_ref().and_then(|tls| tls.sni.clone());
                    let alpn = conn.tls.as_ref().and_then(|tls| tls.alpn);
                    let mut response = Response::new(Body::full(format!(
                        "{} {host:?} {cookie:?} {sni:?} {alpn:?} {}",
                        request.uri(),
                        request.body().is_empty(),
                    )));
                    let leaked = http::HeaderValue::from_static("chunked");
                    response.headers_mut().insert("transfer-encoding", leaked);
                    response
                }
            }
        })
    }
}

/// A body that fails after its first piece.
struct Cut(u8);

impl http_body::Body for Cut {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        self.0 += 1;
        std::task::Poll::Ready(Some(if self.0 == 1 {
            Ok(http_body::Frame::data(Bytes::from_static(b"part")))
        } else {
            Err("cut".into())
        }))
    }
}

fn start(workers: usize, limits: Limits) -> Rig {
    let made = rcgen::generate_simple_self_signed(vec!["h3.test".to_owned()]).expect("made");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let names = vec!["h3.test".to_owned()];
    let entry = CertEntry::from_pem(names, chain.as_bytes(), key.as_bytes()).expect("entry");
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(entry.chain.iter().cloned());
    let certs = Arc::new(CertStore::new());
    assert!(certs.replace(vec![entry]).is_empty());
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).expect("metrics");
    let any = "127.0.0.1:0".parse().expect("addr");
    let mut settings = ListenerSettings::tls("test", any, certs);
    settings.h3 = Some(H3::default());
    settings.limits = limits;
    let bound = Server::bind(vec![settings], workers, &metrics).expect("bind");
    let addr = bound.address("test").expect("address");
    let drain = Drain::new(Duration::from_secs(2));
    let dropped = Arc::new(Notify::new());
    let for_handlers = Arc::clone(&dropped);
    let factory =
        move |_worker: usize| -> Arc<dyn Handler> { Arc::new(Site(Arc::clone(&for_handlers))) };
    drop(bound.serve(Arc::new(factory), &drain).expect("serve"));
    let mut tls = rustls::ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let tls = QuicClientConfig::try_from(tls).expect("quic");
    Rig {
        addr,
        drain,
        registry,
        config: quinn::ClientConfig::new(Arc::new(tls)),
        dropped,
    }
}

impl Rig {
    async fn connect(&self) -> Client {
        let any = "127.0.0.1:0".parse().expect("addr");
        let endpoint = quinn::Endpoint::client(any).expect("endpoint");
        let connecting = endpoint.connect_with(self.config.clone(), self.addr, "h3.test");
        let quic = connecting.expect("connect").await.expect("handshake");
        let adapter = Connection::new(quic.clone(), usize::MAX);
        let (mut driver, send) = h3::client::new(adapter).await.expect("h3");
        let closed =
            tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
        Client {
            endpoint,
            quic,
            send,
            closed,
        }
    }

    fn count(&self, name: &str, label: &str) -> f64 {
        let name = format!("edgeway_serve_{name}");
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.into_iter().flat_map(|family| family.get_metric());
        metrics
            .filter(|metric| metric.get_label().iter().any(|pair| pair.value() == label))
            .map(|metric| metric.get_counter().get_value())
            .sum()
    }
}

type Answer = Result<(http::Response<()>, Bytes), h3::error::StreamError>;

impl Client {
    async fn ask(&mut self, request: http::Request<()>, body: &[u8]) -> Answer {
        let asking = async {
            let mut stream = self.send.send_request(request).await?;
            if !body.is_empty() {
                stream.send_data(Bytes::copy_from_slice(body)).await?;
            }
            stream.finish().await?;
            let response = stream.recv_response().await?;
            let mut whole = BytesMut::new();
            while let Some(mut data) = stream.recv_data().await? {
                whole.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
            Ok((response, whole.freeze()))
        };
        tokio::time::timeout(STEP_MAX, asking)
            .await
            .expect("in time")
    }

    async fn read(&mut self, path: &str) -> Answer {
        self.ask(to(path).body(()).expect("request"), b"").await
    }
}

fn to(path: &str) -> http::request::Builder {
    http::Request::builder().uri(format!("https://h3.test{path}"))
}

#[tokio::test]
async fn serves_a_request_in_the_form_of_every_version() {
    let rig = start(1, Limits::default());
    let mut client = rig.connect().await;
    let request = to("/a?b=c").header("cookie", "x=1").header("cookie", "y=2");
    let (response, body) = client
        .ask(request.body(()).expect("request"), b"")
        .await
        .expect("ok");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().get("transfer-encoding").is_none());
    assert!(response.headers().contains_key("date"));
    assert_eq!(
        String::from_utf8_lossy(&body),
        "/a?b=c Some(\"h3.test\") Some(\"x=1; y=2\") Some(\"h3.test\") Some(\"h3\") true"
    );
    assert!((rig.count("requests_total", "h3") - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn carries_bodies_both_ways() {
    let rig = start(2, Limits::default());
    let mut client = rig.connect().await;
    let body = vec![3_u8; 500_000];
    let request = to("/echo").method("POST").body(()).expect("request");
    let (_, echoed) = client.ask(request, &body).await.expect("ok");
    assert_eq!(echoed, body);
    let (response, big) = client.read("/big").await.expect("ok");
    assert_eq!(big.len(), 3 << 20);
    assert_eq!(response.headers()["content-length"], (3 << 20).to_string());
    let head = to("/big").method("HEAD").body(()).expect("request");
    let (_, none) = client.ask(head, b"").await.expect("ok");
    assert!(none.is_empty());
}

#[tokio::test]
async fn resets_an_answer_that_breaks_off() {
    let rig = start(1, Limits::default());
    let mut client = rig.connect().await;
    let error = client.read("/cut").await.expect_err("a reset");
    let code = h3::error::Code::H3_INTERNAL_ERROR;
    let reset = matches!(&error, h3::error::StreamError::RemoteTerminate { code: found, .. }
        if *found == code);
    assert!(reset, "{error:?}");
    assert!(client.read("/").await.is_ok(), "the connection lives on");
}

#[tokio::test]
async fn drops_the_handler_of_a_client_that_gives_up() {
    let rig = start(1, Limits::default());
    let mut client = rig.connect().await;
    let request = to("/wait").body(()).expect("request");
    let mut stream = client.send.send_request(request).await.expect("sent");
    stream.finish().await.expect("finished");
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.stop_sending(h3::error::Code::H3_REQUEST_CANCELLED);
    let dropped = tokio::time::timeout(STEP_MAX, rig.dropped.notified()).await;
    assert!(dropped.is_ok(), "the handler heard of it");
    assert!(client.read("/").await.is_ok());
}

#[tokio::test]
async fn refuses_what_is_malformed_and_lives_on() {
    let rig = start(1, Limits::default());
    let mut client = rig.connect().await;
    for (name, value, reason) in [
        ("transfer-encoding", "chunked", "connection_field"),
        ("connection", "close", "connection_field"),
        ("te", "gzip", "connection_field"),
        ("content-length", "1x", "syntax"),
    ] {
        let request = to("/").header(name, value).body(()).expect("request");
        let (response, _) = client.ask(request, b"").await.expect("an answer");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
        assert!(rig.count("refusals_total", reason) > 0.5, "{reason}");
    }
    let connect = to("/").method("DELETE").header("content-length", "5");
    let (response, _) = client
        .ask(connect.body(()).expect("request"), b"abc")
        .await
        .expect("an answer");
    assert_eq!(
        response.status(),
        StatusCode::OK,
        "its handler did not read the body"
    );
    let short = to("/echo").method("POST").header("content-length", "5");
    let (response, _) = client
        .ask(short.body(()).expect("request"), b"abc")
        .await
        .expect("an answer");
    assert_eq!(
        response.status(),
        StatusCode::BAD_REQUEST,
        "shorter than announced"
    );
    assert!(client.read("/").await.is_ok(), "the connection lives on");
}

#[tokio::test]
async fn keeps_a_connection_whose_client_moves() {
    let rig = start(2, Limits::default());
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(rig.connect().await);
    }
    for client in &mut clients {
        assert!(client.read("/").await.is_ok());
        let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
        client.endpoint.rebind(socket).expect("rebind");
        let (_, big) = client.read("/big").await.expect("from the new port");
        assert_eq!(big.len(), 3 << 20);
        assert!(client.quic.close_reason().is_none());
    }
    assert!((rig.count("connections_accepted_total", "test") - 4.0).abs() < 0.1);
}

#[tokio::test]
async fn asks_for_a_proof_of_address_when_crowded() {
    let limits = Limits {
        h3_handshakes_unproven_max: 0,
        ..Limits::default()
    };
    let rig = start(1, limits);
    let mut client = rig.connect().await;
    assert!(client.read("/").await.is_ok());
    assert!(rig.count("handshake_failures_total", "retry_asked") > 0.5);
}

#[tokio::test]
async fn closes_idle_connections_with_a_goaway() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(300),
        h2_ping_interval: Duration::from_millis(100),
        ..Limits::default()
    };
    let rig = start(1, limits);
    let client = rig.connect().await;
    let closed = tokio::time::timeout(STEP_MAX, client.closed).await;
    let error = closed.expect("in time").expect("a reason");
    assert!(error.is_h3_no_error(), "{error:?}");
    assert!(rig.count("connections_closed_total", "idle") > 0.5);
}

#[tokio::test]
async fn drains_with_a_goaway_after_the_last_answer() {
    let rig = start(2, Limits::default());
    let mut client = rig.connect().await;
    assert!(client.read("/").await.is_ok());
    let request = to("/big").body(()).expect("request");
    let mut stream = client.send.send_request(request).await.expect("sent");
    stream.finish().await.expect("finished");
    let response = stream.recv_response().await.expect("a head");
    assert_eq!(response.status(), StatusCode::OK);
    let drain = rig.drain.clone();
    let finishing = tokio::spawn(async move { drain.finish().await });
    let mut length = 0;
    while let Some(data) = stream.recv_data().await.expect("data") {
        length += data.remaining();
    }
    assert_eq!(length, 3 << 20, "what was begun is finished");
    let drained = tokio::time::timeout(STEP_MAX, finishing).await;
    assert_eq!(
        drained.expect("in time").expect("joined"),
        crate::Drained::Finished
    );
    assert!(client.read("/").await.is_err());
}
