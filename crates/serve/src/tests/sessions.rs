//! Resumption: at every worker, over every protocol, for the life of a key; and no early data.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
    Tls13ClientSessionValue, WebPkiServerVerifier,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::ServerSessionMemoryCache;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, NamedGroup,
    RootCertStore, ServerConfig, ServerConnection, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Rig, STEP_MAX};
use crate::tickets::TicketKeys;
use crate::{CertEntry, CertStore, H3};

const NAME: &str = "a.test";
const LIFE_S: u64 = 3_600;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

struct Bench {
    rig: Rig,
    roots: Arc<RootCertStore>,
    /// What the ticket keys take for the time, in seconds.
    time: Arc<AtomicU64>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn start(workers: usize) -> Bench {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).expect("a certificate");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let entry = || {
        let entry = CertEntry::from_pem(vec!["*".into()], chain.as_bytes(), key.as_bytes());
        entry.expect("an entry")
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(entry().chain);
    let time = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&time);
    let clock = Box::new(move || Duration::from_secs(read.load(Relaxed)));
    let keys = TicketKeys::with_clock(Duration::from_secs(LIFE_S), clock).expect("keys");
    let certs = Arc::new(CertStore::with_tickets(keys));
    assert!(certs.replace(vec![entry()]).is_empty());
    let rig = Rig::with(workers, |settings| {
        settings.tls = Some(certs);
        settings.h3 = Some(H3::default());
    });
    let CertEntry { chain, key, .. } = entry();
    Bench {
        rig,
        roots: Arc::new(roots),
        time,
        chain,
        key,
    }
}

/// A client's memory, and what it went through.
#[derive(Debug)]
struct Memory {
    sessions: ClientSessionMemoryCache,
    verifier: Arc<WebPkiServerVerifier>,
    /// Tickets got over TLS 1.3.
    tickets: AtomicUsize,
    /// Certificates looked at: one per handshake that was no resumption.
    looked: AtomicUsize,
}

impl Bench {
    fn client(&self, version: &'static SupportedProtocolVersion) -> (ClientConfig, Arc<Memory>) {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::clone(&self.roots);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let memory = Arc::new(Memory {
            sessions: ClientSessionMemoryCache::new(64),
            verifier: verifier.expect("a verifier"),
            tickets: AtomicUsize::new(0),
            looked: AtomicUsize::new(0),
        });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&memory) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        let store = Arc::clone(&memory) as Arc<dyn ClientSessionStore>;
        config.resumption = Resumption::store(store);
        (config, memory)
    }

    /// One request; how its connection began, and which worker answered.
    async fn ask(&self, config: &ClientConfig) -> (HandshakeKind, String) {
        let socket = TcpStream::connect(self.rig.addr).await.expect("connect");
        let name = ServerName::try_from(NAME).expect("a name");
        let asking = async {
            let connector = TlsConnector::from(Arc::new(config.clone()));
            let mut stream = connector.connect(name, socket).await.expect("a handshake");
            stream.write_all(GET).await.expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            let kind = stream.get_ref().1.handshake_kind().expect("shaken");
            let worker = answer.lines().find(|line| line.starts_with("x-worker"));
            (kind, worker.expect("a worker").to_owned())
        };
        let asked = tokio::time::timeout(STEP_MAX, asking).await;
        asked.expect("in time")
    }
}

#[tokio::test]
async fn every_worker_opens_the_tickets_of_every_other() {
    let bench = start(4);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let (config, _) = bench.client(version);
        assert_eq!(bench.ask(&config).await.0, HandshakeKind::Full);
        let mut workers = BTreeSet::new();
        for _ in 0..40 {
            let (kind, worker) = bench.ask(&config).await;
            assert_eq!(kind, HandshakeKind::Resumed, "{worker}");
            workers.insert(worker);
        }
        assert!(workers.len() > 1, "the kernel chose {workers:?} alone");
    }
}

#[tokio::test]
async fn tickets_outlive_one_change_of_keys_but_not_two() {
    let bench = start(2);
    for (turn, version) in [(0, &rustls::version::TLS13), (10, &rustls::version::TLS12)] {
        // Beyond all keys of the turn before, so that a fresh one begins now.
        let begin = turn * LIFE_S;
        bench.time.store(begin, Relaxed);
        let mut clients = Vec::new();
        for _ in 0..3 {
            let (config, _) = bench.client(version);
            assert_eq!(bench.ask(&config).await.0, HandshakeKind::Full);
            clients.push(config);
        }
        for (client, later, wanted) in [
            (0, LIFE_S - 1, HandshakeKind::Resumed),
            (1, LIFE_S, HandshakeKind::Resumed),
            (2, 2 * LIFE_S, HandshakeKind::Full),
        ] {
            bench.time.store(begin + later, Relaxed);
            let (kind, _) = bench.ask(&clients[client]).await;
            assert_eq!(kind, wanted, "{:?}, {later} s later", version.version);
        }
    }
}

