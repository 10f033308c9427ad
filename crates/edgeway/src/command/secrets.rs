//! The secrets that a cluster begins with: its authority and its first admin key.
//!
//! Made by `init`, or before it and elsewhere, so that whoever provisions machines knows them
//! before there is a machine. Where they are kept is that one's business; nothing here stores them.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use link::{Authority, Credentials};
use model::AccessKey;
use serde::{Deserialize, Serialize};

use super::say;

/// Life of the cluster's authority.
const AUTHORITY_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
const ID_PREFIX: &str = "AKIA";
const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_LENGTH: usize = 16;
const SECRET_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SECRET_LENGTH: usize = 40;

/// Options of `secrets`.
#[derive(clap::Args)]
pub struct Options {
    /// The cluster's name: letters, digits and dashes.
    #[arg(long, default_value = "edgeway")]
    cluster: String,
}

/// The file that `init --secrets` reads.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsFile {
    ca_certificate_pem: String,
    ca_private_key_pem: String,
    access_key_id: String,
    secret_access_key: String,
}

/// What a cluster begins with.
pub(crate) struct Secrets {
    pub(super) authority: Authority,
    id: String,
    secret: String,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let made = Secrets::make(&options.cluster, SystemTime::now())?;
    say(&serde_json::to_string_pretty(&SecretsFile {
        ca_certificate_pem: made.authority.cert_pem().to_owned(),
        ca_private_key_pem: made.authority.key_pem(),
        access_key_id: made.id,
        secret_access_key: made.secret,
    })?)
}

impl Secrets {
    /// New ones.
    pub(super) fn make(cluster: &str, now: SystemTime) -> anyhow::Result<Self> {
        let id = random_text(ID_LENGTH, ID_LETTERS);
        Ok(Self {
            authority: Authority::create(cluster, AUTHORITY_TTL, now)?,
            id: format!("{ID_PREFIX}{id}"),
            secret: random_text(SECRET_LENGTH, SECRET_LETTERS),
        })
    }

    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(file).with_context(|| format!("--secrets {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("--secrets {}", file.display()))
    }

    fn parse(text: &[u8]) -> anyhow::Result<Self> {
        let file: SecretsFile = serde_json::from_slice(text)?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !(ID_LENGTH..=128).contains(&file.access_key_id.len()) || !plain(&file.access_key_id) {
            bail!("access_key_id: 16 to 128 letters and digits");
        }
        // Whoever guesses it owns the cluster.
        if !(SECRET_LENGTH..=128).contains(&file.secret_access_key.len()) {
            bail!("secret_access_key: 40 to 128 characters");
        }
        Ok(Self {
            authority: Authority::from_pem(&file.ca_certificate_pem, &file.ca_private_key_pem)?,
            id: file.access_key_id,
            secret: file.secret_access_key,
        })
    }

    pub(super) fn key(&self, now_ms: u64) -> AccessKey {
        AccessKey::unrestricted(self.id.as_str(), self.secret.as_str(), "admin", now_ms)
    }

    /// Whether a node of these secrets' cluster is in `data_dir`.
    pub(super) fn made_here(&self, data_dir: &Path) -> anyhow::Result<bool> {
        let folder = data_dir.join("identity");
        if !folder.join("node.pem").exists() {
            return Ok(false);
        }
        let known = Credentials::load(&folder)
            .with_context(|| format!("identity in {}", folder.display()))?;
        if known.ca_fingerprint() != self.authority.fingerprint() {
            bail!(
                "--data-dir {}: there is a node of another cluster",
                data_dir.display()
            );
        }
        Ok(true)
    }
}

fn random_text(length: usize, letters: &[u8]) -> String {
    (0..length)
        .map(|_| char::from(letters[rand::random_range(0..letters.len())]))
        .collect()
}

#[cfg(test)]
mod tests;
