//! JSON Web Tokens, as far as a gateway judges them (RFC 7515, 7517, 7518 and 7519).
//!
//! The order is a matter of types: a [`Token`] says nothing but who signed it and how; only its
//! [`KeySet`] turns it into [`Claims`], and only those can be held against [`Rules`]. Deliberately
//! not here: encrypted tokens, keys that both sides know (`HS256`), unsigned tokens, and fetching
//! keys.

mod algorithm;
mod claims;
mod keys;
#[cfg(test)]
mod tests;
mod token;

pub use self::{
    algorithm::{Accepted, Algorithm},
    claims::{Audience, ClaimRule, Claims, Rules, bare},
    keys::{KEYS_BYTES_MAX, KEYS_MAX, KeySet, KeySetError},
    token::{TOKEN_BYTES_MAX, Token},
};

/// Why a token is not accepted. Closed; the names are metric labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the token is too long")]
    TooLong,
    /// Not three texts between dots.
    #[error("token contains an invalid number of segments")]
    Segments,
    /// A segment is not base64url, or not the JSON that it must be.
    #[error("the token is malformed")]
    Malformed,
    /// It wants something to be understood that is not.
    #[error("the token has critical headers that are not supported")]
    Critical,
    /// Signed in a way that is not accepted, or not at all.
    #[error("signing method {0} is invalid")]
    Algorithm(String),
    /// It does not say which key signed it.
    #[error("the token does not name its key")]
    NoKeyId,
    /// Its issuer has no such key.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// The key signs in other ways.
    #[error("the token's key does not sign with {0}")]
    KeyType(Algorithm),
    /// The signature is not of that key, or of another text.
    #[error("unable to verify signature")]
    Signature,
    /// Of somebody else.
    #[error("the token does not have a valid issuer")]
    Issuer,
    /// For somebody else.
    #[error("the token does not have a valid audience")]
    Audience,
    /// Its time is over, or it has none.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It was made in the future, or its times are no numbers.
    #[error("the token was issued in the future")]
    IssuedLater,
    /// A claim is missing or has another value.
    #[error("the token does not have a valid claim {0}")]
    Claim(Box<str>),
}

impl Refused {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::Segments | Self::Malformed => "token_malformed",
            Self::Critical => "token_critical",
            Self::Algorithm(_) => "token_algorithm",
            Self::NoKeyId => "token_no_key_id",
            Self::UnknownKey => "token_unknown_key",
            Self::KeyType(_) => "token_key_type",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
            Self::IssuedLater => "token_issued_later",
            Self::Claim(_) => "token_claim",
        }
    }
}
