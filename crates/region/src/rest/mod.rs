//! REST APIs: the pipeline behind the stage.
//!
//! `pipeline.rs` lists the phases in order; `exchange.rs` holds what they read and learn;
//! `context.rs` says what `$context` is; `refusal.rs` what the gateway itself answers. Errors
//! become bytes in `answer.rs` like all others.

mod body;
mod context;
mod exchange;
mod headers;
mod ids;
mod log;
mod phases;
mod pipeline;
mod refusal;
mod render;
mod source;
mod time;

pub(crate) use self::{
    context::message_string,
    exchange::{Exchange, Note},
    log::Line,
    pipeline::{health, run, unknown},
    refusal::Refusal,
    source::View,
};
