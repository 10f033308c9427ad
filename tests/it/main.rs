//! The one integration test binary: each topic is a module, so that everything links once.

mod cluster;
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod deploy;
mod golden;
mod lab;
mod latency_map;
#[allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
mod packages;
mod terraform_modules;
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tidy;
