//! A certificate authority of the test's own, for domains that bring their certificate.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

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
