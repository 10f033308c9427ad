//! The certificates of TLS listeners, chosen by the name the client asks for (SNI).
//!
//! The store is replaced as a whole while connections are being accepted. It knows exact names,
//! one-label wildcards (`*.example.com`) and one default (`*`). Beside them it holds the policy of
//! each name, and the certificates that answer ACME challenges (RFC 8737), which only such
//! handshakes see. It does not issue, renew or read certificates from disk.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::names::Names;
use crate::policy::TlsPolicy;
use crate::tickets::{self, TicketKeys};

/// A certificate chain with its key, and the names it is served for.
#[derive(Debug)]
pub struct CertEntry {
    /// Exact names, wildcards of one label (`*.example.com`), or `*` for every other name and for
    /// clients that send none. Case does not matter.
    pub names: Vec<String>,
    /// The chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
}

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// The PEM text holds no usable certificate or key.
    #[error("reading certificate for {name} from pem")]
    Pem {
        /// The first name of the entry.
        name: String,
        /// What is wrong with the text.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// The key is of an unknown kind or does not belong to the certificate.
    #[error("loading key of certificate for {name}")]
    Key {
        /// The first name of the entry.
        name: String,
        /// What the crypto library says.
        #[source]
        source: rustls::Error,
    },
}

/// The protocol of an ACME challenge over TLS.
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// Certificates and policies by name, and the keys of session tickets. Share it in an `Arc` between
/// listeners and whoever replaces them: a session begun at one listener resumes at the others.
pub struct CertStore {
    certs: ArcSwap<Names<Arc<CertifiedKey>>>,
    policies: ArcSwap<Names<TlsPolicy>>,
    /// For names without a policy of their own.
    policy: TlsPolicy,
    ticket_key_life: Duration,
    /// Made with the first listener.
    tickets: OnceLock<Arc<TicketKeys>>,
    /// By name, for handshakes that speak `acme-tls/1` and nothing else.
    challenges: ArcSwap<HashMap<String, Arc<CertifiedKey>>>,
}

impl CertEntry {
    /// Reads a chain and a key (PKCS#8, PKCS#1 or SEC1) from PEM text.
    ///
    /// # Errors
    ///
    /// [`CertError::Pem`] if either is missing or broken.
    pub fn from_pem(names: Vec<String>, chain: &[u8], key: &[u8]) -> Result<Self, CertError> {
        let name = || names.first().cloned().unwrap_or_default();
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .and_then(|chain| match chain.is_empty() {
                true => Err(rustls_pki_types::pem::Error::NoItemsFound),
                false => Ok(chain),
            })
            .map_err(|source| CertError::Pem {
                name: name(),
                source,
            })?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| CertError::Pem {
            name: name(),
            source,
        })?;
        Ok(Self { names, chain, key })
    }
}

impl CertStore {
    /// An empty store: every handshake fails until it is filled.
    #[must_use]
    pub fn new() -> Self {
        Self::with(TlsPolicy::default(), tickets::LIFE_MAX)
    }

    /// An empty store that binds names without a policy of their own to `policy`, and whose ticket
    /// keys each seal for `ticket_key_life` (1 second to 6 hours) and open for as long again.
    #[must_use]
    pub fn with(policy: TlsPolicy, ticket_key_life: Duration) -> Self {
        Self {
            certs: ArcSwap::default(),
            policies: ArcSwap::default(),
            policy,
            ticket_key_life,
            tickets: OnceLock::new(),
            challenges: ArcSwap::default(),
        }
    }

    /// An empty store with these ticket keys.
    #[cfg(test)]
    pub(crate) fn with_tickets(keys: TicketKeys) -> Self {
        Self {
            tickets: OnceLock::from(Arc::new(keys)),
            ..Self::new()
        }
    }

