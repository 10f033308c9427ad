//! What the names of TLS policies stand for at our listeners.
//!
//! The lists follow Amazon's tables as far as the TLS library goes: it has no TLS 1.0 and 1.1, no
//! CBC suites and no key exchange by RSA, so a name that allows those is served by what is left of
//! its list. `docs/aws-behaviour.md` has the table.

use std::time::Duration;

use model::SecurityPolicy;
use serve::{CertStore, TlsGroups, TlsPolicy, TlsSuites, TlsVersions};

use crate::settings::Tls;

/// An empty store for a role's listeners.
pub(super) fn store(settings: Tls) -> CertStore {
    let life = Duration::from_secs(settings.ticket_key_life_s);
    CertStore::with(policy(settings.policy), life)
}

/// Binds each name to what its policy stands for.
pub(super) fn install<'a>(
    store: &CertStore,
    names: impl Iterator<Item = (&'a str, SecurityPolicy)>,
) {
    store.replace_policies(names.map(|(name, named)| (name, policy(named))));
}

fn policy(named: SecurityPolicy) -> TlsPolicy {
    use SecurityPolicy as Named;
    let (versions, suites, groups) = match named {
        // Amazon's EDGE endpoints take ChaCha20-Poly1305 in TLS 1.2, its REGIONAL ones do not; a
        // name of ours may be reached at both.
        Named::Tls10 | Named::Tls12 | Named::Edge12Pfs | Named::Edge12Of2018 => {
            (TlsVersions::From12, TlsSuites::All, TlsGroups::Hybrid)
        }
        Named::Edge13 => (TlsVersions::Only13, TlsSuites::All, TlsGroups::Hybrid),
        Named::Only13 => (TlsVersions::Only13, TlsSuites::All, TlsGroups::Classic),
        Named::Only13Fips => (TlsVersions::Only13, TlsSuites::Aes, TlsGroups::Nist),
        Named::From12PfsPq | Named::From12Pq | Named::From12Ext2Pq => {
            (TlsVersions::From12, TlsSuites::Aes12, TlsGroups::Hybrid)
        }
        Named::From12Of2021 => (TlsVersions::From12, TlsSuites::Aes12, TlsGroups::Classic),
        Named::From12FipsPq | Named::From12FipsPfsPq | Named::From12Ext2FipsPq => {
            (TlsVersions::From12, TlsSuites::Aes, TlsGroups::NistHybrid)
        }
    };
    TlsPolicy {
        versions,
        suites,
        groups,
    }
}

#[cfg(test)]
mod tests;
