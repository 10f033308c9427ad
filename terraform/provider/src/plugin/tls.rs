//! Mutual TLS with certificates made for one run.
//!
//! Terraform's certificate is on P-521 and an authority's own, used as an end entity. No usual
//! verifier takes that, and none is needed: exactly the certificate of the environment is who may
//! connect.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime, pem::PemObject as _},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use tokio_rustls::TlsAcceptor;

/// Why there is no mutual TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("reading Terraform's certificate: {0}")]
    Client(rustls::pki_types::pem::Error),
    #[error("making a certificate: {0}")]
    Own(#[from] rcgen::Error),
    #[error("putting it to use: {0}")]
    Config(#[from] Error),
}

/// Takes connections from whoever holds Terraform's key.
pub(crate) struct Mutual {
    pub(crate) acceptor: TlsAcceptor,
    /// What Terraform is to expect of us.
    pub(crate) own_der: Vec<u8>,
}

/// `client` is the certificate of the only client, PEM.
pub(crate) fn mutual(client: &str) -> Result<Mutual, TlsError> {
    let client = CertificateDer::from_pem_slice(client.as_bytes()).map_err(TlsError::Client)?;
    let (own, key) = own()?;
    let own_der = own.to_vec();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Only {
        client,
        provider: Arc::clone(&provider),
    });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Mutual {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        own_der,
    })
}

/// A certificate for `localhost`, which is the name that Terraform asks for.
fn own() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TlsError> {
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?;
    parameters.extended_key_usages = vec![
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        rcgen::ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let key = rcgen::KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((certificate.der().clone(), key.into()))
}

/// Lets in whoever has the key of one certificate.
#[derive(Debug)]
struct Only {
    client: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Only {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.client {
            return Ok(ClientCertVerified::assertion());
        }
        Err(Error::General("not Terraform's certificate".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
