//! How a node without an identity enters the cluster: by a token, or by what it can prove.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{SettingsError, check::bad};

/// Most addresses of regions.
const REGIONS_MAX: usize = 64;

/// How a node enters the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Join {
    /// A file that holds the token; `EDGEWAY_JOIN_TOKEN` goes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The join policy that the proof is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// SHA-256 of the cluster's authority, in hexadecimal: who is believed to be the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_sha256: Option<String>,
    /// Link addresses of regions to ask, `HOST:PORT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The place that the policy must be for; any unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Seconds for which a node that finds no region tries.
    pub patience_s: u64,
    /// What the node proves instead of showing a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// What a node can prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Identity {
    /// The identity document of an EC2 instance.
    Aws(Aws),
    /// A token of Google's metadata service.
    Gcp(Gcp),
    /// A token of Azure's metadata service.
    Azure(Azure),
    /// A token in a file, such as a projected one of a Kubernetes service account.
    Oidc(Oidc),
}

/// EC2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// The metadata service's URL; `http://169.254.169.254` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// Google's cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gcp {
    /// One of the policy's audiences.
    pub audience: String,
    /// The metadata service's URL; `http://metadata.google.internal` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// Azure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Azure {
    /// One of the policy's audiences: the URI of an application that is registered for it.
    pub resource: String,
    /// Which of several identities of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The metadata service's URL; `http://169.254.169.254` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// A token in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The file, read anew for each try.
    pub token_file: PathBuf,
}

impl Identity {
    const fn endpoint(&self) -> Option<&String> {
        match self {
            Self::Aws(aws) => aws.endpoint.as_ref(),
            Self::Gcp(gcp) => gcp.endpoint.as_ref(),
            Self::Azure(azure) => azure.endpoint.as_ref(),
            Self::Oidc(_) => None,
        }
    }
}

impl Join {
    /// By the token in a file.
    pub(crate) fn by_token(file: PathBuf) -> Self {
        Self {
            token_file: Some(file),
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let Some(identity) = &self.identity else {
            let given = [
                ("join.policy", self.policy.is_some()),
                ("join.ca_sha256", self.ca_sha256.is_some()),
                ("join.regions", !self.regions.is_empty()),
                ("join.place", self.place.is_some()),
            ];
            if let Some((key, _)) = given.iter().find(|(_, is_given)| *is_given) {
                return Err(bad(key, "only used together with join.identity"));
            }
            return Ok(());
        };
        if self.token_file.is_some() {
            return Err(bad("join", "give token_file or identity, not both"));
        }
        if self.policy.is_none() {
            return Err(bad("join.policy", "needed with join.identity: its name"));
        }
        self.authority()?;
        if !(1..=REGIONS_MAX).contains(&self.regions.len()) {
            let reason = format!("give 1 to {REGIONS_MAX} addresses, HOST:PORT");
            return Err(bad("join.regions", &reason));
        }
        let is_address = |text: &String| {
            let port = text
                .rsplit_once(':')
                .map(|(host, port)| (host, port.parse::<u16>()));
            matches!(port, Some((host, Ok(_))) if !host.is_empty())
        };
        if let Some(wrong) = self.regions.iter().find(|text| !is_address(text)) {
            return Err(bad(
                "join.regions",
                &format!("write HOST:PORT, not {wrong}"),
            ));
        }
        if let Some(endpoint) = identity.endpoint()
            && !endpoint.starts_with("http://")
        {
            let reason = "metadata services are reached by http:// and an address";
            return Err(bad("join.identity.endpoint", reason));
        }
        Ok(())
    }

    /// The hash of the cluster's authority.
    pub(crate) fn authority(&self) -> Result<[u8; 32], SettingsError> {
        let wrong = || {
            bad(
                "join.ca_sha256",
                "needed with join.identity: 64 hexadecimal digits",
            )
        };
        let text = self.ca_sha256.as_deref().ok_or_else(wrong)?;
        let text = text.replace(':', "");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(bytes)
    }
}

impl Default for Join {
    fn default() -> Self {
        Self {
            token_file: None,
            policy: None,
            ca_sha256: None,
            regions: Vec::new(),
            place: None,
            patience_s: 300,
            identity: None,
        }
    }
}
