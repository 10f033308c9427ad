//! TLS of a listener: its settings, and what to tell about a handshake.
//!
//! Certificates come from the listener's [`CertStore`]; session tickets share one key for the whole
//! process, so that a client may resume at any worker. Client certificates are not asked for.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::server::ProducesTickets;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use crate::certs::{ACME_TLS, CertStore};
use crate::handler::TlsInfo;

const H2: &[u8] = b"h2";
const H1: &[u8] = b"http/1.1";

/// The TLS settings of a listener.
pub(crate) fn server_config(certs: Arc<CertStore>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certs);
    config.alpn_protocols = vec![H2.to_vec(), H1.to_vec(), ACME_TLS.to_vec()];
    config.ticketer = tickets()?;
    Ok(Arc::new(config))
}

/// The TLS settings of a listener that speaks something else than HTTP. Clients that name no
/// protocol at all are served; those that name only others are not.
pub(crate) fn other_config(
    certs: Arc<CertStore>,
    alpn: &str,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = server_config(certs)?;
    Arc::make_mut(&mut config).alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Ok(config)
}

/// The TLS settings of a listener's QUIC, for HTTP/3 or another protocol. QUIC has TLS 1.3 only
/// (RFC 9001 section 4.2). There is no early data: a stateless ticket can be replayed, and an
/// unsafe method must not be.
pub(crate) fn quic_config(
    certs: Arc<CertStore>,
    alpn: &str,
) -> Result<Arc<quinn::crypto::rustls::QuicServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(certs);
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    config.ticketer = tickets()?;
    config.max_early_data_size = 0;
    quinn::crypto::rustls::QuicServerConfig::try_from(config)
        .map(Arc::new)
        .map_err(|error| rustls::Error::General(error.to_string()))
}

/// The process's ticket keys, which rotate themselves.
fn tickets() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    static TICKETS: OnceLock<Arc<dyn ProducesTickets>> = OnceLock::new();
    if let Some(tickets) = TICKETS.get() {
        return Ok(Arc::clone(tickets));
    }
    let made = aws_lc_rs::Ticketer::new()?;
    Ok(Arc::clone(TICKETS.get_or_init(|| made)))
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
        rustls::Error::PeerIncompatible(_) => "incompatible",
        rustls::Error::PeerMisbehaved(_) => "misbehaved",
        // This is how the library reports that the resolver found none.
        rustls::Error::General(_) => "no_certificate",
        _ => "other",
    }
}
