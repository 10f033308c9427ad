//! The harness of the integration tests: a real cluster of processes, clients, a backend.
//!
//! Nothing here sleeps for a fixed time to let something happen: `until` waits for a condition with
//! a deadline. The clients are plain hyper, so that a test sees what a stranger's client would.

pub mod backend;
pub mod client;
pub mod cluster;
pub mod configuration;
pub mod golden;
pub mod identity_provider;
pub mod imds;
pub mod issuer;
pub mod latency;
pub mod limited;
pub mod load;
pub mod management;
pub mod mmdb;
pub mod pebble;
pub mod process;
pub mod rolling;
pub mod terraform;
pub mod token_issuer;
pub mod wan;

use std::{
    future::Future,
    path::PathBuf,
    time::{Duration, Instant},
};

/// The folder of this package, `tests/`, of the checkout whose tests are run.
///
/// Asked for when a test runs: a build cache that has served another checkout holds programs that
/// were compiled with that one's path.
///
/// # Panics
/// When the test was not started by cargo.
#[must_use]
pub fn folder() -> PathBuf {
    let set = std::env::var_os("CARGO_MANIFEST_DIR");
    set.expect("cargo says where a test's package is").into()
}

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
