//! Why the ledger could not be opened, a change not be proposed, or a member not be changed.
//!
//! A rejected change is not an error: it is a result that all nodes agree on (`Applied::outcome`).

use std::{io, path::PathBuf};

use model::{NodeId, codec::CodecError};

/// Why a ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The directory cannot be made or used.
    #[error("ledger directory {path} cannot be used")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process, or an earlier ledger of this one, has the log open.
    #[error("ledger log {path} is in use by another process")]
    Locked {
        /// The log's file.
        path: PathBuf,
    },
    /// The file cannot be read as what it should be.
    #[error("ledger file {path} is corrupt: {what}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file cannot be read or written.
    #[error("ledger file {path} failed: {what}")]
    Store {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        what: String,
    },
    /// The directory belongs to another node or cluster.
    #[error("ledger file {path} belongs to node {node} of cluster {cluster}")]
    Foreign {
        /// The log's file.
        path: PathBuf,
        /// Its cluster.
        cluster: String,
        /// Its node.
        node: NodeId,
    },
    /// The settings contradict each other.
    #[error("ledger settings are wrong: {0}")]
    Settings(String),
    /// The metrics could not be registered.
    #[error("ledger metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// Raft did not start.
    #[error("raft did not start: {0}")]
    Raft(String),
}

/// Why it is not known that a change was applied, or that a read is current.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No leader was found in time; nothing was accepted.
    #[error("no leader could be reached in time")]
    NoLeader,
    /// A leader may have accepted it, and may yet apply it. Proposing it again with the same id is
    /// safe and tells what became of it.
    #[error("proposal was not confirmed in time and may still be applied")]
    Undecided,
    /// Too many proposals are waiting; nothing was accepted.
    #[error("too many proposals are waiting")]
    Overloaded,
    /// The encoded change is over its limit.
    #[error("change of {bytes} bytes is over the limit of {max}")]
    TooLarge {
        /// Its encoded length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The change cannot be encoded.
    #[error("change cannot be encoded")]
    Encode(#[source] CodecError),
    /// The leader cannot read the change, since it runs an older version; nothing was accepted.
    #[error("leader does not understand the change")]
    NotUnderstood,
    /// The ledger has been shut down, or its storage has failed.
    #[error("ledger has stopped")]
    Stopped,
}

impl ProposeError {
    /// Whether proposing the same change again, with the same id, may succeed.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NoLeader | Self::Undecided | Self::Overloaded => true,
            Self::TooLarge { .. } | Self::Encode(_) | Self::NotUnderstood | Self::Stopped => false,
        }
    }

    /// The word in metrics and logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoLeader => "no_leader",
            Self::Undecided => "undecided",
            Self::Overloaded => "overloaded",
            Self::TooLarge { .. } => "too_large",
            Self::Encode(_) => "encode",
            Self::NotUnderstood => "not_understood",
            Self::Stopped => "stopped",
        }
    }
}

/// Why the members were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// No leader was found in time; nothing was changed.
    #[error("no leader could be reached in time")]
    NoLeader,
    /// It was not confirmed in time and may still happen; asking again is safe.
    #[error("membership change was not confirmed in time and may still happen")]
    Undecided,
    /// The node is not a member.
    #[error("node {0} is not a raft member")]
    Unknown(NodeId),
    /// The only voter cannot be removed.
    #[error("the last voter cannot be removed")]
    LastVoter,
    /// Those that live would be no majority of those that are left.
    #[error(
        "without node {node} only {live} of {left} voters would live, which is no majority: bring \
         the others back, or remove those that are gone first"
    )]
    Minority {
        /// Who was to be removed.
        node: NodeId,
        /// Voters that live, without it.
        live: usize,
        /// Voters without it.
        left: usize,
    },
    /// The learner did not catch up in time.
    #[error("node {0} has not caught up with the log")]
    Behind(NodeId),
    /// Another change of the members was under way all the time.
    #[error("another membership change is in progress")]
    Busy,
    /// The ledger has been shut down, or its storage has failed.
    #[error("ledger has stopped")]
    Stopped,
}
