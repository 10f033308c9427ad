//! Queries that are not as they should be: what is said to them, and that nothing panics.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::{Live, query, responder, told, view};
use crate::{Malformed, Transport};

/// Changes a query's bytes and checks what is said to it; `None` is silence.
fn check(
    question: &str,
    change: impl FnOnce(&mut Vec<u8>),
    malformed: Malformed,
    expected: Option<&str>,
) {
    let mut packet = query(question);
    change(&mut packet);
    let mut answer = Vec::new();
    let asker = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let responder = responder(&view(), &Live::default());
    let verdict = responder.answer(&packet, asker, Transport::Udp, &mut answer);
    assert_eq!(verdict.malformed, Some(malformed));
    let said = (!answer.is_empty()).then(|| told(&answer));
    assert_eq!(said.as_deref(), expected, "{malformed:?}");
}

const ASK: &str = "www.example.com A";
/// An OPT record without options, as `+edns=512` makes, is so long.
const OPT_BYTES: usize = 11;

#[test]
fn what_cannot_be_answered_is_dropped() {
    check(ASK, |packet| packet.truncate(11), Malformed::Short, None);
    check(ASK, Vec::clear, Malformed::Short, None);
    check(ASK, |packet| packet[2] |= 0x80, Malformed::Response, None);
}

#[test]
fn malformed_queries_are_told_so() {
    use Malformed::{Opcode, Question, Questions, Record};
    let formerr = Some("FORMERR");
    check("www.example.com A +notify", |_| {}, Opcode, Some("NOTIMP"));
    check(
        "www.example.com A +notify +do",
        |_| {},
        Opcode,
        Some("NOTIMP\nopt 1232 do"),
    );
    check(ASK, |packet| packet[2] |= 0x08, Opcode, Some("NOTIMP"));
    check(ASK, |packet| packet[5] = 0, Questions, formerr);
    check(ASK, |packet| packet[5] = 2, Questions, formerr);
    check(ASK, |packet| packet.truncate(20), Question, formerr);
    check(
        ASK,
        |packet| packet.truncate(packet.len() - 1),
        Question,
        formerr,
    );
    // A name that points into the header, and one with a reserved label type.
    check(ASK, |packet| packet[12] = 0xC0, Question, formerr);
    check(ASK, |packet| packet[12] = 0x40, Question, formerr);
    let endless = |packet: &mut Vec<u8>| {
        packet.truncate(12);
        packet.extend([1, b'a'].repeat(130));
        packet.extend([0, 0, 1, 0, 1]);
    };
    check(ASK, endless, Question, formerr);
    // Records are announced and missing.
    check(ASK, |packet| packet[7] = 1, Record, formerr);
    check(ASK, |packet| packet[11] = 1, Record, formerr);
}

#[test]
fn malformed_edns_is_told_so() {
    let opt = "www.example.com A +edns=512";
    let last_opt = |packet: &[u8]| packet[packet.len() - OPT_BYTES..].to_vec();
    let edns = Malformed::Edns;
    let twice = |packet: &mut Vec<u8>| {
        packet.extend(last_opt(packet));
        packet[11] = 2;
    };
    check(opt, twice, edns, Some("FORMERR\nopt 1232"));
    // OPT among the answers, or below a name.
    let misplaced = |packet: &mut Vec<u8>| (packet[7], packet[11]) = (1, 0);
    check(opt, misplaced, edns, Some("FORMERR"));
    let named = |packet: &mut Vec<u8>| {
        let at = packet.len() - OPT_BYTES;
        packet.splice(at..=at, [0xC0, 12]);
    };
    check(opt, named, edns, Some("FORMERR"));
    // An option that is longer than the record.
    let longer = |packet: &mut Vec<u8>| {
        let end = packet.len();
        packet[end - 1] = 4;
        packet.extend([0, 10, 0, 8]);
    };
    check(opt, longer, edns, Some("FORMERR\nopt 1232"));
    let newer = "www.example.com A +version=1 +do";
    check(
        newer,
        |_| {},
        Malformed::Version,
        Some("BADSIG\nopt 1232 do"),
    );
}

#[test]
fn malformed_client_subnets_are_told_so() {
    let subnet = "www.example.com A +ecs=198.18.7.0/24";
    let check = |change: fn(&mut Vec<u8>)| {
        check(
            subnet,
            change,
            Malformed::ClientSubnet,
            Some("FORMERR\nopt 1232"),
        );
    };
    // The end of the packet: family (2 bytes), source, scope, address (3 bytes).
    check(|packet| *nth_last(packet, 6) = 3);
    check(|packet| *nth_last(packet, 5) = 33);
    check(|packet| *nth_last(packet, 5) = 25);
    check(|packet| *nth_last(packet, 5) = 16);
    check(|packet| *nth_last(packet, 5) = 20);
    check(|packet| *nth_last(packet, 4) = 24);
}

fn nth_last(packet: &mut [u8], back: usize) -> &mut u8 {
    let at = packet.len() - back;
    &mut packet[at]
}

#[test]
fn a_client_that_wants_no_subnet_used_may_say_family_zero() {
    let mut packet = query("www.example.com A +ecs=0.0.0.0/0");
    *nth_last(&mut packet, 3) = 0;
    let mut answer = Vec::new();
    let asker = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let responder = responder(&view(), &Live::default());
    let verdict = responder.answer(&packet, asker, Transport::Udp, &mut answer);
    assert_eq!((verdict.malformed, verdict.code), (None, Some(0)));
    assert!(answer.ends_with(&[0, 8, 0, 4, 0, 0, 0, 0]));
}

#[test]
fn unknown_options_and_trailing_bytes_are_ignored() {
    let responder = responder(&view(), &Live::default());
    let asker = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut packet = query("www.example.com A +edns=512");
    *nth_last(&mut packet, 1) = 12;
    packet.extend([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    packet.extend(b"behind");
    let mut answer = Vec::new();
    let verdict = responder.answer(&packet, asker, Transport::Udp, &mut answer);
    assert_eq!((verdict.malformed, verdict.code), (None, Some(0)));
    assert!(told(&answer).ends_with("opt 1232"));
}

prop_compose! {
    fn mutated()(
        which in 0_usize..5,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) -> Vec<u8> {
        let mut packet = query([
            "www.example.com A +edns=1232",
            "edge000001.execute-api.us-east-1.edgeway.test A +ecs=198.18.7.0/24 +do",
            "many.example.com A +ecs=2001:db8::/56",
            "api.example.com ANY",
            "x.part.example.com NS +edns=512",
        ][which]);
        for (at, byte) in edits {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        if let Some(cut) = cut {
            packet.truncate(cut.index(packet.len()));
        }
        packet.extend(tail);
        packet
    }
}

fn survives(packet: &[u8]) {
    crate::fuzz::packet(&responder(&view(), &Live::default()), packet);
}

proptest! {
    #[test]
    fn mutated_queries_are_answered_or_dropped(packet in mutated()) {
        survives(&packet);
    }

    #[test]
    fn garbage_is_answered_or_dropped(packet in prop::collection::vec(any::<u8>(), 0..600)) {
        survives(&packet);
    }
}
