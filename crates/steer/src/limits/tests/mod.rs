//! Limits against oracles, and many nodes in virtual time.

mod alone;
mod apart;
mod cluster;
mod together;
