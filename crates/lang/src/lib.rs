//! The small languages that users write in a configuration or speak to it.
//!
//! Pure functions over text and bytes: no clock (the time is an argument), no I/O, no
//! configuration.

pub mod aws;
pub mod event_stream;
pub mod lambda;
pub mod policy;
pub mod sigv4;
pub mod uri_template;
