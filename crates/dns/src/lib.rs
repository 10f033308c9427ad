//! The authoritative DNS responder: which addresses the cluster's names have, for this client.
//!
//! Bytes in, bytes out is one pure function ([`Responder::answer`]); around it are socket loops
//! (UDP and TCP, a thread per worker) and a task that compiles each new configuration and swaps it
//! in. hickory-proto reads and writes the fields of messages; its server is not used, since it
//! reads a socket from one task only and has no client subnets. Zones with keys are signed while
//! answering. Nothing here recurses or accepts updates.

mod charts;
mod cookies;
mod data;
mod denying;
mod dnssec;
mod edns;
mod error;
pub mod fuzz;
mod geo;
mod identity;
mod install;
mod live;
mod message;
mod metrics;
mod place;
mod private;
mod rates;
mod reply;
mod responder;
mod server;
mod servers;
mod service;
mod settings;
mod signed;
mod sockets;
mod tally;
mod tcp;
mod transfer;
mod transports;
mod tsig;
mod udp;
mod verdict;

#[cfg(test)]
mod tests;

pub use error::DnsError;
pub use geo::{Geo, whereabouts};
pub use identity::CookieState;
pub use live::Live;
pub use metrics::{Malformed, Transport};
pub use private::{Names, PrivateDns, PrivateView};
pub use responder::Responder;
pub use server::{BoundDns, Dns, Serving};
pub use settings::{DnsSettings, Limits};
pub use steer::place::Health;
pub use transports::{Answers, Misframed, lifetime_s};
pub use tsig::{TransferAlgorithm, TransferKey};
pub use verdict::Verdict;
