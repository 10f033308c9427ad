//! Policies by name: what clients may speak to one name and not to another at the same listener.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{CipherSuite, ClientConfig, NamedGroup, ProtocolVersion, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Rig, STEP_MAX};
use crate::{CertEntry, CertStore, H3, TlsGroups, TlsPolicy, TlsSuites, TlsVersions};

const NAMES: [&str; 4] = ["open.test", "new.test", "fips.test", "any.wild.test"];

const FIPS: TlsPolicy = TlsPolicy {
    versions: TlsVersions::From12,
    suites: TlsSuites::Aes,
    groups: TlsGroups::NistHybrid,
};

const NEW: TlsPolicy = TlsPolicy {
    versions: TlsVersions::Only13,
    suites: TlsSuites::All,
    groups: TlsGroups::Classic,
};

struct Bench {
    rig: Rig,
    certs: Arc<CertStore>,
    roots: RootCertStore,
}

/// What a client offers.
#[derive(Clone)]
struct Offer {
    version: &'static rustls::SupportedProtocolVersion,
    suite: Option<CipherSuite>,
    group: Option<&'static dyn SupportedKxGroup>,
}

const ANY_13: Offer = Offer {
    version: &rustls::version::TLS13,
    suite: None,
    group: None,
};

const ANY_12: Offer = Offer {
    version: &rustls::version::TLS12,
    ..ANY_13
};

type Agreed = (ProtocolVersion, CipherSuite, NamedGroup);

fn start() -> Bench {
    let sans = NAMES.map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(sans).expect("a certificate");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let entry = CertEntry::from_pem(vec!["*".into()], chain.as_bytes(), key.as_bytes());
    let entry = entry.expect("an entry");
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(entry.chain.iter().cloned());
    let certs = Arc::new(CertStore::new());
    assert!(certs.replace(vec![entry]).is_empty());
    certs.replace_policies([("new.test", NEW), ("FIPS.test", FIPS), ("*.wild.test", NEW)]);
    let for_rig = Arc::clone(&certs);
    let rig = Rig::with(2, |settings| {
        settings.tls = Some(for_rig);
        settings.h3 = Some(H3::default());
    });
    Bench { rig, certs, roots }
}

impl Offer {
    fn suite(suite: CipherSuite, of: &Self) -> Self {
        Self {
            suite: Some(suite),
            ..of.clone()
        }
    }

    fn group(group: &'static dyn SupportedKxGroup, of: &Self) -> Self {
        Self {
            group: Some(group),
            ..of.clone()
        }
    }

    fn provider(&self) -> CryptoProvider {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(wanted) = self.suite {
            provider.cipher_suites.retain(|one| one.suite() == wanted);
        }
        if let Some(group) = self.group {
            provider.kx_groups = vec![group];
        }
        provider
    }

    fn config(&self, roots: &RootCertStore) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(self.provider()))
            .with_protocol_versions(&[self.version])
            .expect("versions")
            .with_root_certificates(roots.clone())
            .with_no_client_auth()
    }
}

impl Bench {
    async fn agree(&self, name: &str, offer: &Offer) -> Option<Agreed> {
        let config = offer.config(&self.roots);
        let socket = TcpStream::connect(self.rig.addr).await.expect("connect");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, socket);
        let handshake = tokio::time::timeout(STEP_MAX, handshake);
        let stream = handshake.await.expect("in time").ok()?;
        let session = stream.get_ref().1;
        Some((
            session.protocol_version()?,
            session.negotiated_cipher_suite()?.suite(),
            session.negotiated_key_exchange_group()?.name(),
        ))
    }

    async fn quic(&self, name: &str, offer: &Offer) -> bool {
        let mut config = offer.config(&self.roots);
        config.alpn_protocols = vec![b"h3".to_vec()];
        // The keys of the first packets are AES's, whatever is agreed on.
        let aes = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let first = aes.tls13().and_then(|suite| suite.quic_suite());
        let config = QuicClientConfig::with_initial(Arc::new(config), first.expect("a suite"));
        let config = quinn::ClientConfig::new(Arc::new(config.expect("settings")));
        let any: SocketAddr = "127.0.0.1:0".parse().expect("addr");
        let endpoint = quinn::Endpoint::client(any).expect("endpoint");
        let connecting = endpoint.connect_with(config, self.rig.addr, name);
        let shaken = tokio::time::timeout(STEP_MAX, connecting.expect("connect")).await;
        shaken.expect("in time").is_ok()
    }
}

