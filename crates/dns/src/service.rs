//! The HTTPS record of a steered name (RFC 9460): which protocols its places speak, and as hints
//! the very addresses that the client would be told, so that one query is enough for the first
//! connection to be HTTP/3.
//!
//! Deliberately no ports and no aliases: a steered name is served on its scheme's own port.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::RecordType;
use plan::zone::Steered;
use steer::latency::EXPLORE_TTL_S;

use crate::{
    Responder,
    data::Data,
    reply::{Reply, Section},
    responder::{Asked, Chosen, Given},
};

/// Keys of parameters.
const ALPN: u16 = 1;
const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;

/// Protocol names in wire form, made once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alpn(Vec<u8>);

impl Alpn {
    /// From names such as `h2`; those that do not fit a length byte are left out.
    pub(crate) fn of(names: &[String]) -> Self {
        let mut wire = Vec::new();
        for name in names {
            if let Ok(length @ 1..) = u8::try_from(name.len()) {
                wire.push(length);
                wire.extend(name.as_bytes());
            }
        }
        Self(wire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The record's data: priority 1, the asked name itself, protocols and hints.
    pub(crate) fn record(&self, v4: &[Ipv4Addr], v6: &[Ipv6Addr]) -> Vec<u8> {
        let mut wire = vec![0, 1, 0];
        push(&mut wire, ALPN, &self.0);
        let bytes: Vec<u8> = v4.iter().flat_map(Ipv4Addr::octets).collect();
        if !bytes.is_empty() {
            push(&mut wire, IPV4_HINT, &bytes);
        }
        let bytes: Vec<u8> = v6.iter().flat_map(Ipv6Addr::octets).collect();
        if !bytes.is_empty() {
            push(&mut wire, IPV6_HINT, &bytes);
        }
        wire
    }
}

impl Responder {
    /// Answers how to reach the name by HTTP, with the addresses that would be told for it.
    pub(crate) fn service(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        steered: Steered,
        reply: &mut Reply<'_, '_>,
    ) -> Option<Given> {
        if self.alpn.is_empty() {
            return None;
        }
        let v4 = self.choose::<Ipv4Addr>(asked, name, steered.to);
        let v6 = self.choose::<Ipv6Addr>(asked, name, steered.to);
        let v6 = v6.filter(|_| steered.dualstack);
        let scopes = [scope(v4.as_ref()), scope(v6.as_ref())];
        // True for as few addresses as the narrower of the two.
        if let Some(scope) = scopes.into_iter().flatten().max() {
            reply.set_scope(scope);
        }
        let mut given = Given {
            fallback: v4.as_ref().is_some_and(|v4| v4.choice.fallback),
            ..Given::default()
        };
        let v4 = hints(v4, asked.turn, &mut given);
        let v6 = hints(v6, asked.turn, &mut given);
        let explores = given.explores;
        let ttl_s = if explores { EXPLORE_TTL_S } else { self.ttl_s };
        if v4.is_empty() && v6.is_empty() {
            return None;
        }
        reply.set_authoritative();
        let data = self.alpn.record(&v4, &v6);
        let data = Data::Raw(RecordType::HTTPS.into(), &data);
        reply.add(Section::Answer, name, ttl_s, data);
        Some(given)
    }
}

/// The scope of what was chosen, if another client might have been given something else.
fn scope<A>(chosen: Option<&Chosen<'_, A>>) -> Option<u8> {
    let chosen = chosen.filter(|chosen| chosen.choice.varies)?;
    Some(chosen.scope)
}

/// The addresses of what was chosen; notes what it was.
fn hints<A: Copy>(chosen: Option<Chosen<'_, A>>, turn: usize, given: &mut Given) -> Vec<A> {
    let Some(chosen) = chosen else {
        return Vec::new();
    };
    given.explores |= chosen.explores;
    given.spilled = given.spilled.or(chosen.spilled);
    chosen.choice.turned(turn).collect()
}

fn push(wire: &mut Vec<u8>, key: u16, value: &[u8]) {
    // At most 8 addresses or a few names.
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    wire.extend(key.to_be_bytes());
    wire.extend(length.to_be_bytes());
    wire.extend(value.iter().take(usize::from(length)));
}
