//! The management API's listeners: plain ones for this machine, and ones over TLS for everyone.
//!
//! The certificate is the operator's, read again when its file changes, or one that the cluster's
//! authority issues for this node's names and addresses. An issued one lives in memory alone: a
//! node that starts again gets another. HTTP/3 is not spoken here.

use std::{
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use ledger::Ledger;
use link::{Authority, ServerNames};
use model::Config;
use serve::{CertEntry, CertStore, ListenerSettings};

use crate::settings::{Region as RegionSection, Settings};

/// Life of an issued certificate.
const TTL: Duration = Duration::from_secs(90 * 24 * 3600);
/// After so long it is replaced.
const RENEW_AFTER: Duration = Duration::from_secs(60 * 24 * 3600);
/// Between two looks at the operator's files.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Who answers TLS handshakes of the management API, and with what.
pub(super) struct Management {
    section: RegionSection,
    /// This node's own addresses, as others know them.
    addresses: Vec<IpAddr>,
    certificates: Arc<CertStore>,
}

impl Management {
    pub(super) fn new(settings: &Settings, section: &RegionSection) -> anyhow::Result<Self> {
        let listens = [Some(section.management), section.management_https];
        let listens = listens.into_iter().flatten().map(|addr| addr.ip());
        let known = listens
            .chain([super::common::advertised(settings).ip()])
            .chain(section.public.iter().copied())
            .chain([IpAddr::from([127, 0, 0, 1])]);
        let mut addresses: Vec<IpAddr> = known.filter(|ip| !ip.is_unspecified()).collect();
        addresses.sort();
        addresses.dedup();
        let management = Self {
            section: section.clone(),
            addresses,
            certificates: Arc::new(CertStore::new()),
        };
        if let Some((chain, key)) = management.files() {
            install(&management.certificates, read(chain, key)?)?;
        }
        Ok(management)
    }

    pub(super) fn listeners(&self) -> Vec<ListenerSettings> {
        let plain = ListenerSettings::plain("management", self.section.management);
        let secure = self.section.management_https.map(|addr| {
            ListenerSettings::tls("management-https", addr, Arc::clone(&self.certificates))
        });
        std::iter::once(plain).chain(secure).collect()
    }

    fn files(&self) -> Option<(&Path, &Path)> {
        let chain = self.section.management_certificate_file.as_deref();
        chain.zip(self.section.management_key_file.as_deref())
    }

    /// Keeps the certificate good for as long as it is polled.
    pub(super) async fn keep(self, ledger: Ledger, region: String) {
        if self.section.management_https.is_none() {
            return;
        }
        match self.files() {
            Some((chain, key)) => self.follow_files(chain, key).await,
            None => self.issue_again_and_again(ledger, &region).await,
        }
    }

    async fn follow_files(&self, chain: &Path, key: &Path) {
        let changed = || {
            let time = |file: &Path| std::fs::metadata(file).and_then(|facts| facts.modified());
            (time(chain).ok(), time(key).ok())
        };
        let mut known = changed();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = changed();
            if now == known {
                continue;
            }
            let read = read(chain, key);
            match read.and_then(|entry| install(&self.certificates, entry)) {
                Ok(()) => {
                    known = now;
                    tracing::info!("the management API has another certificate");
                }
                // Half-written, perhaps: the next look tries again.
                Err(error) => tracing::error!("{error:#}; keeping the certificate before"),
            }
        }
    }

    async fn issue_again_and_again(&self, ledger: Ledger, region: &str) {
        let mut config = ledger.config();
        drop(ledger);
        loop {
            let newest = Arc::clone(&config.borrow_and_update());
            if newest.cluster.is_none() {
                // Nobody can sign before the cluster has been set up.
                if config.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let issued = self.issue(&newest, region);
            let wait = match issued.and_then(|entry| install(&self.certificates, entry)) {
                Ok(()) => RENEW_AFTER,
                Err(error) => {
                    tracing::error!("cannot issue the management API's certificate: {error:#}");
                    LOOK_EVERY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn issue(&self, config: &Config, region: &str) -> anyhow::Result<CertEntry> {
        let cluster = config.cluster.as_ref().context("there is no cluster")?;
        let (certificate, key) = (
            &cluster.authority.certificate_der,
            &cluster.authority.key_der,
        );
        let authority = Authority::from_der(certificate, key)?;
        let mut dns = vec![
            format!("management.{region}.{}", cluster.base_domain),
            "localhost".to_owned(),
        ];
        let mut ips = self.addresses.clone();
        let url = self.section.management_url.as_deref();
        let url: Option<http::Uri> = url.and_then(|url| url.parse().ok());
        if let Some(host) = url.as_ref().and_then(http::Uri::host) {
            match host.trim_matches(['[', ']']).parse() {
                Ok(ip) => ips.push(ip),
                Err(_) => dns.push(host.to_ascii_lowercase()),
            }
        }
        let issued = authority.issue_server(&ServerNames { dns, ips }, TTL, SystemTime::now())?;
        Ok(CertEntry {
            names: vec!["*".to_owned()],
            chain: issued.chain,
            key: issued.key,
        })
    }
}

fn read(chain: &Path, key: &Path) -> anyhow::Result<CertEntry> {
    let bytes = |name: &str, file: &Path| {
        std::fs::read(file)
            .with_context(|| format!("settings key 'region.{name}': {}", file.display()))
    };
    let chain = bytes("management_certificate_file", chain)?;
    let key = bytes("management_key_file", key)?;
    let entry = CertEntry::from_pem(vec!["*".to_owned()], &chain, &key);
    entry.context("settings keys 'region.management_certificate_file' and '..key_file'")
}

fn install(store: &CertStore, entry: CertEntry) -> anyhow::Result<()> {
    match store.replace(vec![entry]).into_iter().next() {
        None => Ok(()),
        Some(error) => bail!("the management API's certificate cannot be used: {error}"),
    }
}