#[tokio::test]
async fn names_of_one_listener_take_different_clients() {
    let bench = start();
    let chacha_13 = Offer::suite(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, &ANY_13);
    let chacha_12 = Offer::suite(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        &ANY_12,
    );
    let x25519 = Offer::group(kx_group::X25519, &ANY_13);
    let x25519_12 = Offer::group(kx_group::X25519, &ANY_12);
    let p256 = Offer::group(kx_group::SECP256R1, &ANY_13);
    let hybrid = Offer::group(kx_group::X25519MLKEM768, &ANY_13);
    let nist_hybrid = Offer::group(kx_group::SECP256R1MLKEM768, &ANY_13);
    let offers = [
        ANY_13,
        ANY_12,
        chacha_13,
        chacha_12,
        x25519,
        x25519_12,
        p256,
        hybrid,
        nist_hybrid,
    ];
    for (name, taken) in [
        ("open.test", "yyyyyyyyn"),
        ("new.test", "ynynynynn"),
        ("any.wild.test", "ynynynynn"),
        ("fips.test", "yynnnnyyy"),
    ] {
        let mut seen = String::new();
        for offer in &offers {
            let agreed = bench.agree(name, offer).await;
            seen.push(if agreed.is_some() { 'y' } else { 'n' });
        }
        assert_eq!(seen, taken, "{name}");
    }
    bench
        .rig
        .wait_metric("handshake_failures_total", "incompatible", 15.0)
        .await;
}

#[tokio::test]
async fn the_strongest_that_both_know_is_agreed_on() {
    let bench = start();
    let (_, _, open) = bench.agree("open.test", &ANY_13).await.expect("agreed");
    let (_, _, new) = bench.agree("new.test", &ANY_13).await.expect("agreed");
    assert_eq!(open, NamedGroup::X25519MLKEM768);
    assert_eq!(new, NamedGroup::X25519);
    let (version, suite, _) = bench.agree("fips.test", &ANY_12).await.expect("agreed");
    assert_eq!(version, ProtocolVersion::TLSv1_2);
    assert_eq!(suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
}

#[tokio::test]
async fn quic_is_bound_by_the_same_policy() {
    let bench = start();
    let chacha = Offer::suite(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, &ANY_13);
    let x25519 = Offer::group(kx_group::X25519, &ANY_13);
    let p256 = Offer::group(kx_group::SECP256R1, &ANY_13);
    let hybrid = Offer::group(kx_group::X25519MLKEM768, &ANY_13);
    for (name, taken) in [
        ("open.test", [true, true, true, true]),
        ("new.test", [true, true, true, false]),
        ("any.wild.test", [true, true, true, false]),
        ("fips.test", [false, false, true, true]),
    ] {
        let offers = [&chacha, &x25519, &p256, &hybrid];
        for (offer, taken) in offers.into_iter().zip(taken) {
            let (suite, group) = (offer.suite, offer.group.map(SupportedKxGroup::name));
            let seen = bench.quic(name, offer).await;
            assert_eq!(seen, taken, "{name} {suite:?} {group:?}");
        }
    }
}

#[tokio::test]
async fn a_policy_is_altered_while_the_listener_serves() {
    let bench = start();
    assert!(bench.agree("open.test", &ANY_12).await.is_some());
    assert!(bench.agree("new.test", &ANY_12).await.is_none());
    bench.certs.replace_policies([("open.test", NEW)]);
    assert!(bench.agree("open.test", &ANY_12).await.is_none());
    assert!(
        bench.agree("new.test", &ANY_12).await.is_some(),
        "the default"
    );
    assert!(
        bench.agree("unheard.of", &ANY_12).await.is_none(),
        "the client refuses"
    );
    assert_eq!(bench.certs.policy(Some("unheard.of")), TlsPolicy::default());
    assert_eq!(bench.certs.policy(None), TlsPolicy::default());
}
