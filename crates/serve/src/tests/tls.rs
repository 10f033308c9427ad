//! TLS: the certificate by name, versions and protocols, and handshakes that fail.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Rig, STEP_MAX};
use crate::{CertEntry, CertStore, Limits};

/// A self-signed certificate for these names.
fn entry(names: &[&str]) -> CertEntry {
    let subjects: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let sans: Vec<String> = subjects
        .iter()
        .filter(|name| *name != "*")
        .cloned()
        .collect();
    let made = rcgen::generate_simple_self_signed(sans).expect("a certificate");
    let chain = made.cert.pem();
    let key = made.signing_key.serialize_pem();
    CertEntry::from_pem(subjects, chain.as_bytes(), key.as_bytes()).expect("an entry")
}

struct TlsRig {
    rig: Rig,
    certs: Arc<CertStore>,
    roots: RootCertStore,
}

fn start(entries: Vec<CertEntry>, limits: Limits) -> TlsRig {
    let mut roots = RootCertStore::empty();
    for entry in &entries {
        roots.add_parsable_certificates(entry.chain.iter().cloned());
    }
    let certs = Arc::new(CertStore::new());
    assert!(certs.replace(entries).is_empty());
    let rig = Rig::with(1, |settings| {
        settings.tls = Some(Arc::clone(&certs));
        settings.limits = limits;
    });
    TlsRig { rig, certs, roots }
}

impl TlsRig {
    fn client(
        &self,
        alpn: &[&str],
        version: &'static rustls::SupportedProtocolVersion,
    ) -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("versions")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    async fn connect(
        &self,
        name: &str,
        config: ClientConfig,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.rig.addr).await?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, socket);
        tokio::time::timeout(STEP_MAX, handshake)
            .await
            .expect("in time")
    }

    /// The leaf that a client asking for `name` is shown, if it accepts it.
    async fn leaf(&self, name: &str) -> Option<CertificateDer<'static>> {
        let config = self.client(&[], &rustls::version::TLS13);
        let stream = self.connect(name, config).await.ok()?;
        let chain = stream.get_ref().1.peer_certificates()?;
        chain.first().cloned().map(CertificateDer::into_owned)
    }
}

#[tokio::test]
async fn chooses_the_certificate_by_name() {
    let (exact, wildcard, default) = (
        entry(&["a.example"]),
        entry(&["*.b.example"]),
        entry(&["*", "default.example"]),
    );
    let leaf = |entry: &CertEntry| entry.chain.first().cloned();
    let leaves = [leaf(&exact), leaf(&wildcard), leaf(&default)];
    let rig = start(vec![exact, wildcard, default], Limits::default());
    assert_eq!(rig.leaf("a.example").await, leaves[0]);
    assert_eq!(rig.leaf("x.b.example").await, leaves[1]);
    assert_eq!(rig.leaf("default.example").await, leaves[2]);
    let found = |name| {
        rig.certs
            .find(name)
            .and_then(|key| key.cert.first().cloned())
    };
    assert_eq!(found(Some("A.Example")), leaves[0]);
    assert_eq!(found(Some("X.B.example")), leaves[1]);
    assert_eq!(
        found(Some("x.y.b.example")),
        leaves[2],
        "a wildcard stands for one label"
    );
    assert_eq!(found(Some("b.example")), leaves[2]);
    assert_eq!(found(Some(".b.example")), leaves[2]);
    assert_eq!(found(None), leaves[2]);
}

#[tokio::test]
async fn replaces_certificates_but_keeps_what_a_broken_one_would_take() {
    let first = entry(&["a.example"]);
    let leaf = first.chain.first().cloned();
    let rig = start(vec![first], Limits::default());
    let mut broken = entry(&["a.example"]);
    broken.key = entry(&["b.example"]).key;
    let errors = rig.certs.replace(vec![broken, entry(&["c.example"])]);
    assert_eq!(errors.len(), 1);
    assert_eq!(
        errors[0].to_string(),
        "loading key of certificate for a.example"
    );
    assert_eq!(rig.leaf("a.example").await, leaf);
    assert!(rig.certs.find(Some("c.example")).is_some());
    assert!(rig.certs.replace(Vec::new()).is_empty());
    assert!(rig.certs.find(Some("a.example")).is_none());
    assert!(rig.leaf("a.example").await.is_none());
    rig.rig
        .wait_metric("handshake_failures_total", "no_certificate", 1.0)
        .await;
}