    /// Replaces all certificates at once; connections that are open keep theirs.
    ///
    /// A broken entry does not spoil the others: it is reported, and its names keep the
    /// certificate they had before, if any.
    #[must_use = "the errors say which certificates are not served"]
    pub fn replace(&self, entries: Vec<CertEntry>) -> Vec<CertError> {
        let before = self.certs.load();
        let mut certs = Names::default();
        let mut errors = Vec::new();
        for entry in entries {
            let CertEntry { names, chain, key } = entry;
            match CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()) {
                Ok(loaded) => {
                    let loaded = Arc::new(loaded);
                    for name in &names {
                        certs.put(name, Arc::clone(&loaded));
                    }
                }
                Err(source) => {
                    for name in &names {
                        if let Some(old) = before.entry(name) {
                            certs.put(name, Arc::clone(old));
                        }
                    }
                    let name = names.into_iter().next().unwrap_or_default();
                    errors.push(CertError::Key { name, source });
                }
            }
        }
        self.certs.store(Arc::new(certs));
        errors
    }

    /// Replaces the certificates that answer ACME challenges. Names are exact ones.
    #[must_use = "the errors say which challenges are not answered"]
    pub fn replace_challenges(&self, entries: Vec<CertEntry>) -> Vec<CertError> {
        let mut challenges = HashMap::new();
        let mut errors = Vec::new();
        for entry in entries {
            let CertEntry { names, chain, key } = entry;
            // `from_der` would refuse the critical extension that makes it an answer.
            match aws_lc_rs::sign::any_supported_type(&key) {
                Ok(key) => {
                    let loaded = Arc::new(CertifiedKey::new(chain, key));
                    let names = names.iter().map(|name| name.to_ascii_lowercase());
                    challenges.extend(names.map(|name| (name, Arc::clone(&loaded))));
                }
                Err(source) => {
                    let name = names.into_iter().next().unwrap_or_default();
                    errors.push(CertError::Key { name, source });
                }
            }
        }
        self.challenges.store(Arc::new(challenges));
        errors
    }

    /// The certificate for `name` (any case), as a handshake would choose it. `None` asks for the
    /// default.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.certs.load().find(name).cloned()
    }

    /// Replaces the policies of names at once; connections that are open keep theirs. Names are
    /// written as those of a [`CertEntry`].
    pub fn replace_policies<'a>(&self, policies: impl IntoIterator<Item = (&'a str, TlsPolicy)>) {
        let mut names = Names::default();
        for (name, policy) in policies {
            names.put(name, policy);
        }
        self.policies.store(Arc::new(names));
    }

    /// The policy that a handshake for `name` (any case) is bound by.
    #[must_use]
    pub fn policy(&self, name: Option<&str>) -> TlsPolicy {
        let policies = self.policies.load();
        policies.find(name).copied().unwrap_or(self.policy)
    }

    /// The ticket keys that all listeners of this store share.
    pub(crate) fn tickets(&self) -> Result<Arc<TicketKeys>, rustls::Error> {
        if let Some(tickets) = self.tickets.get() {
            return Ok(Arc::clone(tickets));
        }
        let made = Arc::new(TicketKeys::new(self.ticket_key_life)?);
        Ok(Arc::clone(self.tickets.get_or_init(|| made)))
    }
}

impl Default for CertStore {
    fn default() -> Self {
        Self::new()
    }
}

impl ResolvesServerCert for CertStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if is_challenge(&hello) {
            // Never another certificate: the authority is to see that there is no answer.
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.challenges.load().get(&name).cloned();
        }
        self.find(hello.server_name())
    }
}

/// Whether an authority validates (RFC 8737, section 3): it offers this protocol alone.
fn is_challenge(hello: &ClientHello<'_>) -> bool {
    let Some(mut offered) = hello.alpn() else {
        return false;
    };
    offered.next() == Some(ACME_TLS) && offered.next().is_none()
}

impl fmt::Debug for CertStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exact, wildcard, default) = self.certs.load().counts();
        f.debug_struct("CertStore")
            .field("exact", &exact)
            .field("wildcard", &wildcard)
            .field("default", &default)
            .finish_non_exhaustive()
    }
}
