//! Sums up how far clients are, for the latency map: one sample per connection whose handshake
//! was measured, by client prefix. Whoever reports to the regions takes the sums from here.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use serve::Conn;
use steer::latency::{Batch, Samples};

use crate::metrics::Metrics;

/// What clients' connections took since the last report.
#[derive(Debug, Default)]
pub(crate) struct Latency(Mutex<Samples>);

impl Latency {
    /// Counts the connection, unless one of its requests has done so before.
    pub(crate) fn note(&self, conn: &Conn, metrics: &Metrics) {
        let Some(rtt_us) = conn.rtt.take_us() else {
            return;
        };
        let client: SocketAddr = conn.peer;
        let kept = self.samples().record(client.ip(), rtt_us);
        metrics.sampled(kept);
    }

    /// Takes out what has been counted.
    pub(crate) fn take(&self) -> Option<Batch> {
        self.samples().take()
    }

    fn samples(&self) -> std::sync::MutexGuard<'_, Samples> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
