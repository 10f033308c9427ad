//! How this node reaches the others.
//!
//! `PeerDirectory` is what the composition root gives; `Wire` is what the rest of the crate uses,
//! so that a ledger can run without links (a cluster of one) and be tested with broken ones.

use std::{error::Error, future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use link::{CallError, CallFailure, Peer, RpcError, RpcRefusal, Service};
use model::NodeId;
use openraft::{
    AnyError, RaftNetwork, RaftNetworkFactory,
    error::{
        InstallSnapshotError, NetworkError, PayloadTooLarge, RPCError, RaftError, RemoteError,
        Unreachable,
    },
    network::{Backoff, RPCOption},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest,
        InstallSnapshotResponse, VoteRequest, VoteResponse,
    },
};

use crate::{
    messages::{self, RaftAnswer, RaftRequest, SnapshotPiece},
    types::{Member, Types},
};

/// Pause before an unreachable member is tried again.
const UNREACHABLE_PAUSE: Duration = Duration::from_millis(200);

/// Finds the control connection to a region node. Called for every message, so it must be cheap:
/// keep one `Peer` per node and address.
pub trait PeerDirectory: Send + Sync + 'static {
    /// The path to `node`, which listens at `addr`.
    fn peer(&self, node: NodeId, addr: SocketAddr) -> Peer;
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one message and waits for its answer.
pub(crate) trait Wire: Send + Sync + 'static {
    fn rpc(
        &self,
        to: NodeId,
        addr: SocketAddr,
        service: Service,
        message: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, RpcError>>;
}

/// The wire over links.
pub(crate) struct Links(pub(crate) Arc<dyn PeerDirectory>);

impl Wire for Links {
    fn rpc(
        &self,
        to: NodeId,
        addr: SocketAddr,
        service: Service,
        message: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, RpcError>> {
        let peer = self.0.peer(to, addr);
        Box::pin(async move { peer.rpc(service, message, timeout).await })
    }
}

/// The wire of a node that has no others.
pub(crate) struct Alone;

impl Wire for Alone {
    fn rpc(
        &self,
        _: NodeId,
        _: SocketAddr,
        _: Service,
        _: Bytes,
        _: Duration,
    ) -> BoxFuture<'_, Result<Bytes, RpcError>> {
        let unreachable = CallError::unsent(CallFailure::Unreachable);
        Box::pin(std::future::ready(Err(RpcError::Link(unreachable))))
    }
}

/// Makes openraft's paths to members.
pub(crate) struct Network(pub(crate) Arc<dyn Wire>);

impl RaftNetworkFactory<Types> for Network {
    type Network = MemberPath;

    async fn new_client(&mut self, target: u64, node: &Member) -> MemberPath {
        MemberPath {
            wire: Arc::clone(&self.0),
            to: NodeId(target),
            member: *node,
        }
    }
}

/// openraft's path to one member.
pub(crate) struct MemberPath {
    wire: Arc<dyn Wire>,
    to: NodeId,
    member: Member,
}

type Failure<E> = RPCError<u64, Member, RaftError<u64, E>>;

impl MemberPath {
    async fn ask<E: Error>(
        &self,
        request: &RaftRequest,
        option: &RPCOption,
    ) -> Result<RaftAnswer, Failure<E>> {
        let message = messages::encode(request).map_err(|error| unreachable(&error))?;
        let timeout = option.hard_ttl();
        let sent = self
            .wire
            .rpc(self.to, self.member.link, Service::Raft, message, timeout);
        let answer = sent.await.map_err(|error| match (error, request) {
            // openraft tries again with fewer entries.
            (RpcError::TooLarge, RaftRequest::Append(append)) => {
                let half = (append.entries.len() as u64 / 2).max(1);
                RPCError::PayloadTooLarge(PayloadTooLarge::new_entries_hint(half))
            }
            // The time-out was pause enough; everything else is tried again after a pause.
            (error @ RpcError::Timeout, _) => RPCError::Network(NetworkError::new(&error)),
            (error, _) => unreachable(&error),
        })?;
        messages::decode(&answer).map_err(|error| unreachable(&error))
    }
}

fn unreachable<E: Error>(error: &(impl Error + 'static)) -> Failure<E> {
    RPCError::Unreachable(Unreachable::new(error))
}

/// The remote answered something else than it was asked.
fn confused<E: Error>() -> Failure<E> {
    unreachable(&AnyError::error("the answer does not fit the request"))
}

impl RaftNetwork<Types> for MemberPath {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, Failure<openraft::error::Infallible>> {
        match self.ask(&RaftRequest::Append(rpc), &option).await? {
            RaftAnswer::Append(answer) => Ok(answer),
            _ => Err(confused()),
        }
    }

    async fn install_snapshot(
        &mut self,
        rpc: InstallSnapshotRequest<Types>,
        option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failure<InstallSnapshotError>> {
        let InstallSnapshotRequest {
            vote,
            meta,
            offset,
            data,
            done,
        } = rpc;
        let piece = SnapshotPiece {
            vote,
            meta,
            offset,
            data: data.into(),
            done,
        };
        match self.ask(&RaftRequest::Snapshot(piece), &option).await? {
            RaftAnswer::Snapshot(vote) => Ok(InstallSnapshotResponse { vote }),
            RaftAnswer::SnapshotMismatch(mismatch) => {
                let mismatch = RaftError::APIError(InstallSnapshotError::from(mismatch));
                Err(RPCError::RemoteError(RemoteError::new(self.to.0, mismatch)))
            }
            _ => Err(confused()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, Failure<openraft::error::Infallible>> {
        match self.ask(&RaftRequest::Vote(rpc), &option).await? {
            RaftAnswer::Vote(answer) => Ok(answer),
            _ => Err(confused()),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(UNREACHABLE_PAUSE))
    }
}

/// The services' refusals on the link.
pub(crate) mod refusal {
    use super::RpcRefusal;

    const MALFORMED: u16 = 1;
    const STRANGER: u16 = 2;
    const STOPPED: u16 = 3;

    /// The message does not decode, or does not come from who it says.
    pub(crate) fn malformed() -> RpcRefusal {
        RpcRefusal::new(MALFORMED, "the message cannot be read")
    }

    /// Only regions take part.
    pub(crate) fn stranger() -> RpcRefusal {
        RpcRefusal::new(STRANGER, "only region nodes take part in raft")
    }

    /// Raft has stopped on this node.
    pub(crate) fn stopped() -> RpcRefusal {
        RpcRefusal::new(STOPPED, "the ledger has stopped")
    }

    /// The word in metrics.
    pub(crate) const fn label(code: u16) -> &'static str {
        match code {
            MALFORMED => "malformed",
            STRANGER => "stranger",
            STOPPED => "stopped",
            _ => "other",
        }
    }
}
