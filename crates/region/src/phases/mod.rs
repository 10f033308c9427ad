//! The phases of the pipeline, one file each; `pipeline.rs` says in which order they run.

pub(crate) mod authorize;
pub(crate) mod cors;
pub(crate) mod integrate;
pub(crate) mod map_request;
pub(crate) mod map_response;
pub(crate) mod route;
