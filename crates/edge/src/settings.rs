//! What can be set about a POP, with defaults and the limits that go with them.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// Settings of the edge role.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// The POP's name: letters, digits and dashes. It stands in `Via` and `Cache-Status`.
    pub pop: String,
    /// Threads that serve requests; each gets its own connections to the regions.
    pub workers: usize,
    /// Bytes that stored answers may take together; the least used are dropped beyond it.
    pub cache_bytes: u64,
    /// Bytes of the largest body that is stored; a larger one passes through.
    pub object_bytes_max: usize,
    /// Makes gzip and br of stored answers for clients that accept them.
    pub compress: bool,
    /// Adds `Server-Timing` with the names of the POP and the region to every answer.
    pub debug_headers: bool,
    /// Time for the head of a region's answer, all tries together; then the client gets a 504.
    /// Above the 30 s that an integration may take.
    pub head_timeout: Duration,
    /// How long a request waits for another one that fetches the same; then it goes by itself.
    pub fill_wait: Duration,
    /// How long after its end of life an answer may be used while no region can be reached.
    pub stale_max: Duration,
    /// Calls made for one request, the first included.
    pub tries_max: usize,
    /// Calls may go by way of another POP.
    pub relay: bool,
}

impl EdgeSettings {
    /// The defaults.
    #[must_use]
    pub fn new(pop: impl Into<String>, workers: usize) -> Self {
        Self {
            pop: pop.into(),
            workers,
            cache_bytes: 256 * MIB as u64,
            object_bytes_max: 8 * MIB,
            compress: true,
            debug_headers: false,
            head_timeout: Duration::from_secs(32),
            fill_wait: Duration::from_secs(3),
            stale_max: Duration::from_secs(24 * 60 * 60),
            tries_max: 4,
            relay: false,
        }
    }
}
