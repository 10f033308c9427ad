//! TLS policies by name, at every door of a cluster, spoken by rustls and OpenSSL, and over QUIC by
//! aioquic.

use std::{net::SocketAddr, process::Stdio, sync::Arc, time::Duration};

use http::Method;
use rustls::{
    AlertDescription, CipherSuite, ClientConfig, NamedGroup, ProtocolVersion,
    SupportedProtocolVersion,
    crypto::aws_lc_rs::{self, kx_group},
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tests::{cluster::Cluster, issuer::TestIssuer, management::Management, until};
use tokio::{net::TcpStream, process::Command};
use tokio_rustls::TlsConnector;

use super::{
    domains::{doors, write},
    http3::script,
};

const STEP_MAX: Duration = Duration::from_secs(60);

/// How a handshake ended, as the client saw it.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Agreed(ProtocolVersion, CipherSuite, NamedGroup),
    Refused(AlertDescription),
    Failed(String),
}

/// What a client offers; `None` is all that it knows.
#[derive(Clone, Copy)]
struct Offer {
    version: &'static SupportedProtocolVersion,
    suite: Option<CipherSuite>,
    group: Option<NamedGroup>,
}

const fn offer(version: &'static SupportedProtocolVersion) -> Offer {
    Offer {
        version,
        suite: None,
        group: None,
    }
}

struct Scene {
    cluster: Cluster,
    management: Management,
    issuer: TestIssuer,
    arn: String,
}

fn configured(arn: &str, policy: &str) -> Value {
    json!([{"certificateArn": arn, "endpointType": "EDGE", "securityPolicy": policy}])
}

impl Scene {
    async fn start() -> Self {
        let cluster = Cluster::start().await.unwrap();
        let management = cluster.management(0);
        let issuer = TestIssuer::new("tls").unwrap();
        let issued = issuer.issue(&["*.tls.test"]).unwrap();
        let body = json!({"certificate": issued.chain, "privateKey": issued.key});
        let path = "/edgeway/v1/certificates";
        let made = write(&management, Method::POST, path, body).await;
        let arn = made["certificateArn"].as_str().unwrap().to_owned();
        Self {
            cluster,
            management,
            issuer,
            arn,
        }
    }

    async fn domain(&self, name: &str, policy: &str) {
        let body = json!({
            "domainName": name,
            "domainNameConfigurations": configured(&self.arn, policy),
        });
        let made = write(&self.management, Method::POST, "/v2/domainnames", body).await;
        let shown = &made["domainNameConfigurations"][0]["securityPolicy"];
        assert_eq!(*shown, policy, "given back as it was sent");
    }

    async fn alter(&self, name: &str, policy: &str) {
        let body = json!({"domainNameConfigurations": [{"securityPolicy": policy}]});
        let path = format!("/v2/domainnames/{name}");
        write(&self.management, Method::PATCH, &path, body).await;
    }

