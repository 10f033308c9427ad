//! What a view says to a query by itself. Pure: a message in, a message out.

use std::net::IpAddr;

use crate::{message::Request, settings::ADDRESSES_MAX};

pub(super) const SERVER_FAILED: u8 = 2;
pub(super) const REFUSED: u8 = 5;
const FORMAT_ERROR: u8 = 1;
const NOT_IMPLEMENTED: u8 = 4;

/// An answer is forgotten after so many seconds: an endpoint may get other addresses.
const TTL_S: u32 = 60;

const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const ANY_TYPE: u16 = 255;
const INTERNET: u16 = 1;

/// A pointer to the question's name, which stands behind the header.
const QUESTION_NAME: [u8; 2] = [0xC0, 12];

/// An OPT record that says that 1,232 bytes can be taken.
const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0];

/// What becomes of a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// This is said; the second is its metric label.
    Own(Vec<u8>, &'static str),
    /// The name is not the view's.
    Elsewhere,
    /// Nothing is said.
    Dropped,
}

/// Answers a query if it can be understood and its name is one of the view's. `recursive` says
/// that other names are looked up for clients.
pub(super) fn answer(
    packet: &[u8],
    find: &dyn Fn(&str) -> Option<Vec<IpAddr>>,
    recursive: bool,
) -> Reply {
    let Ok(request) = Request::read(packet) else {
        return Reply::Dropped;
    };
    let (Some(question), None) = (&request.question, request.fault) else {
        // What is no query at all (an update, a notice) is not done here.
        let is_query = packet.get(2).is_some_and(|flags| flags & 0x78 == 0);
        let code = if is_query {
            FORMAT_ERROR
        } else {
            NOT_IMPLEMENTED
        };
        return Reply::Own(failure(packet, code, recursive), "malformed");
    };
    let Some(addresses) = text(question.name()).and_then(|name| find(&name)) else {
        return Reply::Elsewhere;
    };
    let wanted = |address: &&IpAddr| match address {
        IpAddr::V4(_) => matches!(question.kind, A | ANY_TYPE),
        IpAddr::V6(_) => matches!(question.kind, AAAA | ANY_TYPE),
    };
    let found = addresses.iter().filter(wanted).take(ADDRESSES_MAX);
    let found: Vec<&IpAddr> = match question.class {
        INTERNET => found.collect(),
        _ => Vec::new(),
    };
    let mut message = head(packet, (0, true, recursive));
    let (count, result) = (u8::try_from(found.len()).unwrap_or(u8::MAX), "answered");
    let additional = u8::from(request.edns.is_some());
    let nothing = found.is_empty();
    message.extend([0, 1, 0, count, 0, u8::from(nothing), 0, additional]);
    message.extend_from_slice(question.wire);
    for address in found {
        match address {
            IpAddr::V4(address) => push(&mut message, A, &address.octets()),
            IpAddr::V6(address) => push(&mut message, AAAA, &address.octets()),
        }
    }
    if nothing {
        // For how long a client may remember that there is nothing (RFC 2308).
        let times = [1, 3600, 600, 86_400, TTL_S].map(u32::to_be_bytes).concat();
        let names = [QUESTION_NAME, QUESTION_NAME].concat();
        push(&mut message, SOA, &[names, times].concat());
    }
    if additional > 0 {
        message.extend(OPT);
    }
    Reply::Own(message, if nothing { "no_data" } else { result })
}

/// An answer that only says that there is none; nothing to what has no header.
pub(super) fn failure(packet: &[u8], code: u8, recursive: bool) -> Vec<u8> {
    if packet.len() < 12 {
        return Vec::new();
    }
    let mut message = head(packet, (code, false, recursive));
    let request = Request::read(packet).ok();
    let question = request
        .as_ref()
        .and_then(|request| request.question.as_ref());
    let edns = request
        .as_ref()
        .is_some_and(|request| request.edns.is_some());
    let asked = u8::from(question.is_some());
    message.extend([0, asked, 0, 0, 0, 0, 0, u8::from(edns)]);
    if let Some(question) = question {
        message.extend_from_slice(question.wire);
    }
    if edns {
        message.extend(OPT);
    }
    message
}

/// Id and flags of an answer to `packet`.
fn head(packet: &[u8], (code, own, recursive): (u8, bool, bool)) -> Vec<u8> {
    let at = |index: usize| packet.get(index).copied().unwrap_or_default();
    // Opcode and "recursion desired" as asked.
    let first = 0x80 | (at(2) & 0x79) | (u8::from(own) << 2);
    let second = (u8::from(recursive) << 7) | (at(3) & 0x10) | code;
    vec![at(0), at(1), first, second]
}

/// A record of the question's name.
fn push(message: &mut Vec<u8>, kind: u16, data: &[u8]) {
    message.extend(QUESTION_NAME);
    message.extend(kind.to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    message.extend(TTL_S.to_be_bytes());
    let length = u16::try_from(data.len()).unwrap_or_default();
    message.extend(length.to_be_bytes());
    message.extend_from_slice(data);
}

/// A name in wire form as text; none for one that no API or domain can have.
fn text(wire: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((length, behind)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, behind) = behind.split_at_checked(usize::from(*length))?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !label.iter().all(plain) {
            return None;
        }
        if !text.is_empty() {
            text.push('.');
        }
        text.extend(label.iter().map(|byte| char::from(*byte)));
        rest = behind;
    }
    Some(text)
}
