//! Whether a machine that proves something may become a node, and what is remembered of it.
//!
//! A proof is held against one policy, which its sender has named. What comes out is either an
//! admission that the cluster still has to agree to (a proof admits once), or a reason that names
//! the condition. Deliberately not here: fetching issuers' keys, and remembering.

mod aws;
mod oidc;
#[cfg(test)]
mod tests;

use lang::{aws::DocumentError, jwt};

pub use self::{
    aws::judge_instance,
    oidc::{Keys, judge_token, key_id, keys},
};

/// Longest text that stands for a proof in the configuration.
const SUBJECT_CHARS_MAX: usize = 400;

/// What a good proof amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// What is remembered of it, so that it admits once.
    pub subject: String,
    /// Milliseconds since 1970, from when on the policy refuses it anyhow.
    pub until_ms: u64,
}

/// Why a proof is not accepted. Closed; the names are metric labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is of another kind than the policy asks for.
    #[error("the join policy asks for another kind of proof ({0})")]
    Kind(&'static str),
    /// The document, or who signed it.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What the document says of the instance.
    #[error("the instance's {what} {value} is not one that the join policy allows")]
    Instance {
        /// Such as `account`.
        what: &'static str,
        /// What it is.
        value: String,
    },
    /// Started too long ago.
    #[error("the instance was started {age_s} s ago, and the join policy allows {age_s_max} s")]
    Age {
        /// Its age, seconds.
        age_s: u64,
        /// The most.
        age_s_max: u32,
    },
    /// Started later than now.
    #[error("the instance was started in the future: clocks differ")]
    Future,
    /// The token.
    #[error(transparent)]
    Token(#[from] jwt::Refused),
    /// A claim that a policy has values for.
    #[error("the token's claim {0} is not one that the join policy allows")]
    Claim(String),
    /// The claim that is to admit once is missing, or no text.
    #[error("the token's claim {0} is needed, as a text of at most {SUBJECT_CHARS_MAX} characters")]
    Once(String),
}

impl Refused {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Kind(_) => "proof_kind",
            Self::Document(DocumentError::Message(error)) => match error {
                lang::cms::CmsError::Digest => "document_altered",
                lang::cms::CmsError::Signature => "document_signature",
                _ => "document_malformed",
            },
            Self::Document(_) => "document_malformed",
            Self::Instance { .. } => "instance",
            Self::Age { .. } => "instance_age",
            Self::Future => "instance_future",
            Self::Token(refused) => refused.reason(),
            Self::Claim(_) => "token_claim",
            Self::Once(_) => "token_once",
        }
    }
}
