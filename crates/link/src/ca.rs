//! The cluster's certificate authority: signs the nodes' and the client-facing certificates.
//!
//! A node certificate holds the identity the caller names; of a CSR only the public key is
//! used, so that a joining node cannot ask for another identity. It deliberately keeps no
//! list of what it has signed: node certificates are short-lived and not revoked.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
    SanType, SerialNumber,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use time::OffsetDateTime;

use crate::credentials::{CertificateRequest, CredentialError, Credentials};
use crate::digest::{self, NoRandomness};
use crate::identity::{IdentityError, NodeIdentity, check_name};

/// The DNS name in every node certificate; all nodes are dialled under it, because what tells
/// them apart is the identity and not a host name.
pub const NODE_NAME: &str = "node.edgeway";

/// How far before `now` a certificate becomes valid, for nodes whose clocks are behind.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// The most names one client-facing certificate may have.
pub(crate) const SERVER_NAMES_MAX: usize = 256;

/// The longest CSR accepted, in bytes.
pub(crate) const CSR_BYTES_MAX: usize = 8 * 1024;

const CA_NAME_PREFIX: &str = "Edgeway CA ";

/// Why the authority could not be loaded or would not sign.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The CA certificate is not one of an Edgeway authority.
    #[error("authority certificate is not readable as an edgeway authority")]
    Certificate,
    /// The CA key cannot be read, or does not belong to the certificate.
    #[error("authority key does not belong to the authority certificate")]
    Key,
    /// The CSR is malformed, too long, or not signed by its own key.
    #[error("certificate request is malformed or has a wrong signature")]
    Csr,
    /// The identity to sign belongs to another cluster.
    #[error("identity belongs to another cluster")]
    OtherCluster,
    /// The names of a client-facing certificate are empty, too many, or reserved.
    #[error("server names are empty, too many or reserved")]
    Names,
    /// The validity cannot be expressed.
    #[error("certificate validity is out of range")]
    Validity,
    /// The identity has a bad name.
    #[error("identity cannot be signed")]
    Identity(#[from] IdentityError),
    /// There were no random bytes.
    #[error("certificate cannot be made without randomness")]
    Randomness(#[from] NoRandomness),
    /// The new credentials could not be put together.
    #[error("credentials cannot be put together")]
    Credentials(#[from] CredentialError),
    /// Signing failed.
    #[error("certificate cannot be signed")]
    Sign(#[from] rcgen::Error),
}

/// The names a client-facing certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerNames {
    /// DNS names; a wildcard such as `*.edgeway.test` is allowed.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
}

/// A client-facing certificate with its key.
#[derive(Debug)]
pub struct IssuedServer {
    /// The leaf, then the CA.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the leaf (PKCS #8).
    pub key: PrivateKeyDer<'static>,
    /// `chain` as PEM.
    pub chain_pem: String,
    /// `key` as PEM.
    pub key_pem: String,
}

/// A cluster's certificate authority, with its key.
pub struct Authority {
    cluster: String,
    cert: CertificateDer<'static>,
    cert_pem: String,
    key_der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority for `cluster`, valid for `ttl` from `now`.
    pub fn create(cluster: &str, ttl: Duration, now: SystemTime) -> Result<Self, CaError> {
        check_name(cluster)?;
        let key = KeyPair::generate()?;
        let mut params = blank(ttl, now)?;
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{CA_NAME_PREFIX}{cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key)?;
        Self::assemble(cert.der().clone(), key)
    }

    /// The authority stored as PEM text.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Self, CaError> {
        let cert = CertificateDer::from_pem_slice(cert_pem.as_bytes())
            .map_err(|_| CaError::Certificate)?;
        let key = KeyPair::from_pem(key_pem).map_err(|_| CaError::Key)?;
        Self::assemble(cert, key)
    }

    /// The authority stored as DER (the key as PKCS #8).
    pub fn from_der(cert: &[u8], key_pkcs8: &[u8]) -> Result<Self, CaError> {
        let key = KeyPair::try_from(key_pkcs8).map_err(|_| CaError::Key)?;
        Self::assemble(CertificateDer::from(cert.to_vec()), key)
    }

    fn assemble(cert: CertificateDer<'static>, key: KeyPair) -> Result<Self, CaError> {
        let (_, parsed) =
            x509_parser::parse_x509_certificate(&cert).map_err(|_| CaError::Certificate)?;
        let name = parsed
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .and_then(|name| name.strip_prefix(CA_NAME_PREFIX));
        let Some(cluster) = name.map(str::to_owned) else {
            return Err(CaError::Certificate);
        };
        check_name(&cluster)?;
        if !parsed.is_ca() {
            return Err(CaError::Certificate);
        }
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key_raw() {
            return Err(CaError::Key);
        }
        let cert_pem = digest::pem("CERTIFICATE", &cert);
        let key_der = key.serialize_der();
        let issuer = Issuer::from_ca_cert_der(&cert, key).map_err(|_| CaError::Certificate)?;
        Ok(Self {
            cluster,
            cert,
            cert_pem,
            key_der,
            issuer,
        })
    }

    /// The cluster this authority vouches for.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The CA certificate as DER.
    pub fn cert_der(&self) -> &CertificateDer<'static> {
        &self.cert
    }

    /// The CA certificate as PEM.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// The CA key as PKCS #8. A secret.
    pub fn key_der(&self) -> Vec<u8> {
        self.key_der.clone()
    }

    /// The CA key as PEM. A secret.
    pub fn key_pem(&self) -> String {
        digest::pem("PRIVATE KEY", &self.key_der)
    }

    /// The SHA-256 of the CA certificate, as in join tokens.
    pub fn fingerprint(&self) -> [u8; 32] {
        digest::fingerprint(&self.cert)
    }

    /// Signs a node certificate for the key of `csr_der` and for `identity`; returns the leaf
    /// and the CA. The CSR must be signed by its own key; its names are ignored.
    pub fn sign_csr(
        &self,
        csr_der: &[u8],
        identity: &NodeIdentity,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Vec<CertificateDer<'static>>, CaError> {
        if csr_der.len() > CSR_BYTES_MAX {
            return Err(CaError::Csr);
        }
        let csr = CertificateSigningRequestDer::from(csr_der);
        let csr = CertificateSigningRequestParams::from_der(&csr).map_err(|_| CaError::Csr)?;
        self.sign_node(&csr.public_key, identity, ttl, now)
    }

    /// A key and a certificate for `identity`, for a node on this machine.
    pub fn issue_node(
        &self,
        identity: &NodeIdentity,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Credentials, CaError> {
        let request = CertificateRequest::fresh()?;
        let chain = self.sign_csr(request.csr_der(), identity, ttl, now)?;
        let chain = chain.iter().map(|cert| cert.to_vec()).collect();
        Ok(Credentials::from_csr(&request, chain, self.cert.to_vec())?)
    }

    /// A client-facing certificate for `names`. It cannot be used between nodes.
    pub fn issue_server(
        &self,
        names: &ServerNames,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<IssuedServer, CaError> {
        let count = names.dns.len() + names.ips.len();
        let reserved = names.dns.iter().any(|name| covers_node_name(name));
        if count == 0 || count > SERVER_NAMES_MAX || reserved {
            return Err(CaError::Names);
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.dns.clone()).map_err(|_| CaError::Names)?;
        let blank = blank(ttl, now)?;
        params.not_before = blank.not_before;
        params.not_after = blank.not_after;
        params.serial_number = blank.serial_number;
        // The names are in the SAN; a common name longer than 64 would be refused by some.
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "Edgeway server");
        params
            .subject_alt_names
            .extend(names.ips.iter().map(|ip| SanType::IpAddress(*ip)));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let key_der = key.serialize_der();
        let key_pem = digest::pem("PRIVATE KEY", &key_der);
        Ok(IssuedServer {
            chain_pem: digest::pem("CERTIFICATE", leaf.der()) + &self.cert_pem,
            chain: vec![leaf.der().clone(), self.cert.clone()],
            key: PrivateKeyDer::try_from(key_der).map_err(|_| CaError::Key)?,
            key_pem,
        })
    }

    fn sign_node(
        &self,
        key: &impl PublicKeyData,
        identity: &NodeIdentity,
        ttl: Duration,
        now: SystemTime,
    ) -> Result<Vec<CertificateDer<'static>>, CaError> {
        check_name(&identity.place)?;
        if identity.cluster != self.cluster {
            return Err(CaError::OtherCluster);
        }
        let mut params = blank(ttl, now)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "Edgeway node");
        params.subject_alt_names = vec![
            SanType::DnsName(NODE_NAME.try_into()?),
            SanType::URI(identity.to_uri().try_into()?),
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(key, &self.issuer)?;
        Ok(vec![leaf.der().clone(), self.cert.clone()])
    }
}

/// Whether a client-facing name would also be accepted where a node is expected.
fn covers_node_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == NODE_NAME || name == "*.edgeway"
}

/// Parameters with only validity and serial number set.
fn blank(ttl: Duration, now: SystemTime) -> Result<CertificateParams, CaError> {
    let from = now.checked_sub(CLOCK_SKEW).ok_or(CaError::Validity)?;
    let to = now.checked_add(ttl).ok_or(CaError::Validity)?;
    let mut serial: [u8; 16] = digest::random()?;
    // RFC 5280 4.1.2.2: positive and not zero.
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = to_date(from)?;
    params.not_after = to_date(to)?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn to_date(at: SystemTime) -> Result<OffsetDateTime, CaError> {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| CaError::Validity)?;
    let seconds = i64::try_from(since.as_secs()).map_err(|_| CaError::Validity)?;
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| CaError::Validity)
}

#[cfg(test)]
mod tests;
