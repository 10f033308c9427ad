//! REST APIs: the pipeline behind the stage.
//!
//! `pipeline.rs` lists the phases in order; `exchange.rs` holds what they read and learn;
//! `context.rs` says what `$context` is; `refusal.rs` what the gateway itself answers. Errors
//! become bytes in `answer.rs` like all others.

mod body;
mod coding;
mod context;
mod exchange;
mod execution_log;
mod headers;
mod ids;
mod kept_answers;
mod log;
mod parts;
mod phases;
mod pipeline;
mod refusal;
mod render;
mod secrets;
mod source;
mod test_invoke;
mod time;
mod trace;
mod viewer;

pub use self::test_invoke::{AuthorizerTest, AuthorizerTested, MethodTest, MethodTested, Tester};
pub use self::viewer::{ViewerPlace, Viewers};
pub(crate) use self::{
    context::message_string,
    exchange::{Exchange, Note},
    kept_answers::KeptAnswers,
    log::Line,
    parts::Kept,
    phases::finish::SINGLE_USE,
    pipeline::{health, run, unknown},
    refusal::Refusal,
    source::View,
    viewer::WANTS_MARKS,
};
