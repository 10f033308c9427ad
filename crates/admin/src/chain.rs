//! A certificate chain with its key, as people have them: read from PEM, put in order, checked.
//!
//! Keys may be PKCS#8, PKCS#1 (RSA) or SEC1 (EC) and are kept as PKCS#8. The leaf is the
//! certificate that the key belongs to, wherever it stands; its issuers follow by name. Whether
//! clients trust the chain is not looked at: it may well lead to a private root.

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{CertEntry, CertStore};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

use crate::limits::CHAIN_MAX;

/// A chain that can be served.
pub struct Chain {
    /// Leaf first, DER.
    pub chain_der: Vec<Vec<u8>>,
    /// PKCS#8 DER.
    pub key_der: Vec<u8>,
    /// DNS names of the leaf, lower case, sorted.
    pub names: Vec<String>,
    /// Milliseconds since 1970.
    pub not_before_ms: u64,
    /// Milliseconds since 1970.
    pub not_after_ms: u64,
}

/// Why a chain cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No certificate or key was found in the text.
    #[error("the PEM text is not usable: {0}")]
    Pem(#[from] serve::CertError),
    /// Longer than any real chain.
    #[error("at most {CHAIN_MAX} certificates make a chain")]
    TooLong,
    /// Not DER of a certificate.
    #[error("certificate {0} of the text cannot be read")]
    Unreadable(usize),
    /// The key belongs to none of the certificates.
    #[error("certificate and key do not fit: the key belongs to none of the certificates given")]
    Mismatch,
    /// The key is encrypted, or of a kind that TLS has no use for.
    #[error("the private key is of no kind that TLS can use: {0}")]
    Key(String),
    /// A certificate that issued none of the others.
    #[error(
        "the chain is broken: {subject} did not issue {below}; leave it out or add what is missing"
    )]
    Broken {
        /// Whose certificate is in the way.
        subject: String,
        /// The last certificate that fits.
        below: String,
    },
    /// Nothing to choose it by.
    #[error("the certificate has no DNS name in its subjectAltName")]
    NoName,
}

impl Chain {
    /// Reads, orders and checks.
    ///
    /// # Errors
    /// A sentence for whoever gave the text.
    pub fn read(chain_pem: &str, key_pem: &str) -> Result<Self, ChainError> {
        let entry = CertEntry::from_pem(Vec::new(), chain_pem.as_bytes(), key_pem.as_bytes())?;
        Self::order(entry.chain, &entry.key)
    }

    fn order(
        mut given: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'static>,
    ) -> Result<Self, ChainError> {
        if given.len() > CHAIN_MAX {
            return Err(ChainError::TooLong);
        }
        for (at, one) in given.iter().enumerate() {
            X509Certificate::from_der(one).map_err(|_| ChainError::Unreadable(at + 1))?;
        }
        let (leaf, key_der) = leaf_of(&given, key)?;
        let mut chain = vec![given.remove(leaf)];
        // A leaf given twice is a common slip of those who join files.
        given.retain(|one| chain.first() != Some(one));
        while !given.is_empty() {
            let last = chain.last().map_or(&[][..], AsRef::as_ref);
            let next = given.iter().position(|one| issued(one, last));
            let Some(next) = next else {
                let subject = given.first().map(subject_of).unwrap_or_default();
                let below = chain.last().map(subject_of).unwrap_or_default();
                return Err(ChainError::Broken { subject, below });
            };
            chain.push(given.remove(next));
        }
        let first = chain.first().map_or(&[][..], AsRef::as_ref);
        let facts = facts(first)?;
        Ok(Self {
            names: facts.names,
            not_before_ms: facts.not_before_ms,
            not_after_ms: facts.not_after_ms,
            chain_der: chain.iter().map(|one| one.to_vec()).collect(),
            key_der,
        })
    }
}

/// The certificates of a PEM text, as roots to trust.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    use rustls_pki_types::pem::PemObject as _;
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| error.to_string())?;
    let readable = |one: &CertificateDer<'_>| X509Certificate::from_der(one).is_ok();
    if all.is_empty() || !all.iter().all(readable) {
        return Err("no certificate can be read".to_owned());
    }
    Ok(all)
}

