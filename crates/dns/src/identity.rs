//! Who this node says it is, what a client's cookie proves, and which answers count together.

use std::{net::IpAddr, sync::Arc};

use steer::place::hash;

use crate::{
    cookies::Baker,
    dnssec::Memory,
    edns::Extras,
    message::Request,
    reply::{Class, Reply},
    tsig::Keys,
};

/// Longest identifier that is told.
pub(crate) const ID_BYTES_MAX: usize = 64;

/// What distinguishes this node.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// For NSID; empty: not told.
    pub(crate) id: Vec<u8>,
    pub(crate) baker: Baker,
    /// Of those who may copy zones.
    pub(crate) keys: Keys,
    /// Knows the time.
    pub(crate) clock: Arc<Memory>,
}

/// What a client's cookie says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieState {
    /// It sent none.
    Absent,
    /// It sent one of its own, but none of ours that holds.
    Unproven,
    /// It received an earlier answer of ours at this address.
    Proven,
}

impl Identity {
    pub(crate) fn state(&self, request: &Request<'_>, from: IpAddr) -> CookieState {
        match request.edns.and_then(|edns| edns.cookie) {
            None => CookieState::Absent,
            Some(cookie) => {
                let from = from.to_canonical();
                if self.baker.accepts(&cookie, from, self.clock.now_s()) {
                    CookieState::Proven
                } else {
                    CookieState::Unproven
                }
            }
        }
    }

    pub(crate) fn extras(&self, request: &Request<'_>, from: IpAddr) -> Extras<'_> {
        let Some(edns) = request.edns else {
            return Extras::default();
        };
        let cookie = edns.cookie.map(|cookie| {
            let from = from.to_canonical();
            self.baker.bake(&cookie, from, self.clock.now_s())
        });
        let id = (edns.wants_id && !self.id.is_empty()).then_some(self.id.as_slice());
        Extras {
            id,
            cookie,
            padding: None,
        }
    }
}

/// The number of an answer's class: of all about one name, all about missing names of one zone, or
/// all refusals.
pub(crate) fn class(request: &Request<'_>, reply: &Reply<'_, '_>) -> u64 {
    match (&request.question, reply.class()) {
        _ if reply.is_refusal() => 1,
        (_, Class::Missing(zone)) => zone ^ 2,
        (Some(question), Class::Name) => hash(question.name()) ^ 3,
        (None, Class::Name) => 1,
    }
}
