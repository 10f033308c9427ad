//! Limits against oracles, and many nodes in virtual time.

mod alone;
mod cluster;
mod together;
