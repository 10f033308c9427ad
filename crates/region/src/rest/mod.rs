//! REST APIs: the pipeline behind the stage.
//!
//! `pipeline.rs` lists the phases in order; `exchange.rs` holds what they read and learn;
//! `context.rs` says what `$context` is; `refusal.rs` what the gateway itself answers. Errors
//! become bytes in `answer.rs` like all others.

#![expect(
    dead_code,
    reason = "mappings and templates, which use the rest, come next"
)]

mod body;
mod context;
mod exchange;
mod headers;
mod ids;
mod phases;
mod pipeline;
mod refusal;

pub(crate) use self::{
    context::message_string,
    exchange::{Exchange, Note},
    pipeline::{health, run},
    refusal::Refusal,
};