/// Which of the certificates the key belongs to, and the key as PKCS#8.
fn leaf_of(
    given: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<(usize, Vec<u8>), ChainError> {
    let mut last = None;
    for (at, certificate) in given.iter().enumerate() {
        let Some(key_der) = pkcs8(key, certificate) else {
            continue;
        };
        let entry = CertEntry {
            names: Vec::new(),
            chain: vec![certificate.clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_der.clone())),
        };
        // Loading it tells whether the key belongs to the certificate.
        match CertStore::new().replace(vec![entry]).pop() {
            None => return Ok((at, key_der)),
            Some(serve::CertError::Key { source, .. }) => last = Some(source),
            Some(other) => return Err(ChainError::Pem(other)),
        }
    }
    match last {
        None | Some(rustls::Error::InconsistentKeys(_)) => Err(ChainError::Mismatch),
        Some(other) => Err(ChainError::Key(other.to_string())),
    }
}

/// The key as PKCS#8 (RFC 5208): version, the algorithm as the certificate names it, the key. None
/// if the certificate's key is of another kind.
fn pkcs8(key: &PrivateKeyDer<'static>, certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (wanted, inner) = match key {
        PrivateKeyDer::Pkcs8(key) => return Some(key.secret_pkcs8_der().to_vec()),
        PrivateKeyDer::Pkcs1(key) => ("1.2.840.113549.1.1.1", key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => ("1.2.840.10045.2.1", key.secret_sec1_der()),
        _ => return None,
    };
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let public = parsed.public_key();
    if public.algorithm.algorithm.to_id_string() != wanted {
        return None;
    }
    // SubjectPublicKeyInfo begins with the same AlgorithmIdentifier.
    let algorithm = first_inside(public.raw)?;
    let body = [&[2, 1, 0], algorithm, &der(0x04, inner)].concat();
    Some(der(0x30, &body))
}

/// The first element inside a DER element, with its header.
fn first_inside(element: &[u8]) -> Option<&[u8]> {
    let (_, content) = split(element)?;
    let (length, _) = split(content)?;
    content.get(..length)
}

/// Length of a DER element with its header, and its content.
fn split(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let first = usize::from(*bytes.get(1)?);
    let (header, length) = if first < 0x80 {
        (2, first)
    } else {
        let count = first & 0x7f;
        let digits = bytes
            .get(2..2 + count)
            .filter(|_| (1..=3).contains(&count))?;
        let length = digits
            .iter()
            .fold(0, |all, byte| all << 8 | usize::from(*byte));
        (2 + count, length)
    };
    Some((header + length, bytes.get(header..header + length)?))
}

/// A DER element.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match digits.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        // A key has less than 2^64 bytes, so there are at most eight digits.
        _ => {
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend(&digits);
        }
    }
    out.extend(content);
    out
}

fn issued(issuer: &CertificateDer<'_>, below: &[u8]) -> bool {
    let issuer = X509Certificate::from_der(issuer);
    let (Ok((_, issuer)), Ok((_, below))) = (issuer, X509Certificate::from_der(below)) else {
        return false;
    };
    issuer.subject().as_raw() == below.issuer().as_raw()
        && below.verify_signature(Some(issuer.public_key())).is_ok()
}

fn subject_of(certificate: &CertificateDer<'static>) -> String {
    X509Certificate::from_der(certificate)
        .map(|(_, certificate)| certificate.subject().to_string())
        .unwrap_or_default()
}

struct Facts {
    names: Vec<String>,
    not_before_ms: u64,
    not_after_ms: u64,
}

/// The DNS names and the life of a certificate.
fn facts(der: &[u8]) -> Result<Facts, ChainError> {
    let unreadable = ChainError::Unreadable(1);
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Err(unreadable);
    };
    let Ok(extension) = certificate.subject_alternative_name() else {
        return Err(unreadable);
    };
    let all = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    let mut names: Vec<String> = all
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(ChainError::NoName);
    }
    let ms = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
    let validity = certificate.validity();
    Ok(Facts {
        names,
        not_before_ms: ms(validity.not_before.timestamp()),
        not_after_ms: ms(validity.not_after.timestamp()),
    })
}
