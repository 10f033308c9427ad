//! What functions are given and what they answer: proxy events of payload version 1.0, proxy
//! answers buffered or streamed, events of authorizers and their decisions.
//!
//! All of it is JSON whose form Amazon's functions rely on, down to which names are there with
//! `null`. Everything that a function answers is suspect: a malformed answer has a reason.
//!
//! Deliberately not here: how a function is called (the region does that), and payload version 2.0
//! of HTTP APIs.

mod answer;
mod authorizer;
mod context;
mod event;
mod name;
mod prelude;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    answer::{MalformedAnswer, ProxyAnswer},
    authorizer::{Decision, MalformedDecision, RequestEvent, TokenEvent},
    event::ProxyEvent,
    name::header_name,
    prelude::{PRELUDE_BYTES_MAX, Prelude, PreludeError, PreludeReader},
};

/// Names and values in their order; names may repeat.
pub type Pairs = [(String, String)];

/// The last value of each name: what single-valued maps of events hold.
fn last_values(pairs: &Pairs) -> BTreeMap<&str, &str> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// All values of each name.
fn all_values(pairs: &Pairs) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        all.entry(name).or_default().push(value);
    }
    all
}
