//! The phases of REST APIs, one file each; `pipeline.rs` says in which order they run.

pub(crate) mod authorize;
mod aws;
pub(crate) mod cors;
pub(crate) mod finish;
mod function;
mod http;
pub(crate) mod integrate;
pub(crate) mod map_request;
pub(crate) mod map_response;
pub(crate) mod matching;
mod mock;
pub(crate) mod policy;
