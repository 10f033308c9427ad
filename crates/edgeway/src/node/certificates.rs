//! Keeps a listener's certificate store equal to what the configuration says.

use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{CertEntry, CertStore};

/// One certificate of a configuration or view.
pub(super) struct Source<'a> {
    pub(super) names: &'a [String],
    pub(super) chain_der: &'a [Vec<u8>],
    pub(super) key_der: &'a [u8],
    /// Also answers handshakes without a name that is known.
    pub(super) default: bool,
}

/// Replaces what `store` holds; unusable ones are logged and left out.
pub(super) fn install<'a>(store: &CertStore, sources: impl Iterator<Item = Source<'a>>) {
    let entries = sources.map(|source| {
        let mut names = source.names.to_vec();
        if source.default {
            names.push("*".to_owned());
        }
        let chain = source
            .chain_der
            .iter()
            .map(|der| CertificateDer::from(der.clone()));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(source.key_der.to_vec()));
        CertEntry {
            names,
            chain: chain.collect(),
            key,
        }
    });
    for error in store.replace(entries.collect()) {
        tracing::error!(%error, "a certificate cannot be used");
    }
}
