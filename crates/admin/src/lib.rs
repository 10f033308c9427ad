//! The management API: what tools made for Amazon API Gateway (v1 and v2) speak, and cluster
//! operations.
//!
//! A request is authenticated (Signature Version 4), matched to an `Operation`, and run. Reading
//! operations look at one configuration; writing ones are pure functions that turn a request into
//! changes (`Write`), which one place proposes to the replicated ledger before the resource is
//! rendered from the configuration that results. What Amazon has and this version has not is
//! refused by name, never ignored.
//!
//! Deliberately not here: rules that need the whole configuration (they are in `model`, where they
//! hold under concurrent writers), serving APIs, sockets and TLS.

mod access;
mod admin;
mod answer;
mod auth;
mod call;
mod chain;
mod clock;
mod cluster;
mod definition;
mod document;
pub mod fuzz;
mod ids;
pub mod limits;
mod links;
mod metrics;
mod openapi;
mod operation;
mod page;
mod ports;
mod reason;
mod refusal;
mod repeat;
mod sample;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

pub use admin::{Admin, AdminSettings, Ports};
pub use chain::{Chain, ChainError};
pub use definition::rest_content;
pub use metrics::Metrics;
pub use ports::{
    AuthorizerTest, AuthorizerTested, Caches, Candidate, ConnectedConnector, DnsExplanation,
    Explain, ExplainRow, Fleet, Invoke, LiveNode, Members, MethodTest, MethodTested, MintedToken,
    PurgeTarget, Purged, Store, TokenMint, UsageCounts,
};
