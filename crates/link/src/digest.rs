//! SHA-256, random bytes and PEM text: the few plain operations that certificates and join
//! tokens share. It deliberately offers no choice of algorithm.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

const PEM_LINE_BYTES: usize = 64;

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("random source gave no bytes")]
pub struct NoRandomness;

/// The SHA-256 digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// The SHA-256 of a DER certificate, as carried in join tokens.
pub fn fingerprint(cert_der: &[u8]) -> [u8; 32] {
    sha256(cert_der)
}

/// What is stored of a join token's secret, so that the store does not reveal the secret.
/// The secret has 256 random bits, so a plain (prefixed) hash is enough: there is nothing
/// to guess that a slow hash would protect.
pub fn hash_secret(secret: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"edgeway join secret 1\0");
    context.update(secret);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Compares two hashes in constant time.
pub fn same_hash(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut out = [0; N];
    rand::fill(&mut out).map_err(|_| NoRandomness)?;
    Ok(out)
}

/// PEM text (RFC 7468) of one DER object.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for (at, ch) in body.chars().enumerate() {
        if at > 0 && at % PEM_LINE_BYTES == 0 {
            out.push('\n');
        }
        out.push(ch);
    }
    out.push_str("\n-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

#[cfg(test)]
mod tests;
