//! The `edgeway` binary as a library: settings, commands, and the one place where roles are wired
//! together. Everything that decides anything lives in the crates below; tests start nodes as
//! processes and need nothing from here.

mod client;
mod cluster;
pub mod command;
mod dev;
pub mod fuzz;
mod geo;
mod metrics;
mod node;
mod settings;
mod telemetry;

/// What nodes say of the program they run.
pub(crate) const BUILD: &str = env!("CARGO_PKG_VERSION");

pub use settings::{Settings, SettingsError};
