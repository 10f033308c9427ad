//! The region in one process with real backends on loopback.

mod backend;
mod backends;
mod cors;
mod entrances;
mod faults;
mod feeds;
mod harness;
mod limits;
mod log;
mod requests;
mod rest;
mod streams;