#[tokio::test]
async fn http3_resumes_and_forgets_alike() {
    let bench = start(3);
    let (mut config, memory) = bench.client(&rustls::version::TLS13);
    config.alpn_protocols = vec![b"h3".to_vec()];
    let quic = QuicClientConfig::try_from(config).expect("settings");
    let config = quinn::ClientConfig::new(Arc::new(quic));
    let any: SocketAddr = "127.0.0.1:0".parse().expect("addr");
    let endpoint = quinn::Endpoint::client(any).expect("endpoint");
    // Connections go round the workers, so that each resumes at another one than before.
    for (now, looked) in [
        (0, 1),
        (0, 1),
        (1, 1),
        (LIFE_S, 1),
        (LIFE_S + 1, 1),
        (9 * LIFE_S, 2),
    ] {
        bench.time.store(now, Relaxed);
        let before = memory.tickets.load(Relaxed);
        let connecting = endpoint.connect_with(config.clone(), bench.rig.addr, NAME);
        let shaken = tokio::time::timeout(STEP_MAX, connecting.expect("connect")).await;
        let connection = shaken.expect("in time").expect("a handshake");
        let ticket = async {
            while memory.tickets.load(Relaxed) == before {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let got = tokio::time::timeout(STEP_MAX, ticket).await;
        got.expect("a ticket for next time");
        assert_eq!(
            memory.looked.load(Relaxed),
            looked,
            "full handshakes at {now}"
        );
        connection.close(0_u32.into(), b"");
    }
}

/// A session with another server that allows early data: it makes the client try.
fn learn_to_hurry(bench: &Bench, config: &Arc<ClientConfig>) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(bench.chain.clone(), bench.key.clone_key())
        .expect("a certificate");
    server.max_early_data_size = 16 * 1024;
    server.session_storage = ServerSessionMemoryCache::new(8);
    let mut server = ServerConnection::new(Arc::new(server)).expect("a server");
    let name = ServerName::try_from(NAME).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(config), name).expect("a client");
    for _ in 0..4 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).expect("written");
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            server.read_tls(&mut unread).expect("read");
        }
        server.process_new_packets().expect("processed");
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("written");
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            client.read_tls(&mut unread).expect("read");
        }
        client.process_new_packets().expect("processed");
    }
    assert!(!client.is_handshaking());
}

#[tokio::test]
async fn early_data_is_refused_and_never_processed() {
    let bench = start(1);
    let (mut config, memory) = bench.client(&rustls::version::TLS13);
    config.enable_early_data = true;
    let config = Arc::new(config);
    learn_to_hurry(&bench, &config);
    assert!(memory.tickets.load(Relaxed) > 0);
    let addr = bench.rig.addr;
    let hurrying = tokio::task::spawn_blocking(move || {
        let name = ServerName::try_from(NAME).expect("a name");
        let mut client = ClientConnection::new(config, name).expect("a client");
        let early = b"POST /early HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n";
        let mut hurry = client.early_data().expect("the client tries");
        hurry.write_all(early).expect("written");
        let mut socket = std::net::TcpStream::connect(addr).expect("connect");
        socket.set_read_timeout(Some(STEP_MAX)).expect("a limit");
        let mut stream = rustls::Stream::new(&mut client, &mut socket);
        stream.write_all(GET).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        (client.is_early_data_accepted(), answer)
    });
    let (accepted, answer) = hurrying.await.expect("joined");
    assert!(!accepted);
    assert!(answer.contains("x-request: GET /\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    bench.rig.wait_metric("requests_total", "h1", 1.0).await;

    // What our own tickets say: nothing may be sent early with them.
    let (mut config, _) = bench.client(&rustls::version::TLS13);
    config.enable_early_data = true;
    assert_eq!(bench.ask(&config).await.0, HandshakeKind::Full);
    let name = ServerName::try_from(NAME).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    assert!(client.early_data().is_none());
}

impl ClientSessionStore for Memory {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.sessions.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.sessions.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.sessions.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.sessions.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.sessions.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.sessions.insert_tls13_ticket(name, value);
        self.tickets.fetch_add(1, Relaxed);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.sessions.take_tls13_ticket(name)
    }
}

impl ServerCertVerifier for Memory {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.looked.fetch_add(1, Relaxed);
        let verifier = &self.verifier;
        verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
