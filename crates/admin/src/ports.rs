//! What the management API needs from the rest of the node, as traits wired in `edgeway`.
//!
//! The ledger is the only store there is; the traits exist so that tests need no disk and no Raft.

use std::sync::Arc;

use ledger::{Applied, Ledger, MemberError, ProposeError, Status};
use model::{ApiId, Change, Config, NodeId, Revision, TokenId};
use serve::BoxFuture;

/// The replicated configuration.
pub trait Store: Send + Sync + 'static {
    /// The newest configuration that this node has applied.
    fn config(&self) -> Arc<Config>;

    /// Has `change` applied. Resolves only once [`Store::config`] of this node includes it, so that
    /// whoever wrote here reads what was written. The same change may be proposed again.
    fn propose(&self, change: Change) -> BoxFuture<'_, Result<Applied, ProposeError>>;
}

/// The regions' Raft group.
pub trait Members: Send + Sync + 'static {
    /// How the group looks from this node.
    fn status(&self) -> Arc<Status>;

    /// Lets a learner vote; waits until it has caught up.
    fn promote(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>>;

    /// Takes a node out of the group.
    fn remove(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>>;
}

/// Which nodes live, and what they serve.
pub trait Fleet: Send + Sync + 'static {
    /// Nodes of every role that have been heard of lately. This node need not be among them.
    fn live(&self) -> Vec<LiveNode>;
}

/// The POPs' caches.
pub trait Caches: Send + Sync + 'static {
    /// Takes answers out of use at every POP that can be reached, and resolves once each has
    /// said so, or has not in time. Safe to repeat.
    fn purge(&self, what: PurgeTarget) -> BoxFuture<'_, Vec<Purged>>;
}

/// What to take out of the caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeTarget {
    /// One address with its query, in all its variants.
    Url(String),
    /// All addresses that begin so.
    Prefix(String),
    /// All answers of hosts that serve an API.
    Api(ApiId),
    /// All answers with a tag.
    Tag(String),
}

/// A POP that has purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Which.
    pub node: NodeId,
    /// Stored answers that were dropped.
    pub purged: u64,
    /// Milliseconds until it said so.
    pub ms: u64,
}

/// A node that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveNode {
    /// Which.
    pub node: NodeId,
    /// The revision that it serves.
    pub revision: Revision,
    /// It is about to stop.
    pub draining: bool,
    /// Age of its last sign of life, milliseconds.
    pub heard_ms: u64,
    /// The last revision that it could not take, and why.
    pub refused: Option<(Revision, String)>,
}

/// Makes join tokens, whose text holds facts that this crate does not know.
pub trait TokenMint: Send + Sync + 'static {
    /// Chooses an id and a secret, and writes the text that the new node is given.
    ///
    /// # Errors
    /// A sentence for the caller, when a token cannot be made now.
    fn mint(&self) -> Result<MintedToken, String>;
}

/// A join token before it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct MintedToken {
    /// The public half.
    pub id: TokenId,
    /// SHA-256 of the secret half.
    pub secret_sha256: [u8; 32],
    /// What the new node is given; shown once.
    pub text: String,
}

impl Store for Ledger {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&Self::config(self).borrow())
    }

    fn propose(&self, change: Change) -> BoxFuture<'_, Result<Applied, ProposeError>> {
        Box::pin(Self::propose(self, change))
    }
}

impl Members for Ledger {
    fn status(&self) -> Arc<Status> {
        Arc::clone(&Self::status(self).borrow())
    }

    fn promote(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(Self::promote(self, node))
    }

    fn remove(&self, node: NodeId) -> BoxFuture<'_, Result<(), MemberError>> {
        Box::pin(Self::remove(self, node))
    }
}
