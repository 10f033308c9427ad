//! A node's certificate, key and the CA it trusts, and where they are kept on disk.
//!
//! Files are `node.pem`, `node.key` and `ca.pem` in one directory, readable by the owner only.
//! The key file is written first and all three through a rename, so that a crash leaves either
//! the old or the new set, or a pair that [`Credentials::load`] refuses. It deliberately does
//! not decide when to renew; it only says when it is due.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::digest;
use crate::identity::{IdentityError, NodeIdentity};

/// The file with the node's certificate chain.
pub const CHAIN_FILE: &str = "node.pem";
/// The file with the node's key.
pub const KEY_FILE: &str = "node.key";
/// The file with the cluster's CA certificate.
pub const CA_FILE: &str = "ca.pem";

/// The most certificates in a chain.
pub(crate) const CHAIN_MAX: usize = 8;

const SECRET_MODE: u32 = 0o600;

/// Why credentials are not usable.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file could not be read or written.
    #[error("credential file {file} cannot be accessed")]
    File {
        /// The file's name.
        file: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is not PEM of the right kind.
    #[error("credential file {file} is not readable as pem")]
    Pem {
        /// The file's name.
        file: &'static str,
    },
    /// The chain is empty, too long or not parseable.
    #[error("certificate chain is empty, too long or not parseable")]
    Chain,
    /// The key is not readable.
    #[error("private key is not readable")]
    Key,
    /// The key does not belong to the certificate.
    #[error("private key does not belong to the certificate")]
    KeyMismatch,
    /// The leaf was not signed by the given CA.
    #[error("certificate is not signed by the given authority")]
    OtherAuthority,
    /// The certificate's identity is unusable.
    #[error("certificate has no usable identity")]
    Identity(#[from] IdentityError),
    /// A key or request could not be made.
    #[error("certificate request cannot be made")]
    Request(#[from] rcgen::Error),
}

/// A fresh key and the signing request (CSR) for it, for joining and for renewal.
pub struct CertificateRequest {
    key_der: Vec<u8>,
    csr_der: Vec<u8>,
}

impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateRequest").finish_non_exhaustive()
    }
}

impl CertificateRequest {
    /// A new P-256 key and a request for it. The request names no identity: the authority
    /// chooses it.
    pub fn fresh() -> Result<Self, CredentialError> {
        let key = KeyPair::generate()?;
        let csr = CertificateParams::default().serialize_request(&key)?;
        Ok(Self {
            key_der: key.serialize_der(),
            csr_der: csr.der().to_vec(),
        })
    }

    /// The request as DER.
    pub fn csr_der(&self) -> &[u8] {
        &self.csr_der
    }
}

/// What one node shows and trusts. Immutable; a renewal makes a new one.
pub struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    ca: CertificateDer<'static>,
    identity: NodeIdentity,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Credentials");
        out.field("identity", &self.identity)
            .field("not_after", &self.not_after);
        out.finish_non_exhaustive()
    }
}

