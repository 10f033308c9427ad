//! The small languages that users write in a configuration or speak to it.
//!
//! Pure functions over text and bytes: no clock (the time is an argument), no I/O, no
//! configuration.

pub mod aws;
pub mod cms;
pub mod event_stream;
pub mod gateway_text;
pub mod json;
pub mod json_path;
pub mod json_schema;
pub mod jwt;
pub mod lambda;
pub mod mapping;
pub mod media;
pub mod pattern_java;
pub mod policy;
pub mod rest_path;
pub mod sigv4;
pub mod uri_template;
pub mod vtl;
