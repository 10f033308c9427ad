//! Tests in the WAN lab: real nodes in network namespaces, with real distances between them. They
//! need root, and take turns with nobody else (see `.config/nextest.toml`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and prints what it measured; a scenario is one story"
)]

mod blocked;
mod connector;
mod connector_network;
mod delivery;
mod limits;
mod network;
mod partition;
mod purge;
mod relay;
mod rollout;
mod steering;
