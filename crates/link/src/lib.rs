//! QUIC between the nodes of a cluster: calls, rpcs, feeds and probes under mutual TLS; where UDP
//! does not pass, the same over HTTP/2.
//!
//! Every node has a certificate of the cluster's own CA, and its identity is in it. A
//! [`Transport`] dials, a [`Listener`] accepts, a [`Peer`] is a path to one node. The crate
//! deliberately knows nothing about APIs, does not choose between nodes, and never retries:
//! it only tells truthfully whether a retry would be safe.

mod ca;
mod calling;
mod carrier;
mod code;
mod credentials;
mod dial;
mod digest;
mod error;
mod frames;
pub mod fuzz;
mod identity;
mod join;
mod keeper;
mod limits;
mod listener;
mod live;
mod metrics;
mod peer;
mod probe;
mod seen;
mod services;
mod serving;
mod socket;
mod tls;
mod token;
mod transport;
mod wire;

pub use ca::{Authority, CaError, IssuedServer, NODE_NAME, ServerNames};
pub use carrier::LinkTransport;
pub use credentials::{CA_FILE, CHAIN_FILE, CertificateRequest, CredentialError};
pub use credentials::{Credentials, KEY_FILE};
pub use digest::{NoRandomness, fingerprint, hash_secret, same_hash, sha256};
pub use error::{CallError, CallFailure, LinkError, RpcError, Sent};
pub use frames::{FrameError, FrameReceiver, FrameSender, Frames};
pub use identity::{Expected, IdentityError, NodeIdentity, PeerRole};
pub use join::{JoinAnswer, join, join_with_ca};
pub use limits::{Congestion, LinkLimits};
pub use listener::{Listener, Serving};
pub use metrics::Metrics;
pub use peer::{Peer, PeerState};
pub use probe::{LoadReport, ProbeError, ProbeOutcome, ProbeReport, ProbeSource, ProbeState};
pub use seen::{PeersSeen, SeenPeer, WayBack};
pub use services::{CallHandler, CallMeta, FeedHandler, RpcHandler, RpcRefusal};
pub use services::{Service, Services, Shed, Trace};
pub use tls::CredentialStore;
pub use token::{JoinToken, TokenError};
pub use transport::{LinkContext, Transport};
pub use wire::body_in::LinkBodyError;

#[cfg(test)]
mod tests;
