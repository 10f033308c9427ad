//! The harness of the integration tests: a real cluster of processes, clients, a backend.
//!
//! Nothing here sleeps for a fixed time to let something happen: `until` waits for a condition with
//! a deadline. The clients are plain hyper, so that a test sees what a stranger's client would.

pub mod backend;
pub mod client;
pub mod cluster;
pub mod configuration;
pub mod golden;
pub mod issuer;
pub mod latency;
pub mod load;
pub mod management;
pub mod mmdb;
pub mod pebble;
pub mod process;
pub mod terraform;
pub mod wan;

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Waits until `condition` gives something, looking every 20 ms.
///
/// # Panics
/// After `limit`, naming what was waited for.
#[expect(clippy::panic, reason = "a test harness fails by panicking")]
pub async fn until<T, F>(what: &str, limit: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        if Instant::now() >= deadline {
            panic!("waited {limit:?} in vain for: {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
