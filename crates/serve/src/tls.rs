//! TLS of a listener: its settings, and what to tell about a handshake.
//!
//! Certificates, policies and ticket keys come from the listener's [`CertStore`]. Settings are made
//! once per policy when the listener is, so that a handshake only picks one. Client certificates
//! are asked for where the listener's door says so; such a listener resumes no sessions.

use std::io;
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection, SupportedProtocolVersion};

use crate::certs::{ACME_TLS, CertStore};
use crate::door::ClientRoots;
use crate::handler::TlsInfo;
use crate::policy::TlsPolicy;

const H2: &[u8] = b"h2";
const H1: &[u8] = b"http/1.1";

/// What a listener for HTTP offers over TCP. ACME's challenges are answered in the handshake.
pub(crate) const HTTP: &[&[u8]] = &[H2, H1, ACME_TLS];

/// One prepared setting per policy, and who says which one a name is bound by.
pub(crate) struct ByPolicy<C> {
    certs: Arc<CertStore>,
    /// At the policy's index.
    configs: Vec<C>,
}

/// The settings of a listener over TCP.
pub(crate) type Tcp = ByPolicy<Arc<ServerConfig>>;

/// The settings of a listener's HTTP/3.
pub(crate) type Quic = ByPolicy<Arc<QuicServerConfig>>;

impl<C> ByPolicy<C> {
    fn prepare(
        certs: Arc<CertStore>,
        make: impl Fn(TlsPolicy) -> Result<C, rustls::Error>,
    ) -> Result<Self, rustls::Error> {
        let mut configs = Vec::with_capacity(TlsPolicy::COUNT);
        for policy in TlsPolicy::all() {
            configs.push(make(policy)?);
        }
        Ok(Self { certs, configs })
    }

    /// What a client that asks for `name` is served by.
    pub(crate) fn of(&self, name: Option<&str>) -> &C {
        // There is one for each policy.
        &self.configs[self.certs.policy(name).index()]
    }
}

impl<C> std::fmt::Debug for ByPolicy<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByPolicy")
            .field("certs", &self.certs)
            .finish_non_exhaustive()
    }
}

/// Prepares a listener that speaks the protocols `alpn`. Clients that name no protocol at all are
/// served; those that name only others are not.
pub(crate) fn tcp(
    certs: Arc<CertStore>,
    alpn: &[&[u8]],
    roots: Option<&ClientRoots>,
) -> Result<Tcp, rustls::Error> {
    let tickets = certs.tickets()?;
    let make = |policy: TlsPolicy| {
        let versions = policy.protocol_versions();
        let mut config = server_config(&certs, policy, (versions, roots))?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config.require_ems = policy.needs_extended_master_secret();
        if roots.is_none() {
            config.ticketer = tickets.clone();
        } else {
            // A ticket of a listener that asks for no certificate must not open this one.
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    };
    ByPolicy::prepare(Arc::clone(&certs), make)
}

/// Prepares a listener's QUIC, for HTTP/3 or another protocol. QUIC has TLS 1.3 only (RFC 9001
/// section 4.2), which every policy takes.
pub(crate) fn quic(certs: Arc<CertStore>, alpn: &str) -> Result<Quic, rustls::Error> {
    let tickets = certs.tickets()?;
    let make = |policy: TlsPolicy| {
        let mut config = server_config(&certs, policy, (&[&rustls::version::TLS13], None))?;
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config.ticketer = tickets.clone();
        QuicServerConfig::try_from(config)
            .map(Arc::new)
            .map_err(|error| rustls::Error::General(error.to_string()))
    };
    ByPolicy::prepare(Arc::clone(&certs), make)
}

/// There is no early data: what opens a ticket keeps no list of those used, so early data could be
/// replayed, and an unsafe method must not be. Sessions live in tickets alone, which every worker
/// opens; those of clients without tickets are not kept.
fn server_config(
    certs: &Arc<CertStore>,
    policy: TlsPolicy,
    (versions, roots): (&[&'static SupportedProtocolVersion], Option<&ClientRoots>),
) -> Result<ServerConfig, rustls::Error> {
    let verifier = match roots {
        Some(roots) => roots.verifier(policy)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(policy.provider()))
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(certs) as Arc<dyn ResolvesServerCert>);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(config)
}

/// Whether the handshake was all that the client wanted: an ACME challenge, already answered.
pub(crate) fn was_challenge(session: &ServerConnection) -> bool {
    session.alpn_protocol() == Some(ACME_TLS)
}

/// What a finished handshake agreed.
pub(crate) fn describe(session: &ServerConnection) -> TlsInfo {
    TlsInfo {
        sni: session.server_name().map(str::to_ascii_lowercase),
        alpn: match session.alpn_protocol() {
            Some(H2) => Some("h2"),
            Some(H1) => Some("http/1.1"),
            _ => None,
        },
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        cipher: session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or("unknown"),
    }
}

/// What a finished QUIC handshake agreed. The library does not tell the cipher suite.
pub(crate) fn describe_quic(conn: &quinn::Connection) -> TlsInfo {
    let shaken = conn
        .handshake_data()
        .and_then(|any| any.downcast::<quinn::crypto::rustls::HandshakeData>().ok());
    TlsInfo {
        sni: shaken
            .and_then(|shaken| shaken.server_name)
            .map(|name| name.to_ascii_lowercase()),
        alpn: Some("h3"),
        version: "TLSv1.3",
        cipher: "unknown",
    }
}

/// The metric label of a failed handshake.
pub(crate) fn failure_reason(error: &io::Error) -> &'static str {
    let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        return if error.kind() == io::ErrorKind::UnexpectedEof {
            "closed"
        } else {
            "io"
        };
    };
    match tls {
        rustls::Error::AlertReceived(_) => "alert",
        rustls::Error::InvalidMessage(_) => "not_tls",
        rustls::Error::NoApplicationProtocol => "no_protocol",
        rustls::Error::NoCertificatesPresented | rustls::Error::InvalidCertificate(_) => {
            "client_certificate"
        }
        rustls::Error::PeerIncompatible(_) => "incompatible",
        rustls::Error::PeerMisbehaved(_) => "misbehaved",
        // This is how the library reports that the resolver found none.
        rustls::Error::General(_) => "no_certificate",
        _ => "other",
    }
}
