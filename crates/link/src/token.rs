//! The one-time join token that an operator carries to a new node.
//!
//! It holds where to dial, how to recognise the cluster's CA, and a secret. Text form:
//! `ewj1.` and base64url. The cluster stores only [`JoinToken::secret_hash`]. Whether the
//! token was used or has expired is deliberately not in it; the cluster knows.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bincode::{Decode, Encode};

use crate::digest::{self, NoRandomness};

/// The longest token text, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 4096;
/// The most addresses in a token.
pub(crate) const TOKEN_ADDRS_MAX: usize = 16;

const PREFIX: &str = "ewj1.";
const ID_BYTES: usize = 8;

/// Why a join token cannot be read or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin with `ewj1.`.
    #[error("join token does not begin with ewj1.")]
    Prefix,
    /// It is longer than 4096 bytes.
    #[error("join token is too long")]
    TooLong,
    /// What follows the prefix is damaged.
    #[error("join token is damaged")]
    Damaged,
    /// It has no address, or more than 16.
    #[error("join token must have 1 to 16 addresses")]
    Addrs,
    /// There were no random bytes.
    #[error("join token cannot be made without randomness")]
    Randomness(#[from] NoRandomness),
}

/// A one-time token with which a node joins a cluster. The whole of it is a secret.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinToken {
    /// The SHA-256 of the cluster's CA certificate.
    pub ca_sha256: [u8; 32],
    /// Names the token to the cluster; not a secret.
    pub id: String,
    /// Proves that the bearer has the token.
    pub secret: [u8; 32],
    /// Where regions listen for links.
    pub addrs: Vec<SocketAddr>,
}

impl JoinToken {
    /// A token with a fresh id and secret.
    pub fn fresh(ca_sha256: [u8; 32], addrs: Vec<SocketAddr>) -> Result<Self, TokenError> {
        if addrs.is_empty() || addrs.len() > TOKEN_ADDRS_MAX {
            return Err(TokenError::Addrs);
        }
        let id: [u8; ID_BYTES] = digest::random()?;
        Ok(Self {
            ca_sha256,
            id: URL_SAFE_NO_PAD.encode(id),
            secret: digest::random()?,
            addrs,
        })
    }

    /// What the cluster stores of the secret.
    pub fn secret_hash(&self) -> [u8; 32] {
        digest::hash_secret(&self.secret)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes =
            bincode::encode_to_vec(self, bincode::config::standard()).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let body = text.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|_| TokenError::Damaged)?;
        let config = bincode::config::standard().with_limit::<TOKEN_BYTES_MAX>();
        let (token, used): (Self, usize) =
            bincode::decode_from_slice(&bytes, config).map_err(|_| TokenError::Damaged)?;
        if used != bytes.len() {
            return Err(TokenError::Damaged);
        }
        if token.addrs.is_empty() || token.addrs.len() > TOKEN_ADDRS_MAX {
            return Err(TokenError::Addrs);
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests;
