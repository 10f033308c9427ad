//! The one integration test binary: each topic is a module, so that everything links once.

mod cluster;
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod deploy;
mod golden;
mod lab;
mod latency_map;
mod terraform_modules;
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tidy;
