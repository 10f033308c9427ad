//! TLS of the link: TLS 1.3 only, both ends with a certificate of the cluster's CA.
//!
//! Sessions are never resumed: connections live long, and a resumed session would carry an
//! identity that was not checked against a current certificate. A joining node has no
//! certificate and trusts one CA fingerprint; that is the only other way in.

use std::sync::Arc;

use arc_swap::ArcSwap;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::credentials::Credentials;
use crate::digest;
use crate::error::LinkError;
use crate::wire::{ALPN, ALPN_TCP};

/// The credentials in use, and what TLS makes of them.
pub(crate) struct Active {
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) client: Arc<QuicClientConfig>,
    pub(crate) server: Arc<QuicServerConfig>,
    /// The same trust for HTTP/2 over TCP.
    pub(crate) tcp_client: Arc<ClientConfig>,
    pub(crate) tcp_server: Arc<ServerConfig>,
}

/// A node's current credentials, shared by all its transports and listeners. After
/// [`replace`](Self::replace) every new connection uses the new ones; open connections stay.
#[derive(Clone)]
pub struct CredentialStore(Arc<ArcSwap<Active>>);

impl std::fmt::Debug for CredentialStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CredentialStore")
            .field(&self.current())
            .finish()
    }
}

impl CredentialStore {
    /// A store with the first credentials.
    pub fn new(credentials: Credentials) -> Result<Self, LinkError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Active::new(
            credentials,
        )?))))
    }

    /// Uses `credentials` for new connections. On an error the old ones stay.
    pub fn replace(&self, credentials: Credentials) -> Result<(), LinkError> {
        self.0.store(Arc::new(Active::new(credentials)?));
        Ok(())
    }

    /// The credentials in use.
    pub fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.0.load().credentials)
    }

    pub(crate) fn active(&self) -> Arc<Active> {
        self.0.load_full()
    }
}

impl Active {
    fn new(credentials: Credentials) -> Result<Self, LinkError> {
        let mut roots = RootCertStore::empty();
        roots
            .add(credentials.ca().clone())
            .map_err(LinkError::Tls)?;
        let roots = Arc::new(roots);
        let client = client_config(&credentials, &roots).map_err(LinkError::Tls)?;
        let server = server_config(&credentials, roots)?;
        let (tcp_client, tcp_server) = (over_tcp_client(&client), over_tcp_server(&server));
        Ok(Self {
            credentials: Arc::new(credentials),
            tcp_client,
            tcp_server,
            client: Arc::new(QuicClientConfig::try_from(client).map_err(no_suite)?),
            server: Arc::new(QuicServerConfig::try_from(server).map_err(no_suite)?),
        })
    }
}

/// As over QUIC in all but the protocol within.
fn over_tcp_client(quic: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = quic.clone();
    config.alpn_protocols = vec![ALPN_TCP.to_vec()];
    Arc::new(config)
}

fn over_tcp_server(quic: &ServerConfig) -> Arc<ServerConfig> {
    let mut config = quic.clone();
    config.alpn_protocols = vec![ALPN_TCP.to_vec()];
    Arc::new(config)
}

fn client_config(
    credentials: &Credentials,
    roots: &Arc<RootCertStore>,
) -> Result<ClientConfig, Error> {
    let key = credentials.key().clone_key();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(Arc::clone(roots))
        .with_client_auth_cert(credentials.chain().to_vec(), key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server_config(
    credentials: &Credentials,
    roots: Arc<RootCertStore>,
) -> Result<ServerConfig, LinkError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(LinkError::Authority)?;
    let key = credentials.key().clone_key();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(LinkError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(served_chain(credentials), key)
        .map_err(LinkError::Tls)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The chain with the CA itself, which a joining node compares with its token.
fn served_chain(credentials: &Credentials) -> Vec<CertificateDer<'static>> {
    let mut chain = credentials.chain().to_vec();
    if !chain.contains(credentials.ca()) {
        chain.push(credentials.ca().clone());
    }
    chain
}

/// How a node that has only a token connects, over either transport.
pub(crate) struct JoinConfigs {
    pub(crate) quic: Arc<QuicClientConfig>,
    pub(crate) tcp: Arc<ClientConfig>,
}

/// TLS for a node that has only a token: no certificate, and a CA known by its SHA-256.
pub(crate) fn join_config(ca_sha256: [u8; 32]) -> Result<JoinConfigs, LinkError> {
    let provider = provider();
    let verifier = Arc::new(FingerprintVerifier {
        ca_sha256,
        provider: Arc::clone(&provider),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(LinkError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    let tcp = over_tcp_client(&config);
    Ok(JoinConfigs {
        quic: Arc::new(QuicClientConfig::try_from(config).map_err(no_suite)?),
        tcp,
    })
}

/// The certificate of `chain` with this fingerprint.
pub(crate) fn find_ca<'a>(
    chain: &'a [CertificateDer<'a>],
    ca_sha256: &[u8; 32],
) -> Option<&'a CertificateDer<'a>> {
    chain
        .iter()
        .find(|cert| digest::same_hash(&digest::fingerprint(cert), ca_sha256))
}

/// Trusts exactly the CA with a given SHA-256, which the server must present in its chain, and
/// then verifies the leaf against it like any other.
#[derive(Debug)]
struct FingerprintVerifier {
    ca_sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let ca = find_ca(intermediates, &self.ca_sha256).ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| unknown())?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("tls 1.2 is not offered".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn no_suite(_: NoInitialCipherSuite) -> LinkError {
    LinkError::Tls(Error::General(
        "no cipher suite for quic initial packets".to_owned(),
    ))
}
