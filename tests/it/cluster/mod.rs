//! Tests against a real cluster of processes, as `edgeway dev` starts it. Each starts its own, and
//! they take turns (see `.config/nextest.toml`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and prints what it measured; a scenario is one story"
)]

mod access;
mod acme;
mod backup;
mod bad_input;
mod cache;
mod caps;
mod clients;
mod compose;
mod definitions;
mod dns;
mod dns_answers;
mod dns_transfer;
mod dns_transports;
mod domains;
mod examples;
mod failover;
mod fills;
mod first_request;
mod geo;
mod golden;
mod history;
mod http3;
mod identity;
mod latency;
mod ledger;
mod limits;
mod membership;
mod monitoring;
mod operations;
mod poison;
mod private;
mod quickstart;
mod rest_aws;
mod rest_cache;
mod rest_edge;
mod rollout;
mod runbooks;
mod settings;
mod stability;
mod streaming;
mod terraform;
mod tls;
mod upgrade;
mod writers;

use bytes::Bytes;
use http::Response;

/// The region that answered, from `Server-Timing: region;desc="us-east-1"`.
pub(crate) fn region_of(response: &Response<Bytes>) -> Option<String> {
    let header = response.headers().get("server-timing")?.to_str().ok()?;
    let (_, rest) = header.split_once("region;desc=")?;
    Some(rest.trim_matches('"').split('"').next()?.to_owned())
}
