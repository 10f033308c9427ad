//! TLS towards backends: which authorities are trusted, the protocols offered, and what backends
//! are shown.
//!
//! Most backends are spoken to as usual, with one configuration that all workers share. A stage may
//! show a client certificate, and an integration may take a certificate of an unknown authority;
//! configurations for those are made when they are first needed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use model::{ClientCertificateId, rest::ClientCertificate};
use plan::region::OriginTls;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime, pem::PemObject as _,
};

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
    /// The stage's client certificate is not configured any more.
    #[error("client certificate {0} does not exist")]
    Certificate(Box<str>),
}

/// How backends are spoken to over TLS.
pub(crate) struct BackendTls {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    usual: Arc<ClientConfig>,
    certificates: ArcSwap<BTreeMap<ClientCertificateId, Arc<ClientCertificate>>>,
    /// As many as the configuration has stages and integrations that want them.
    special: Mutex<HashMap<OriginTls, Arc<ClientConfig>>>,
}

impl BackendTls {
    /// Trusts the system's authorities and the extra ones. Reads files: for start-up only.
    pub(crate) fn new(extra_ca_pem: Option<&[u8]>) -> Result<Arc<Self>, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = Arc::new(trusted(extra_ca_pem)?);
        let usual = config((&provider, &roots), &OriginTls::default(), None)?;
        Ok(Arc::new(Self {
            provider,
            roots,
            usual,
            certificates: ArcSwap::default(),
            special: Mutex::default(),
        }))
    }

    /// Client certificates as they are configured now. One never changes; it comes and goes.
    pub(crate) fn take(&self, known: &BTreeMap<ClientCertificateId, Arc<ClientCertificate>>) {
        if **self.certificates.load() == *known {
            return;
        }
        self.certificates.store(Arc::new(known.clone()));
        self.lock().retain(|wanted, _| {
            let certificate = wanted.certificate.as_deref();
            certificate.is_none_or(|id| known.contains_key(id))
        });
    }

    /// The configuration for a backend.
    pub(super) fn config(&self, wanted: &OriginTls) -> Result<Arc<ClientConfig>, TrustError> {
        if *wanted == OriginTls::default() {
            return Ok(Arc::clone(&self.usual));
        }
        if let Some(made) = self.lock().get(wanted) {
            return Ok(Arc::clone(made));
        }
        let certificates = self.certificates.load();
        let shown = wanted.certificate.as_deref().map(|id| {
            let found = certificates.get(id);
            found.ok_or_else(|| TrustError::Certificate(id.into()))
        });
        let shown = shown.transpose()?.map(|found| &**found);
        let made = config((&self.provider, &self.roots), wanted, shown)?;
        self.lock().insert(wanted.clone(), Arc::clone(&made));
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OriginTls, Arc<ClientConfig>>> {
        self.special.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn trusted(extra_ca_pem: Option<&[u8]>) -> Result<RootCertStore, TrustError> {
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
    Ok(roots)
}

/// HTTP/2 preferred over HTTP/1.1.
fn config(
    (provider, roots): (&Arc<CryptoProvider>, &Arc<RootCertStore>),
    wanted: &OriginTls,
    shown: Option<&ClientCertificate>,
) -> Result<Arc<ClientConfig>, TrustError> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Tls)?;
    let builder = if wanted.any_authority {
        let verifier = AnyAuthority(Arc::clone(provider));
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        builder.with_root_certificates(Arc::clone(roots))
    };
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let pem = shown.certificate_pem.as_bytes();
            let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
            let key = PrivatePkcs8KeyDer::from(shown.key_der.clone());
            builder
                .with_client_auth_cert(chain.map_err(TrustError::Pem)?, PrivateKeyDer::from(key))
                .map_err(TrustError::Tls)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Takes certificates of any authority that the backend itself brings along, as integrations may
/// ask for (`insecureSkipVerification`). Names and times are verified all the same, as at Amazon.
#[derive(Debug)]
struct AnyAuthority(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut brought = RootCertStore::empty();
        let all = intermediates.iter().chain([end_entity]);
        brought.add_parsable_certificates(all.map(|one| one.clone().into_owned()));
        let brought = Arc::new(brought);
        let verifier = WebPkiServerVerifier::builder_with_provider(brought, Arc::clone(&self.0));
        let verifier = verifier
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
