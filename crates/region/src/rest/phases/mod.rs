//! The phases of REST APIs, one file each; `pipeline.rs` says in which order they run.

pub(crate) mod cors;
pub(crate) mod finish;
mod http;
pub(crate) mod integrate;
pub(crate) mod map_request;
pub(crate) mod map_response;
pub(crate) mod matching;
mod mock;
pub(crate) mod policy;
