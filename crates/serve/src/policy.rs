//! What a client must be able to speak: versions, suites and key exchange groups of TLS.
//!
//! A policy is a choice from three short lists, so that all of them can be prepared before the
//! first handshake. What the library cannot do is in no list: TLS 1.0 and 1.1, CBC suites, key
//! exchange by RSA. Names of policies are not known here.

use rustls::SupportedProtocolVersion;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group as group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{CipherSuite, SupportedCipherSuite};

/// A TLS policy. The default takes all that the library can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsPolicy {
    /// Versions of the protocol.
    pub versions: TlsVersions,
    /// Cipher suites.
    pub suites: TlsSuites,
    /// Key exchange groups.
    pub groups: TlsGroups,
}

/// Versions of TLS. Over QUIC there is only 1.3, which every policy takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    From12,
    /// 1.3 alone.
    Only13,
}

/// Cipher suites. All have forward secrecy and authenticate what they encrypt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsSuites {
    /// AES-GCM and ChaCha20-Poly1305.
    #[default]
    All,
    /// The same, but TLS 1.2 without ChaCha20-Poly1305.
    Aes12,
    /// AES-GCM alone; TLS 1.2 with the extended master secret only (RFC 7627).
    Aes,
}

/// Key exchange groups, in the order of preference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsGroups {
    /// X25519MLKEM768, then those of `Classic`.
    #[default]
    Hybrid,
    /// X25519, P-256, P-384.
    Classic,
    /// P-256, P-384.
    Nist,
    /// X25519MLKEM768 and SecP256r1MLKEM768, then those of `Nist`.
    NistHybrid,
}

impl TlsPolicy {
    /// How many there are.
    pub(crate) const COUNT: usize = 2 * 3 * 4;

    /// All of them, each at its own [`index`](Self::index).
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let versions = [TlsVersions::From12, TlsVersions::Only13];
        let suites = [TlsSuites::All, TlsSuites::Aes12, TlsSuites::Aes];
        let groups = [
            TlsGroups::Hybrid,
            TlsGroups::Classic,
            TlsGroups::Nist,
            TlsGroups::NistHybrid,
        ];
        versions.into_iter().flat_map(move |versions| {
            suites.into_iter().flat_map(move |suites| {
                groups.into_iter().map(move |groups| Self {
                    versions,
                    suites,
                    groups,
                })
            })
        })
    }

    /// Its place among all, below [`COUNT`](Self::COUNT).
    pub(crate) const fn index(self) -> usize {
        (self.versions as usize * 3 + self.suites as usize) * 4 + self.groups as usize
    }

    pub(crate) fn protocol_versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: [&SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        static NEWER: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self.versions {
            TlsVersions::From12 => &BOTH,
            TlsVersions::Only13 => &NEWER,
        }
    }

    /// Sessions whose keys are not bound to their handshake are refused.
    pub(crate) fn needs_extended_master_secret(self) -> bool {
        self.suites == TlsSuites::Aes
    }

    /// The library's algorithms, cut down to what the policy takes.
    pub(crate) fn provider(self) -> CryptoProvider {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| self.takes(*suite));
        provider.kx_groups = self.kx_groups();
        provider
    }

    fn takes(self, suite: SupportedCipherSuite) -> bool {
        let chacha = matches!(
            suite.suite(),
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        );
        match self.suites {
            TlsSuites::All => true,
            TlsSuites::Aes12 => !chacha || suite == suite::TLS13_CHACHA20_POLY1305_SHA256,
            TlsSuites::Aes => !chacha,
        }
    }

    fn kx_groups(self) -> Vec<&'static dyn SupportedKxGroup> {
        match self.groups {
            TlsGroups::Hybrid => vec![
                group::X25519MLKEM768,
                group::X25519,
                group::SECP256R1,
                group::SECP384R1,
            ],
            TlsGroups::Classic => vec![group::X25519, group::SECP256R1, group::SECP384R1],
            TlsGroups::Nist => vec![group::SECP256R1, group::SECP384R1],
            TlsGroups::NistHybrid => vec![
                group::X25519MLKEM768,
                group::SECP256R1MLKEM768,
                group::SECP256R1,
                group::SECP384R1,
            ],
        }
    }
}

#[cfg(test)]
mod tests;
