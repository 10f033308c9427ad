//! What can go wrong before anything is answered.

use std::{io, net::SocketAddr};

/// Why the responder could not start.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// An address cannot be listened on.
    #[error("cannot bind {address} for dns over {protocol}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// `udp` or `tcp`.
        protocol: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A metric of that name is registered already.
    #[error("metrics of resolver views cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// A worker's thread or runtime cannot be made.
    #[error("cannot start dns worker {worker}")]
    Worker {
        /// Its number.
        worker: usize,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
