//! What any host on the network may send to a DNS node, for fuzzers and for property tests: panics
//! when something that must hold does not. Nothing else uses it.

use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::op::{Message, ResponseCode};

use crate::{Responder, Transport, settings::UDP_ANSWER_BYTES_MAX};

/// Has the responder answer `packet` over UDP and over TCP. It is answered or dropped; an answer
/// has the number of its question, can be read by others, fits its transport, and never blames
/// this server.
pub fn packet(responder: &Responder, packet: &[u8]) {
    for transport in [Transport::Udp, Transport::Tcp] {
        // What was there before does not matter.
        let mut answer = vec![1, 2, 3];
        let asker = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let verdict = responder.answer(packet, asker, transport, &mut answer);
        assert_eq!(answer.is_empty(), verdict.code.is_none());
        if answer.is_empty() {
            continue;
        }
        assert_eq!(answer.get(..2), packet.get(..2));
        let fits = answer.len() <= usize::from(UDP_ANSWER_BYTES_MAX);
        assert!(transport == Transport::Tcp || fits, "{}", answer.len());
        let message = Message::from_vec(&answer);
        assert!(message.is_ok(), "{message:?}");
        assert!(message.is_ok_and(|said| said.response_code != ResponseCode::ServFail));
    }
}
