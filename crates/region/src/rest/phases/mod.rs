//! The phases of REST APIs, one file each; `pipeline.rs` says in which order they run.

pub(crate) mod aggregate;
pub(crate) mod authorize;
mod aws;
pub(crate) mod cache;
pub(crate) mod convert;
pub(crate) mod cors;
pub(crate) mod finish;
mod function;
mod http;
pub(crate) mod integrate;
pub(crate) mod key;
pub(crate) mod map_request;
pub(crate) mod map_response;
pub(crate) mod matching;
mod merge;
mod mock;
pub(crate) mod pack;
pub(crate) mod policy;
pub(crate) mod throttle;
pub(crate) mod unpack;
pub(crate) mod validate;
