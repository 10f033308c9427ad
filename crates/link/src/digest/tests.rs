//! Digests against known values, and PEM as others write it.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::*;

#[test]
fn sha256_is_sha256() {
    // FIPS 180-4, "abc".
    assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(sha256(b"abc")[28..], [0xf2, 0x00, 0x15, 0xad]);
}

#[test]
fn a_secret_is_not_stored_as_its_plain_hash() {
    let (a, b) = (hash_secret(b"secret"), hash_secret(b"secreu"));
    assert_ne!(a, sha256(b"secret"));
    assert!(same_hash(&a, &hash_secret(b"secret")));
    assert!(!same_hash(&a, &b));
}

#[test]
fn pem_reads_back_at_every_length() {
    for length in [1, 47, 48, 49, 96, 97, 500] {
        let der = vec![7; length];
        let text = pem("CERTIFICATE", &der);
        assert!(text.lines().all(|line| line.len() <= PEM_LINE_BYTES));
        assert_eq!(
            CertificateDer::from_pem_slice(text.as_bytes())
                .unwrap()
                .as_ref(),
            der
        );
    }
}
