//! The region in one process with real backends on loopback.

mod backend;
mod backends;
mod connectors;
mod cors;
mod entrances;
mod faults;
mod feeds;
mod harness;
mod keys;
mod limits;
mod log;
mod private;
mod requests;
mod rest;
mod rest_aggregate;
mod rest_bodies;
mod rest_cache;
mod rest_domain;
mod rest_execution_log;
mod rest_hostile;
mod rest_signed;
mod rest_test_invoke;
mod rest_tls;
mod streams;
mod tokens;
