//! What region nodes say to each other, and its encoding.
//!
//! Every message is one record of `model::codec`, which begins with a version. The openraft types
//! inside are its wire format; pieces of snapshots travel as one string of bytes.

use bytes::Bytes;
use model::{
    NodeId, Outcome, Rejection,
    codec::{self, CodecError, Kind},
};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::net::SocketAddr;

use crate::types::{Blob, SnapshotMeta, Types, Vote};

/// What a raft member asks another (`Service::Raft`).
#[derive(Serialize, Deserialize)]
pub(crate) enum RaftRequest {
    /// Entries, or a sign of life.
    Append(AppendEntriesRequest<Types>),
    /// A candidate asks for a vote.
    Vote(VoteRequest<u64>),
    /// A piece of a snapshot.
    Snapshot(SnapshotPiece),
    /// Do you hear from a leader? Asked before standing for election.
    LeaderAlive,
}

/// A piece of a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct SnapshotPiece {
    pub(crate) vote: Vote,
    pub(crate) meta: SnapshotMeta,
    pub(crate) offset: u64,
    pub(crate) data: Blob,
    pub(crate) done: bool,
}

/// The answer to the request of the same name.
#[derive(Serialize, Deserialize)]
pub(crate) enum RaftAnswer {
    Append(AppendEntriesResponse<u64>),
    Vote(VoteResponse<u64>),
    Snapshot(Vote),
    /// The piece is not the one that was expected: begin again.
    SnapshotMismatch(openraft::error::SnapshotMismatch),
    LeaderAlive(bool),
}

/// What a node asks the leader (`Service::Propose`).
#[derive(Serialize, Deserialize)]
pub(crate) enum LeaderRequest {
    /// Apply this change; answered with `Applied`.
    Propose(Blob),
    /// How far must I have applied the log to read what is current; answered with `Index`.
    ReadIndex,
    /// Alter the members; answered with `Index`.
    Members(MemberChange),
}

/// A change of the raft members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MemberChange {
    /// Adds a learner, or moves a member to another address.
    Put(NodeId, SocketAddr),
    /// Makes a learner a voter.
    Promote(NodeId),
    /// Removes a voter or learner.
    Remove(NodeId),
    /// Removes a voter or learner, unless those that live could then not decide anything.
    Retire {
        /// Who goes.
        node: NodeId,
        /// Who lives, as the asking node sees it.
        live: Vec<NodeId>,
    },
}

/// What the leader answers.
#[derive(Serialize, Deserialize)]
pub(crate) enum LeaderAnswer {
    /// The change was applied, or rejected, by the entry at this index.
    Applied {
        index: u64,
        outcome: Result<Outcome, Rejection>,
    },
    /// The log up to this index.
    Index(u64),
    /// This node does not lead, or cannot act as a leader now: nothing was accepted.
    NotLeader,
    /// Too many proposals are waiting: nothing was accepted.
    Overloaded,
    /// The change cannot be read here: nothing was accepted.
    NotUnderstood,
    /// It was accepted and then not confirmed.
    Undecided,
    /// The node to promote has not caught up.
    Behind,
    /// It is not a member.
    Unknown,
    /// It is the last voter.
    LastVoter,
    /// Of so many voters that would be left, only so many live: no majority.
    Minority { live: usize, left: usize },
    /// Another change of the members is under way.
    Busy,
    /// The ledger there has stopped.
    Stopped,
}

/// The bytes of a message.
pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Bytes, CodecError> {
    codec::encode(Kind::Other, message).map(Bytes::from)
}

/// The message in `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    codec::decode(Kind::Other, bytes)
}