    async fn shake(&self, door: SocketAddr, name: &str, offer: Offer) -> Seen {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(wanted) = offer.suite {
            provider.cipher_suites.retain(|one| one.suite() == wanted);
        }
        if let Some(wanted) = offer.group {
            provider.kx_groups = vec![kx_group::SECP256R1MLKEM768]
                .into_iter()
                .chain(provider.kx_groups)
                .filter(|one| one.name() == wanted)
                .collect();
        }
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.issuer.root_pem()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[offer.version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = match TcpStream::connect(door).await {
            Ok(stream) => stream,
            Err(error) => return Seen::Failed(error.to_string()),
        };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let shaken = tokio::time::timeout(STEP_MAX, shaking).await;
        let stream = match shaken.expect("a handshake in time") {
            Ok(stream) => stream,
            Err(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                return match inner {
                    Some(rustls::Error::AlertReceived(alert)) => Seen::Refused(*alert),
                    _ => Seen::Failed(error.to_string()),
                };
            }
        };
        let session = stream.get_ref().1;
        Seen::Agreed(
            session.protocol_version().unwrap(),
            session.negotiated_cipher_suite().unwrap().suite(),
            session.negotiated_key_exchange_group().unwrap().name(),
        )
    }

    /// Waits until every door answers the offer for `name` so.
    async fn expect(&self, name: &str, offer: Offer, right: impl Fn(&Seen) -> bool + Copy) {
        for door in doors(&self.cluster) {
            let asked = (offer.version.version, offer.suite, offer.group);
            until(&format!("{door} {name} {asked:?}"), STEP_MAX, async || {
                let seen = self.shake(door, name, offer).await;
                right(&seen).then_some(())
            })
            .await;
        }
    }
}

fn agreed(seen: &Seen) -> bool {
    matches!(seen, Seen::Agreed(..))
}

fn refused(seen: &Seen) -> bool {
    matches!(
        seen,
        Seen::Refused(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure)
    )
}

/// What `openssl s_client` says about a handshake.
async fn openssl(door: SocketAddr, name: &str, roots: &str, words: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-brief", "-verify_return_error"])
        .args(["-connect", &door.to_string(), "-servername", name])
        .args(["-verify_hostname", name, "-CAfile", roots])
        .args(words)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(STEP_MAX, command.output()).await;
    let output = output.expect("in time").unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_domain_has_its_policy_at_every_door() {
    let scene = Scene::start().await;
    let policies = [
        ("old.tls.test", "TLS_1_0"),
        ("plain.tls.test", "TLS_1_2"),
        ("new.tls.test", "SecurityPolicy_TLS13_1_3_2025_09"),
        (
            "fips.tls.test",
            "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
        ),
        ("pq.tls.test", "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"),
        ("edge.tls.test", "SecurityPolicy_TLS13_2025_EDGE"),
    ];
    for (name, policy) in policies {
        scene.domain(name, policy).await;
    }
    let chacha_12 = Offer {
        suite: Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ..offer(&TLS12)
    };
    let chacha_13 = Offer {
        suite: Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
        ..offer(&TLS13)
    };
    let with = |group| Offer {
        group: Some(group),
        ..offer(&TLS13)
    };
    let offers = [
        offer(&TLS13),
        offer(&TLS12),
        chacha_13,
        chacha_12,
        with(NamedGroup::X25519),
        with(NamedGroup::secp256r1),
        with(NamedGroup::X25519MLKEM768),
        with(NamedGroup::secp256r1MLKEM768),
    ];
    for (name, taken) in [
        ("old.tls.test", "yyyyyyyn"),
        ("plain.tls.test", "yyyyyyyn"),
        ("new.tls.test", "ynynyynn"),
        ("fips.tls.test", "yynnnyyy"),
        ("pq.tls.test", "yyynyyyn"),
        ("edge.tls.test", "ynynyyyn"),
    ] {
        for (offer, taken) in offers.into_iter().zip(taken.chars()) {
            let right = if taken == 'y' { agreed } else { refused };
            scene.expect(name, offer, right).await;
        }
    }
    // A domain moves to another policy while its nodes serve.
    scene.alter("new.tls.test", "TLS_1_2").await;
    scene.expect("new.tls.test", offer(&TLS12), agreed).await;
    scene
        .alter("plain.tls.test", "SecurityPolicy_TLS13_1_3_2025_09")
        .await;
    scene.expect("plain.tls.test", offer(&TLS12), refused).await;
    // A name nobody knows has the listener's policy (and certificate, which this client refuses).
    let shown = |seen: &Seen| matches!(seen, Seen::Failed(why) if why.contains("certificate"));
    scene.expect("unheard.tls.test", offer(&TLS12), shown).await;
    scene.expect("unheard.tls.test", offer(&TLS13), shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_aioquic_agree_with_the_table() {
    let scene = Scene::start().await;
    scene.domain("old.tls.test", "TLS_1_0").await;
    let name = "SecurityPolicy_TLS13_1_3_FIPS_2025_09";
    scene.domain("fips.tls.test", name).await;
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("root.pem");
    std::fs::write(&roots, scene.issuer.root_pem()).unwrap();
    let roots = roots.to_str().unwrap();
    scene.expect("old.tls.test", offer(&TLS12), agreed).await;
    scene.expect("fips.tls.test", offer(&TLS12), refused).await;

    let (version, handshake) = ("alert protocol version", "handshake failure");
    let low = "DEFAULT@SECLEVEL=0";
    let cases: [(&str, &[&str], &str); 14] = [
        ("old.tls.test", &["-tls1_3"], "Protocol version: TLSv1.3"),
        ("old.tls.test", &["-tls1_2"], "Protocol version: TLSv1.2"),
        ("old.tls.test", &["-tls1_1", "-cipher", low], handshake),
        ("old.tls.test", &["-tls1", "-cipher", low], handshake),
        (
            "old.tls.test",
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
            "Ciphersuite: ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
        (
            "old.tls.test",
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
            handshake,
        ),
        (
            "old.tls.test",
            &["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
            handshake,
        ),
        ("fips.tls.test", &["-tls1_2"], version),
        (
            "fips.tls.test",
            &["-tls1_3"],
            "Ciphersuite: TLS_AES_256_GCM_SHA384",
        ),
        (
            "fips.tls.test",
            &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
            handshake,
        ),
        (
            "fips.tls.test",
            &["-tls1_3", "-groups", "X25519"],
            handshake,
        ),
        (
            "fips.tls.test",
            &["-tls1_3", "-groups", "X25519:P-384"],
            "Protocol version: TLSv1.3",
        ),
        (
            "fips.tls.test",
            &["-tls1_3", "-groups", "P-256"],
            "Protocol version: TLSv1.3",
        ),
        ("unheard.tls.test", &["-tls1_2"], "verify error"),
    ];
    let door = scene.cluster.ready.pops[0].https;
    for (name, words, wanted) in cases {
        let (ended_well, told) = openssl(door, name, roots, words).await;
        assert!(told.contains(wanted), "{name} {words:?}: {told}");
        let agreed = wanted.contains(": ");
        assert_eq!(ended_well, agreed, "{name} {words:?}: {told}");
    }
    let cluster = script("http3_policy.py", scene.cluster, "fips.tls.test".to_owned()).await;
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nodes_settings_bind_the_names_without_a_policy() {
    let mut scene = Scene::start().await;
    scene.domain("plain.tls.test", "TLS_1_2").await;
    let pop = scene.cluster.ready.pops[1].clone();
    let text = std::fs::read_to_string(&pop.config).unwrap();
    let (was, is) = ("\"TLS_1_2\"", "\"SecurityPolicy_TLS13_1_3_2025_09\"");
    assert_eq!(text.matches(was).count(), 1, "{text}");
    scene.cluster.kill(pop.pid).unwrap();
    std::fs::write(&pop.config, text.replace(was, is)).unwrap();
    scene.cluster.restart(&pop.config).unwrap();
    let unheard = "unheard.tls.test";
    until("the POP serves by its new settings", STEP_MAX, async || {
        let seen = scene.shake(pop.https, unheard, offer(&TLS12)).await;
        refused(&seen).then_some(())
    })
    .await;
    // A domain's own policy goes before the node's, at this door as at the others.
    scene.expect("plain.tls.test", offer(&TLS12), agreed).await;
    for (door, version) in [
        (pop.https, &TLS13),
        (scene.cluster.ready.pops[0].https, &TLS12),
    ] {
        let seen = scene.shake(door, unheard, offer(version)).await;
        let shown = matches!(&seen, Seen::Failed(why) if why.contains("certificate"));
        assert!(shown, "{seen:?}");
    }
}
