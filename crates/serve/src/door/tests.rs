//! Doors over real sockets: who is let in, and as whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{ClientRoots, Endpoints, ProxyProtocol};
use crate::proxy::tests::{assemble, header};
use crate::{
    Body, BoxFuture, CertEntry, CertStore, Conn, Drain, Handler, ListenerSettings, Metrics,
    Request, Response, Server,
};

/// A server that answers who it takes the client for.
struct House {
    addr: SocketAddr,
    registry: prometheus::Registry,
    _drain: Drain,
}

fn who(_: Request, conn: Arc<Conn>) -> BoxFuture<'static, Response> {
    let endpoint = conn.endpoint.as_deref().unwrap_or("none").to_owned();
    let text = format!("{} by {endpoint}", conn.peer.ip());
    Box::pin(async move { Response::new(Body::full(text)) })
}

fn build(change: impl FnOnce(&mut ListenerSettings)) -> House {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    let mut settings = ListenerSettings::plain("door", "127.0.0.1:0".parse().unwrap());
    change(&mut settings);
    let bound = Server::bind(vec![settings], 1, &metrics).unwrap();
    let addr = bound.address("door").unwrap();
    let drain = Drain::new(Duration::from_secs(1));
    let factory = |_: usize| -> Arc<dyn Handler> { Arc::new(who) };
    bound.serve(Arc::new(factory), &drain).unwrap();
    House {
        addr,
        registry,
        _drain: drain,
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

impl House {
    /// What comes back for these bytes.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        // Who is cut off at once may find the connection reset while writing or reading.
        drop(socket.write_all(bytes).await);
        let mut said = Vec::new();
        drop(socket.read_to_end(&mut said).await);
        String::from_utf8_lossy(&said).into_owned()
    }

    async fn is(&self, bytes: &[u8], expected: &str) {
        let said = self.say(bytes).await;
        assert!(said.ends_with(expected), "{said:?} is not {expected:?}");
    }

    async fn refuses(&self, bytes: &[u8], reason: &str) {
        let before = self.closed(reason);
        let said = self.say(bytes).await;
        assert_eq!(said, "", "{reason}");
        // The count is made as the connection is let go, which may be after we see its end.
        let counted = async {
            while self.closed(reason) <= before {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let counted = tokio::time::timeout(Duration::from_secs(20), counted);
        assert!(counted.await.is_ok(), "nothing counted as {reason}");
    }

    fn closed(&self, reason: &str) -> f64 {
        let families = self.registry.gather();
        let closed = families.iter();
        let mut closed =
            closed.filter(|one| one.name() == "edgeway_serve_connections_closed_total");
        let metrics = closed.next().map_or(&[][..], |family| family.get_metric());
        let labelled = |metric: &&prometheus::proto::Metric| {
            metric.get_label().iter().any(|pair| pair.value() == reason)
        };
        let found = metrics.iter().find(labelled);
        found.map_or(0.0, |metric| metric.get_counter().get_value())
    }
}

fn private(own: Option<&str>, named: &[&str]) -> Option<Endpoints> {
    Some(Endpoints {
        own: own.map(Into::into),
        named: named.iter().map(|id| (*id).into()).collect(),
        azure: [(7, "vpce-azure".into())].into(),
    })
}

fn balanced(trusted: &str) -> Option<ProxyProtocol> {
    Some(ProxyProtocol {
        trusted: vec![trusted.parse().unwrap()],
    })
}

fn proxied(items: &[(u8, &[u8])]) -> Vec<u8> {
    let client = "10.1.2.3:4567".parse().unwrap();
    [header(client, items), GET.to_vec()].concat()
}

#[tokio::test]
async fn clients_come_from_allowed_networks() {
    let open = build(|_| {});
    open.is(GET, "127.0.0.1 by none").await;
    let closed = build(|to| to.door.allowed = vec!["10.0.0.0/8".parse().unwrap()]);
    closed.refuses(GET, "not_allowed").await;
}

#[tokio::test]
async fn headers_are_believed_from_named_peers_alone() {
    let house = build(|to| to.door.proxy = balanced("127.0.0.0/8"));
    house.is(&proxied(&[]), "10.1.2.3 by none").await;
    // On a public listener an endpoint is nothing.
    house
        .is(&proxied(&[(0xEA, b"\x01vpce-1")]), "10.1.2.3 by none")
        .await;
    // A balancer that looks whether we live.
    let own = [assemble(0x20, 0, &[]), GET.to_vec()].concat();
    house.is(&own, "127.0.0.1 by none").await;
    house.refuses(GET, "proxy_missing").await;
    house
        .refuses(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "proxy_version")
        .await;
    house
        .refuses(&assemble(0x21, 0x11, &[1; 5]), "proxy_malformed")
        .await;
    let forged = build(|to| to.door.proxy = balanced("10.0.0.0/8"));
    forged.refuses(&proxied(&[]), "proxy_untrusted").await;
    forged.refuses(GET, "proxy_untrusted").await;
    // Who never says anything does not stay.
    let hasty = build(|to| {
        to.door.proxy = balanced("127.0.0.0/8");
        to.limits.head_timeout = Duration::from_millis(30);
    });
    hasty.refuses(b"\r\n\r\n", "proxy_timed_out").await;
}

#[tokio::test]
async fn the_client_that_is_named_must_be_allowed() {
    let house = build(|to| {
        to.door.proxy = balanced("127.0.0.0/8");
        to.door.allowed = vec!["10.9.0.0/16".parse().unwrap()];
    });
    house.refuses(&proxied(&[]), "not_allowed").await;
    let client = "10.9.2.3:4567".parse().unwrap();
    let bytes = [header(client, &[]), GET.to_vec()].concat();
    house.is(&bytes, "10.9.2.3 by none").await;
}

#[tokio::test]
async fn private_connections_belong_to_an_endpoint() {
    let house = build(|to| to.door.private = private(Some("vpce-own"), &["vpce-1"]));
    house.is(GET, "127.0.0.1 by vpce-own").await;
    let house = build(|to| {
        to.door.private = private(Some("vpce-own"), &["vpce-1"]);
        to.door.proxy = balanced("127.0.0.0/8");
    });
    house.is(&proxied(&[]), "by vpce-own").await;
    house
        .is(&proxied(&[(0xEA, b"\x01vpce-1")]), "by vpce-1")
        .await;
    house
        .is(&proxied(&[(0xEA, b"\x01vpce-own")]), "by vpce-own")
        .await;
    house
        .is(&proxied(&[(0xEE, &[1, 7, 0, 0, 0])]), "by vpce-azure")
        .await;
    let other = proxied(&[(0xEA, b"\x01vpce-2")]);
    house.refuses(&other, "endpoint_unknown").await;
    let other = proxied(&[(0xEE, &[1, 8, 0, 0, 0])]);
    house.refuses(&other, "endpoint_unknown").await;
    let house = build(|to| {
        to.door.private = private(None, &["vpce-1"]);
        to.door.proxy = balanced("127.0.0.0/8");
    });
    house.refuses(&proxied(&[]), "endpoint_missing").await;
    let own = [assemble(0x20, 0, &[]), GET.to_vec()].concat();
    house.refuses(&own, "endpoint_missing").await;
}

#[tokio::test]
async fn a_device_that_is_not_there_cannot_be_bound_to() {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::register(&registry).unwrap();
    let mut settings = ListenerSettings::plain("door", "127.0.0.1:0".parse().unwrap());
    settings.door.device = Some("no-such-device".to_owned());
    let error = Server::bind(vec![settings], 1, &metrics).unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:0"), "{error}");
}

/// An authority and a certificate of its.
fn issued(name: &str) -> (String, rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &issuer).unwrap();
    (authority.pem(), own, own_key)
}

#[tokio::test]
async fn clients_need_certificates_where_authorities_are_named() {
    let (authority, client, client_key) = issued("client");
    let (stranger_authority, stranger, stranger_key) = issued("stranger");
    let server = rcgen::generate_simple_self_signed(vec!["house".to_owned()]).unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(server.cert.der().clone()).unwrap();
    let certs = Arc::new(CertStore::new());
    let chain = server.cert.pem();
    let key = server.signing_key.serialize_pem();
    let entry = CertEntry::from_pem(vec!["*".to_owned()], chain.as_bytes(), key.as_bytes());
    assert!(certs.replace(vec![entry.unwrap()]).is_empty());
    let house = build(|to| {
        to.tls = Some(certs);
        to.door.client_roots = Some(ClientRoots::from_pem(authority.as_bytes()).unwrap());
    });
    assert!(ClientRoots::from_pem(b"nothing").is_err());
    assert!(ClientRoots::from_pem(stranger_authority.as_bytes()).is_ok());

    let config = |with: Option<(&rcgen::Certificate, &KeyPair)>| {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(trusted.clone());
        match with {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                let chain = vec![cert.der().clone()];
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    };
    let ask = async |config: ClientConfig| -> std::io::Result<String> {
        let socket = TcpStream::connect(house.addr).await?;
        let name = ServerName::try_from("house").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, socket).await?;
        stream.write_all(GET).await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        Ok(said)
    };
    let said = ask(config(Some((&client, &client_key)))).await.unwrap();
    assert!(said.ends_with("127.0.0.1 by none"), "{said}");
    for with in [None, Some((&stranger, &stranger_key))] {
        let said = ask(config(with)).await;
        assert!(said.is_err(), "{said:?}");
    }
}
