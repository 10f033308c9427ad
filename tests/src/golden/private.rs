//! Private APIs in golden files: endpoints by names that stand for ids, which differ from cluster
//! to cluster, and by whose listener a case comes.

use serde::Deserialize;

/// A private endpoint of a file's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// `vpce-own`, which the API names, in network `vpc-golden`.
    Own,
    /// `vpce-other`, which it does not name, in no network that has been said.
    Other,
}

/// The ids that stand for `vpce-own` and `vpce-other` in files.
#[derive(Clone, Debug)]
pub struct EndpointIds {
    /// Of `vpce-own`.
    pub own: String,
    /// Of `vpce-other`.
    pub other: String,
}

impl EndpointIds {
    /// The network of `vpce-own`.
    pub const NETWORK: &str = "vpc-golden";

    pub(super) fn put_into(&self, text: &str) -> String {
        let text = text.replace("vpce-own", &self.own);
        text.replace("vpce-other", &self.other)
    }

    /// The id of one.
    #[must_use]
    pub fn of(&self, endpoint: Endpoint) -> &str {
        match endpoint {
            Endpoint::Own => &self.own,
            Endpoint::Other => &self.other,
        }
    }
}

impl Default for EndpointIds {
    fn default() -> Self {
        Self {
            own: "vpce-0123456789abcdef0".to_owned(),
            other: "vpce-00000000000000fa0".to_owned(),
        }
    }
}

/// Puts the parts of the API's own host into a text that names them.
pub(super) fn fill(text: &str, host: &str) -> String {
    let (api, below) = host.split_once('.').unwrap_or((host, ""));
    text.replace("{api}", api).replace("{below}", below)
}
