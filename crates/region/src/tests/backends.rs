//! Connections to backends: reuse, the race with a backend that closes, TLS and HTTP/2.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Response, Version};
use serve::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    backend::{Backend, echo, text},
    harness::{Line, Rig, Setup, eventually, get, line, request},
};

#[tokio::test]
async fn connections_are_reused() {
    let backend = Backend::echo().await;
    let rig = Rig::start(Setup::of([
        line("GET /one", backend.url()),
        line("POST /two", backend.url()),
    ]))
    .await;
    for _ in 0..10 {
        assert_eq!(rig.get("/one").await.status, 200);
        assert_eq!(
            rig.ask(request("POST", "/two", Body::full("x")))
                .await
                .status,
            200
        );
    }
    assert_eq!(backend.accepted(), 1);
    assert_eq!(
        rig.metric("edgeway_region_upstream_connects_total", "ok"),
        1
    );
}

#[tokio::test]
async fn unused_connections_are_closed() {
    let backend = Backend::echo().await;
    let rig = Rig::start_with(Setup::of([line("$default", backend.url())]), |settings| {
        settings.upstreams.idle_timeout = Duration::from_millis(100);
    })
    .await;
    rig.get("/").await;
    assert_eq!(
        rig.metric("edgeway_region_upstream_connections_open", ""),
        1
    );
    eventually(|| rig.metric("edgeway_region_upstream_connections_open", "") == 0).await;
}

#[tokio::test]
async fn a_drain_closes_unused_connections() {
    let backend = Backend::echo().await;
    let other = Backend::echo().await;
    let lines = [
        line("$default", backend.url()),
        line("GET /other", other.url()),
    ];
    let rig = Rig::start(Setup::of(lines)).await;
    rig.get("/").await;
    rig.drain.begin();
    eventually(|| rig.metric("edgeway_region_upstream_connections_open", "") == 0).await;
    // What still comes is answered, over a connection that is not kept.
    assert_eq!(rig.get("/").await.status, 200);
    assert_eq!(rig.get("/other").await.status, 200);
    assert_eq!(rig.drain.finish().await, serve::Drained::Finished);
}

/// Answers one request per connection, then takes another one and closes without an answer.
async fn forgetful() -> Backend {
    Backend::raw(|mut stream| async move {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
        let _ = stream.read(&mut buffer).await;
    })
    .await
}

#[tokio::test]
async fn a_stale_connection_is_replaced_once() {
    let backend = forgetful().await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    for _ in 0..4 {
        assert_eq!(rig.get("/").await.text, "ok");
    }
    assert_eq!(backend.accepted(), 4);
    assert_eq!(rig.metric("edgeway_region_upstream_retries_total", ""), 3);
}

#[tokio::test]
async fn what_may_have_been_acted_on_is_not_repeated() {
    let backend = forgetful().await;
    let rig = Rig::start(Setup::of([line("$default", backend.url())])).await;
    assert_eq!(rig.get("/").await.text, "ok");
    let answer = rig.ask(request("POST", "/", Body::empty())).await;
    assert_eq!(answer.status, 503);
    assert_eq!(rig.get("/").await.text, "ok");
    let answer = rig.ask(request("PUT", "/", Body::full("x"))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(rig.metric("edgeway_region_upstream_retries_total", ""), 0);
}

/// An authority and a server configuration for `names` signed by it.
pub(super) fn certificate(names: &[&str], alpn: &[&str]) -> (String, rustls::ServerConfig) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    (made.cert.pem(), config)
}

#[tokio::test]
async fn http2_over_tls_shares_one_connection() {
    let (pem, config) = certificate(&["localhost"], &["h2", "http/1.1"]);
    let backend = Backend::tls(config, |request| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        assert!(!request.headers().contains_key("host"));
        tokio::time::sleep(Duration::from_millis(20)).await;
        let authority = request.uri().authority().unwrap().to_string();
        Response::new(Body::full(format!("{authority} {}", request.uri().path())))
    })
    .await;
    let port = backend.addr.port();
    let uri = format!("https://localhost:{port}/x/{{p}}");
    let rig = Rig::start_with(Setup::of([line("ANY /{p+}", uri)]), |settings| {
        settings.upstreams.extra_ca_pem = Some(pem.into_bytes());
    })
    .await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let handler = Arc::clone(&rig.handler);
        all.spawn(async move {
            let response = handler.handle(get("/a"), super::harness::conn()).await;
            super::harness::Answer::of(response).await.text
        });
    }
    while let Some(text) = all.join_next().await {
        assert_eq!(text.unwrap(), format!("localhost:{port} /x/a"));
    }
    assert_eq!(backend.accepted(), 1);
    let answer = rig.ask(request("POST", "/b", Body::full("body"))).await;
    assert_eq!(answer.text, format!("localhost:{port} /x/b"));
}

#[tokio::test]
async fn names_are_verified() {
    let (pem, config) = certificate(&["inner.test"], &["http/1.1"]);
    let backend = Backend::tls(config, echo).await;
    let uri = format!("https://127.0.0.1:{}", backend.addr.port());
    let setup = Setup::of([
        line("GET /wrong", uri.clone()),
        Line {
            server_name: Some("inner.test"),
            ..line("GET /right", uri.clone())
        },
    ]);
    let rig = Rig::start_with(setup.clone(), |settings| {
        settings.upstreams.extra_ca_pem = Some(pem.into_bytes());
    })
    .await;
    assert_eq!(rig.get("/wrong").await.status, 503);
    assert_eq!(rig.metric("edgeway_region_faults_total", "upstream_tls"), 1);
    let answer = rig.get("/right").await;
    assert_eq!(
        answer.echoed("host"),
        Some(backend.addr.to_string().as_str())
    );
    // And without the authority nothing is trusted.
    let rig = Rig::start(setup).await;
    assert_eq!(rig.get("/right").await.status, 503);
}

#[tokio::test]
async fn names_resolve() {
    let backend = Backend::http(|_| async { text("here") }).await;
    let uri = format!("http://localhost:{}", backend.addr.port());
    let rig = Rig::start(Setup::of([line("$default", uri)])).await;
    // Whichever address of the name is tried first, the one that listens answers.
    for _ in 0..4 {
        assert_eq!(rig.get("/").await.text, "here");
    }
}

#[tokio::test]
async fn one_connection_can_be_all() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let counters = (Arc::clone(&now), Arc::clone(&most));
    let backend = Backend::http(move |_| {
        let (now, most) = (Arc::clone(&counters.0), Arc::clone(&counters.1));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            text("ok")
        }
    })
    .await;
    let rig = Rig::start_with(Setup::of([line("$default", backend.url())]), |settings| {
        settings.upstreams.connections_per_origin_max = 1;
        settings.upstreams.waiting_per_origin_max = 5;
    })
    .await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let handler = Arc::clone(&rig.handler);
        all.spawn(async move {
            let response = handler.handle(get("/"), super::harness::conn()).await;
            super::harness::Answer::of(response).await.status
        });
    }
    let statuses = all.join_all().await;
    // One runs, five wait, four are too many.
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 6);
    assert_eq!(
        rig.metric("edgeway_region_faults_total", "upstream_busy"),
        4
    );
    assert_eq!(most.load(Ordering::Relaxed), 1);
    assert_eq!(backend.accepted(), 1);
}
