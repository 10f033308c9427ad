//! TLS towards backends: which authorities are trusted, and the protocols offered.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// Why trust towards backends could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The extra certificates do not parse.
    #[error("extra certificate authorities for backends cannot be read")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// One of them is no authority's certificate.
    #[error("extra certificate authority for backends cannot be trusted")]
    Authority(#[source] rustls::Error),
    /// The provider lacks what the protocol versions need.
    #[error("tls towards backends cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The configuration that all workers share: the system's authorities and the extra ones, HTTP/2
/// preferred over HTTP/1.1. Reads files: for start-up only.
pub(crate) fn client_config(extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
    }
    // An authority of the system that does not parse concerns only backends that use it.
    let (_, ignored) = roots.add_parsable_certificates(native.certs);
    if ignored > 0 {
        tracing::debug!(
            ignored,
            "some of the system's certificate authorities do not parse"
        );
    }
    if let Some(pem) = extra_ca_pem {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(TrustError::Pem)?;
            roots.add(certificate).map_err(TrustError::Authority)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
