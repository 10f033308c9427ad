//! Access keys: who may sign management calls, and what for. And where a change came from.

use std::{fmt, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{AccessKeyId, codec::Since};

/// May sign management calls, and calls of methods that want it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half: SigV4 is symmetric, so it cannot be stored as a hash.
    pub secret: String,
    /// The secret before the last rotation.
    pub previous: Option<PreviousSecret>,
    /// Whose it is.
    pub name: String,
    /// Whether it works.
    pub state: KeyState,
    /// An IAM policy document; a key without one may do everything.
    pub policy: Option<Arc<str>>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

/// A secret that is being replaced.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret half.
    pub secret: String,
    /// Milliseconds since 1970; refused from then on.
    pub until_ms: u64,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// It does.
    Active,
    /// It is refused.
    Disabled,
}

/// Changes to an access key beyond making, switching and deleting it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessChange {
    /// Replaces its policy; none lifts every restriction.
    SetPolicy(AccessKeyId, Option<Arc<str>>),
    /// Gives it another secret.
    Rotate {
        /// Whose.
        id: AccessKeyId,
        /// The new one.
        secret: String,
        /// Until when the old one is good too, milliseconds since 1970.
        previous_until_ms: u64,
    },
}

/// Where a change came from: what an auditor asks besides who and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The management API's operation; empty for a node's own changes.
    pub operation: String,
    /// The path of what it was done to, such as `/apis/a1b2c3d4e5/routes`.
    pub resource: String,
    /// The caller's address.
    pub peer: Option<SocketAddr>,
    /// The request's id, as its answer told.
    pub request: String,
    /// Why, in the words of whoever asked for it.
    pub reason: Since<2, Option<String>>,
}

impl AccessKey {
    /// A key that works, and may do everything.
    #[must_use]
    pub fn unrestricted(
        id: impl Into<AccessKeyId>,
        secret: impl Into<String>,
        name: impl Into<String>,
        created_ms: u64,
    ) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
            previous: None,
            name: name.into(),
            state: KeyState::Active,
            policy: None,
            created_ms,
        }
    }
}

// === redacted Debug: a secret must not reach a log by way of `{:?}` ===

impl fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PreviousSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PreviousSecret")
            .field("until_ms", &self.until_ms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AccessChange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetPolicy(id, policy) => {
                let mut set = out.debug_tuple("SetPolicy");
                set.field(id).field(policy).finish()
            }
            Self::Rotate { id, .. } => {
                let mut rotate = out.debug_struct("Rotate");
                rotate.field("id", id).finish_non_exhaustive()
            }
        }
    }
}
