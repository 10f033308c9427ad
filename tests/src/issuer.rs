//! A certificate authority of the test's own, for domains that bring their certificate.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// A root with one intermediate, as public authorities have.
pub struct TestIssuer {
    root_pem: String,
    intermediate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A leaf with what belongs to it, PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Leaf, then intermediate.
    pub chain: String,
    /// The leaf alone.
    pub leaf: String,
    /// The intermediate alone.
    pub intermediate: String,
    /// PKCS#8.
    pub key: String,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl TestIssuer {
    /// A new authority called `name`.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let root_key = KeyPair::generate()?;
        let root_params = authority(&format!("{name} root"));
        let root_pem = root_params.self_signed(&root_key)?.pem();
        let root = Issuer::new(root_params, root_key);
        let key = KeyPair::generate()?;
        let params = authority(&format!("{name} intermediate"));
        let intermediate_pem = params.signed_by(&key, &root)?.pem();
        Ok(Self {
            root_pem,
            intermediate_pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// What a client has to trust.
    #[must_use]
    pub fn root_pem(&self) -> &[u8] {
        self.root_pem.as_bytes()
    }

    /// A leaf for `names`.
    ///
    /// # Errors
    /// When a name is none.
    pub fn issue(&self, names: &[&str]) -> anyhow::Result<Issued> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "test leaf");
        let leaf = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued {
            chain: format!("{leaf}{}", self.intermediate_pem),
            leaf,
            intermediate: self.intermediate_pem.clone(),
            key: key.serialize_pem(),
        })
    }
}

impl Issued {
    /// A server that shows it, speaking HTTP/1.1.
    ///
    /// # Errors
    /// When the library refuses it.
    pub fn server_config(&self) -> anyhow::Result<rustls::ServerConfig> {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(config)
    }
}
