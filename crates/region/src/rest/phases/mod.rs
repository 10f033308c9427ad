//! The phases of REST APIs, one file each; `pipeline.rs` says in which order they run.

pub(crate) mod aggregate;
pub(crate) mod convert;
pub(crate) mod finish;
pub(crate) mod integrate;
pub(crate) mod map_request;
pub(crate) mod map_response;
pub(crate) mod matching;
pub(crate) mod pack;
pub(crate) mod unpack;
pub(crate) mod validate;