impl Credentials {
    /// Puts the parts together and checks that they belong together: the key to the leaf, the
    /// leaf to the CA, and one identity in the leaf.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        ca: CertificateDer<'static>,
    ) -> Result<Self, CredentialError> {
        let leaf = match chain.first() {
            Some(leaf) if chain.len() <= CHAIN_MAX => leaf,
            _ => return Err(CredentialError::Chain),
        };
        let identity = NodeIdentity::from_certificate(leaf)?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(leaf).map_err(|_| CredentialError::Chain)?;
        let (_, issuer) =
            x509_parser::parse_x509_certificate(&ca).map_err(|_| CredentialError::Chain)?;
        if parsed.verify_signature(Some(issuer.public_key())).is_err() {
            return Err(CredentialError::OtherAuthority);
        }
        let pair = KeyPair::try_from(&key).map_err(|_| CredentialError::Key)?;
        if parsed.public_key().subject_public_key.data.as_ref() != pair.public_key_raw() {
            return Err(CredentialError::KeyMismatch);
        }
        let validity = parsed.validity();
        let not_before = to_time(validity.not_before.timestamp());
        let not_after = to_time(validity.not_after.timestamp());
        Ok(Self {
            chain,
            key,
            ca,
            identity,
            not_before,
            not_after,
        })
    }

    /// The answer to `request`: the signed chain and the CA.
    pub fn from_csr(
        request: &CertificateRequest,
        chain_der: Vec<Vec<u8>>,
        ca_der: Vec<u8>,
    ) -> Result<Self, CredentialError> {
        let key =
            PrivateKeyDer::try_from(request.key_der.clone()).map_err(|_| CredentialError::Key)?;
        let chain = chain_der.into_iter().map(CertificateDer::from).collect();
        Self::new(chain, key, CertificateDer::from(ca_der))
    }

    /// Reads the three files of `dir`.
    pub fn load(dir: &Path) -> Result<Self, CredentialError> {
        let chain = read(dir, CHAIN_FILE)?;
        let chain = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| CredentialError::Pem { file: CHAIN_FILE })?;
        let key = PrivateKeyDer::from_pem_slice(&read(dir, KEY_FILE)?)
            .map_err(|_| CredentialError::Pem { file: KEY_FILE })?;
        let ca = CertificateDer::from_pem_slice(&read(dir, CA_FILE)?)
            .map_err(|_| CredentialError::Pem { file: CA_FILE })?;
        Self::new(chain, key, ca)
    }

    /// Writes the three files into `dir`, which is made if needed.
    pub fn store(&self, dir: &Path) -> Result<(), CredentialError> {
        fs::create_dir_all(dir).map_err(|source| CredentialError::File {
            file: CHAIN_FILE,
            source,
        })?;
        write(
            dir,
            KEY_FILE,
            &digest::pem("PRIVATE KEY", self.key.secret_der()),
        )?;
        write(dir, CA_FILE, &self.ca_pem())?;
        let chain: String = self
            .chain
            .iter()
            .map(|cert| digest::pem("CERTIFICATE", cert))
            .collect();
        write(dir, CHAIN_FILE, &chain)
    }

    /// Who this node is.
    pub fn identity(&self) -> &NodeIdentity {
        &self.identity
    }

    /// When the certificate stops being valid.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// When to renew: after two thirds of the certificate's life.
    pub fn renew_at(&self) -> SystemTime {
        let life = self
            .not_after
            .duration_since(self.not_before)
            .unwrap_or_default();
        self.not_before
            .checked_add(life / 3 * 2)
            .unwrap_or(self.not_after)
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The CA certificate this node trusts.
    pub fn ca(&self) -> &CertificateDer<'static> {
        &self.ca
    }

    /// The CA certificate as PEM.
    pub fn ca_pem(&self) -> String {
        digest::pem("CERTIFICATE", &self.ca)
    }

    /// The SHA-256 of the CA certificate.
    pub fn ca_fingerprint(&self) -> [u8; 32] {
        digest::fingerprint(&self.ca)
    }

    /// A store that shows these credentials and trusts another authority.
    #[cfg(test)]
    pub(crate) fn trusting(mut self, ca: &CertificateDer<'static>) -> crate::CredentialStore {
        self.ca = ca.clone();
        crate::CredentialStore::new(self).expect("test credentials make a store")
    }

    pub(crate) fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }
}

pub(crate) fn to_time(unix_seconds: i64) -> SystemTime {
    let seconds = u64::try_from(unix_seconds).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn read(dir: &Path, file: &'static str) -> Result<Vec<u8>, CredentialError> {
    fs::read(dir.join(file)).map_err(|source| CredentialError::File { file, source })
}

fn write(dir: &Path, file: &'static str, text: &str) -> Result<(), CredentialError> {
    let replace = || -> io::Result<()> {
        let draft = dir.join(format!(".{file}.new"));
        match fs::remove_file(&draft) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(SECRET_MODE)
            .open(&draft)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&draft, dir.join(file))?;
        fs::File::open(dir)?.sync_all()
    };
    replace().map_err(|source| CredentialError::File { file, source })
}

#[cfg(test)]
mod tests;