#[tokio::test]
async fn speaks_both_versions_of_tls_and_both_of_http() {
    let rig = start(vec![entry(&["a.example"])], Limits::default());
    for (version, label) in [
        (&rustls::version::TLS13, "TLSv1.3"),
        (&rustls::version::TLS12, "TLSv1.2"),
    ] {
        let config = rig.client(&["http/1.1"], version);
        let mut stream = rig.connect("a.example", config).await.expect("a handshake");
        let request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("send");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .expect("an answer and a clean end");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("x-sni: a.example\r\n"), "{answer}");
        assert!(answer.contains(&format!("x-tls: {label}\r\n")), "{answer}");
    }
    let config = rig.client(&["h2", "http/1.1"], &rustls::version::TLS13);
    let stream = rig.connect("a.example", config).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, conn) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .expect("h2");
    tokio::spawn(conn);
    let request = http::Request::get("https://a.example/x");
    let request = request
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .expect("a request");
    let response = sender.send_request(request).await.expect("a response");
    assert_eq!(response.headers()["x-request"], "GET /x");
    assert_eq!(response.headers()["x-host"], "a.example");
}

#[tokio::test]
async fn resumes_sessions() {
    let rig = start(vec![entry(&["a.example"])], Limits::default());
    let config = rig.client(&["http/1.1"], &rustls::version::TLS13);
    for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let mut stream = rig
            .connect("a.example", config.clone())
            .await
            .expect("a handshake");
        let request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("send");
        stream
            .read_to_end(&mut Vec::new())
            .await
            .expect("an answer");
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
    }
}

#[tokio::test]
async fn counts_failed_handshakes() {
    let handshake_timeout = Duration::from_millis(200);
    let limits = Limits {
        handshake_timeout,
        ..Limits::default()
    };
    let rig = start(vec![entry(&["a.example"])], limits).rig;
    let mut silent = rig.connect().await;
    assert_eq!(silent.rest().await, "");
    rig.wait_metric("handshake_failures_total", "timed_out", 1.0)
        .await;
    let mut plain = rig.connect().await;
    plain
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    rig.wait_metric("handshake_failures_total", "not_tls", 1.0)
        .await;
    drop(rig.connect().await);
    rig.wait_metric("handshake_failures_total", "closed", 1.0)
        .await;
    rig.wait_metric("connections_open", "", 0.0).await;
}

#[tokio::test]
async fn challenges_are_answered_in_handshakes_of_their_own() {
    let mut rig = start(vec![entry(&["a.example", "*"])], Limits::default());
    let mut params =
        rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("parameters");
    let mut extension = rcgen::CustomExtension::new_acme_identifier(&[7; 32]);
    params.custom_extensions.push(extension.clone());
    let key = rcgen::KeyPair::generate().expect("a key");
    let critical = params.self_signed(&key).expect("a certificate").pem();
    let answer = CertEntry::from_pem(
        vec!["a.example".into()],
        critical.as_bytes(),
        key.serialize_pem().as_bytes(),
    );
    let errors = rig
        .certs
        .replace_challenges(vec![answer.expect("an entry")]);
    assert!(
        errors.is_empty(),
        "a critical extension is no error: {errors:?}"
    );
    // An authority knows the extension, the client of this test does not.
    extension.set_criticality(false);
    params.custom_extensions = vec![extension];
    let made = params.self_signed(&key).expect("a certificate");
    let pem = (made.pem(), key.serialize_pem());
    let answer = CertEntry::from_pem(vec!["A.example".into()], pem.0.as_bytes(), pem.1.as_bytes())
        .expect("an entry");
    let leaf = answer.chain.first().cloned();
    rig.roots
        .add_parsable_certificates(answer.chain.iter().cloned());
    assert!(rig.certs.replace_challenges(vec![answer]).is_empty());

    let config = rig.client(&["acme-tls/1"], &rustls::version::TLS13);
    let mut stream = rig
        .connect("a.example", config.clone())
        .await
        .expect("a handshake");
    let shown = stream.get_ref().1.peer_certificates();
    assert_eq!(shown.and_then(|chain| chain.first()), leaf.as_ref());
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("a clean end");
    assert!(rest.is_empty(), "no HTTP on such a connection");
    rig.rig
        .wait_metric("connections_closed_total", "acme_challenge", 1.0)
        .await;
    // Other names have no answer, not even the default certificate.
    assert!(rig.connect("b.example", config).await.is_err());
    // Who offers anything else gets what everybody gets.
    let config = rig.client(&["http/1.1", "acme-tls/1"], &rustls::version::TLS13);
    let stream = rig.connect("a.example", config).await.expect("a handshake");
    let shown = stream.get_ref().1.peer_certificates();
    assert_ne!(shown.and_then(|chain| chain.first()), leaf.as_ref());
}
