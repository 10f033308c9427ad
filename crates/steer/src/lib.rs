//! Latency and health: which region a POP forwards to, which place a DNS answer names; and how
//! nodes stay within a limit together.
//!
//! Pure: observations and the time come in as arguments, choices come out. No sockets, no clock, no
//! randomness; the roles feed it and act on it.

pub mod caps;
pub mod latency;
pub mod limits;
pub mod place;
pub mod region;
