//! The frame of every answer: reading the query, how long the answer may be, who is answered by
//! whom, and what is told of it afterwards.

use std::net::IpAddr;

use hickory_proto::op::ResponseCode;

use super::{Asked, Responder};
use crate::{
    Transport, Verdict,
    edns::Extras,
    identity::{self, CookieState},
    message::Request,
    reply::Reply,
    settings::PLAIN_ANSWER_BYTES_MAX,
    tsig::Keys,
};

impl Responder {
    /// Writes the answer to `packet` into `out`, replacing its content; leaves it empty when there
    /// is to be no answer. `asker` is the address that the packet came from.
    pub fn answer(
        &self,
        packet: &[u8],
        asker: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Verdict {
        out.clear();
        let request = match Request::read(packet) {
            Ok(request) => request,
            Err(malformed) => return Verdict::dropped(malformed),
        };
        if let Some(at) = request.stamp_at {
            return self.signed((packet, &request), at, (asker, transport), out);
        }
        let mut verdict = self.verdict(&request, asker);
        self.fill(&request, (asker, transport, 0), &mut verdict, out);
        verdict
    }

    /// What is known of a query before it is answered.
    pub(crate) fn verdict(&self, request: &Request<'_>, asker: IpAddr) -> Verdict {
        Verdict {
            kind: request.question.as_ref().map(|question| question.kind),
            code: None,
            truncated: false,
            malformed: request.fault,
            fallback: false,
            cookie: self.identity.state(request, asker),
            class: 1,
            explores: false,
            spilled: None,
            signed: false,
            transfer: false,
        }
    }

    /// Writes the answer to a request, with `room` bytes to spare for what is added to it.
    pub(crate) fn fill(
        &self,
        request: &Request<'_>,
        (asker, transport, room): (IpAddr, Transport, usize),
        verdict: &mut Verdict,
        out: &mut Vec<u8>,
    ) {
        let bytes_max = match (transport, &request.edns) {
            (Transport::Udp, Some(edns)) => edns.payload,
            (Transport::Udp, None) => PLAIN_ANSWER_BYTES_MAX,
            (Transport::Tcp | Transport::Tls | Transport::Quic | Transport::Https, _) => u16::MAX,
        };
        let bytes_max = usize::from(bytes_max).saturating_sub(room);
        let written = Reply::begin(out, request, bytes_max).and_then(|mut reply| {
            reply.set_extras(self.identity.extras(request, asker));
            reply.set_secret(transport.is_secret());
            match (request.fault, &request.question) {
                (None, Some(question)) => {
                    let asked = Asked::new(question, request, asker);
                    let given = self.resolve(&asked, &mut reply);
                    (verdict.fallback, verdict.explores) = (given.fallback, given.explores);
                    verdict.spilled = given.spilled;
                }
                (Some(fault), _) => reply.set_code(fault.code()),
                (None, None) => reply.set_code(ResponseCode::FormErr),
            }
            verdict.class = identity::class(request, &reply);
            reply.finish()
        });
        match written {
            Some((code, truncated)) => {
                (verdict.code, verdict.truncated) = (Some(code.into()), truncated);
            }
            None => out.clear(),
        }
    }

    /// Writes an answer that is nothing but a code.
    pub(crate) fn short(
        &self,
        request: &Request<'_>,
        asker: IpAddr,
        code: ResponseCode,
        out: &mut Vec<u8>,
    ) -> Option<u16> {
        let mut reply = Reply::begin(out, request, PLAIN_ANSWER_BYTES_MAX.into())?;
        reply.set_extras(self.identity.extras(request, asker));
        reply.set_code(code);
        let (code, _) = reply.finish()?;
        Some(code.into())
    }

    /// Writes the short answer that is sent when a full one would be too many: the client is to
    /// come back over TCP, or with the cookie that it has just been given.
    pub(crate) fn cut(&self, packet: &[u8], asker: IpAddr, out: &mut Vec<u8>) -> Option<u16> {
        out.clear();
        let request = Request::read(packet).ok()?;
        let mut reply = Reply::begin(out, &request, PLAIN_ANSWER_BYTES_MAX.into())?;
        reply.set_extras(self.identity.extras(&request, asker));
        if self.identity.state(&request, asker) == CookieState::Unproven {
            reply.set_code(ResponseCode::BADCOOKIE);
        } else {
            reply.cut_short();
        }
        let (code, _) = reply.finish()?;
        Some(code.into())
    }

    pub(crate) fn extras(&self, request: &Request<'_>, asker: IpAddr) -> Extras<'_> {
        self.identity.extras(request, asker)
    }

    pub(crate) fn transfer_keys(&self) -> &Keys {
        &self.identity.keys
    }

    /// Seconds since 1970, as they were told last.
    pub(crate) fn now_s(&self) -> u64 {
        self.identity.clock.now_s().into()
    }
}
