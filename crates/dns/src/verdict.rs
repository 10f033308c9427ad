//! What became of a query.

use steer::caps::Kind;

use crate::{CookieState, Malformed};

/// A place that has passed on clients, for want of room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spill {
    pub(crate) kind: Kind,
    /// By its place in the plan that the answer is from.
    pub(crate) index: usize,
}

/// What became of a query, for metrics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The type that was asked for; none if no question could be read.
    pub kind: Option<u16>,
    /// The response code; none if there is no answer.
    pub code: Option<u16>,
    /// The answer was cut short, so the client is to ask again over TCP.
    pub truncated: bool,
    /// What is wrong with the query.
    pub malformed: Option<Malformed>,
    /// No place was up, and the answer is the best guess.
    pub fallback: bool,
    /// The answer was given to learn how far another POP is.
    pub explores: bool,
    /// What the client's cookie says of it.
    pub cookie: CookieState,
    /// Answers with the same number count together in the rate limit.
    pub class: u64,
    /// A key that we share proves who asks (RFC 8945).
    pub signed: bool,
    /// The place that would have suited better, but has too many clients.
    pub(crate) spilled: Option<Spill>,
    /// A copy of a zone is to be sent; nothing has been written.
    pub(crate) transfer: bool,
}

impl Verdict {
    /// For a packet that is not answered.
    pub(crate) const fn dropped(malformed: Malformed) -> Self {
        Self {
            kind: None,
            code: None,
            truncated: false,
            malformed: Some(malformed),
            fallback: false,
            explores: false,
            spilled: None,
            cookie: CookieState::Absent,
            class: 0,
            signed: false,
            transfer: false,
        }
    }
}
