//! Certificates by ACME (RFC 8555): what is configured, what is known of each, and the answers to
//! challenges that every node which serves the name has to give.
//!
//! The leader runs the orders; everything it must not forget is here, so that the next leader goes
//! on where it stopped. The account's key and the orders never leave the regions; answers to
//! challenges do, because that is what they are for.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Certificate, CertificateId, Config, EndpointType};

/// Certificates by ACME in this cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acme {
    /// None until an operator has chosen an authority.
    pub settings: Option<AcmeSettings>,
    /// Made at the first order with an authority.
    pub account: Option<AcmeAccount>,
    /// Answers to the challenges of orders that are running, by certificate.
    pub answers: BTreeMap<CertificateId, Vec<ChallengeAnswer>>,
}

/// Which authority, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeSettings {
    /// URL of the authority's directory, `https://`.
    pub directory: String,
    /// Such as `mailto:ops@example.com`.
    pub contact: Vec<String>,
    /// Roots to trust for the directory itself instead of the system's, PEM.
    pub roots_pem: Option<String>,
}

/// The cluster's account with an authority.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeAccount {
    /// The directory it was made at.
    pub directory: String,
    /// Its URL and private key, as the ACME library writes them. Never leaves the regions.
    pub credentials: String,
}

/// How control of a name is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeKind {
    /// A file over plain HTTP (RFC 8555, section 8.3).
    Http01,
    /// A certificate in a TLS handshake (RFC 8737).
    TlsAlpn01,
    /// A TXT record (RFC 8555, section 8.4).
    Dns01,
}

/// What is known of a certificate that ACME issues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeOrder {
    /// How control of its names is shown.
    pub challenge: ChallengeKind,
    /// Orders begun since the last success; also tells a late leader that it is late.
    pub attempt: u32,
    /// No order is begun before, milliseconds since 1970.
    pub next_ms: u64,
    /// An order is running, by the leader's word.
    pub running: bool,
    /// Why the last order failed.
    pub error: Option<String>,
}

/// The answer to a challenge.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeAnswer {
    /// The content of `/.well-known/acme-challenge/{token}`.
    Http {
        /// The name that is shown to be ours.
        name: String,
        /// The last part of the path.
        token: String,
        /// The content.
        content: String,
    },
    /// What a handshake for `name` with protocol `acme-tls/1` is answered with.
    Tls {
        /// The name that is shown to be ours.
        name: String,
        /// The certificate, DER.
        certificate_der: Vec<u8>,
        /// Its key, PKCS#8 DER; made for this challenge alone.
        key_der: Vec<u8>,
    },
    /// A TXT record of `_acme-challenge.{name}`.
    Dns {
        /// The name that is shown to be ours, without `*.`.
        name: String,
        /// The record's text.
        text: String,
    },
}

/// Changes around ACME.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcmeChange {
    /// Chooses the authority.
    Configure(AcmeSettings),
    /// Keeps the account that was made.
    KeepAccount(AcmeAccount),
    /// An order begins; refused if another leader began one since.
    Begin {
        /// For which certificate.
        certificate: CertificateId,
        /// The attempt that was read.
        attempt: u32,
        /// If nothing is heard until then, the order counts as lost.
        lost_ms: u64,
    },
    /// Replaces the answers to an order's challenges.
    Answer {
        /// Of which certificate.
        certificate: CertificateId,
        /// All of them.
        answers: Vec<ChallengeAnswer>,
    },
    /// An order failed; its answers are withdrawn.
    Fail {
        /// For which certificate.
        certificate: CertificateId,
        /// Why, in words for the operator.
        error: String,
        /// When to try again.
        next_ms: u64,
    },
    /// An order succeeded; its answers are withdrawn.
    Issue {
        /// With chain and key; keeps region, names and challenge of the one it replaces.
        certificate: Certificate,
        /// When to renew.
        next_ms: u64,
    },
}

impl Certificate {
    /// Whether there is something to answer handshakes with.
    #[must_use]
    pub const fn is_issued(&self) -> bool {
        !self.chain_der.is_empty()
    }
}

impl ChallengeKind {
    /// As RFC 8555 and RFC 8737 call it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Dns01 => "dns-01",
        }
    }

    /// From its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http01, Self::TlsAlpn01, Self::Dns01]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl ChallengeAnswer {
    /// The name that is shown to be ours.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Http { name, .. } | Self::Tls { name, .. } | Self::Dns { name, .. } => name,
        }
    }
}

/// Answers that a POP may be asked for: those for its domains, but no TXT records.
pub(crate) fn edge_challenges(config: &Config) -> BTreeMap<CertificateId, Vec<ChallengeAnswer>> {
    let on_pops = |answer: &&ChallengeAnswer| {
        let domain = config.domains.get(answer.name());
        domain.is_some_and(|domain| domain.endpoint == EndpointType::Edge)
            && !matches!(answer, ChallengeAnswer::Dns { .. })
    };
    let answers = config.acme.answers.iter().map(|(id, answers)| {
        let own: Vec<_> = answers.iter().filter(on_pops).cloned().collect();
        (id.clone(), own)
    });
    answers.filter(|(_, answers)| !answers.is_empty()).collect()
}

/// TXT records by full name.
pub(crate) fn zone_challenges(config: &Config) -> BTreeMap<String, Vec<String>> {
    let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for answer in config.acme.answers.values().flatten() {
        if let ChallengeAnswer::Dns { name, text } = answer {
            let texts = records.entry(format!("_acme-challenge.{name}"));
            texts.or_default().push(text.clone());
        }
    }
    records
}

// === redacted Debug ===

impl fmt::Debug for AcmeAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AcmeAccount")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChallengeAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ChallengeAnswer")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
