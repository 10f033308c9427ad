//! Tests of whole ledgers: several in one process, over a wire that can be cut and over real links.

pub(crate) mod changes;
mod cluster;
mod failover;
mod figures;
mod hub;
mod links;
mod members;
mod restart;
