//! Copies of whole zones (AXFR, RFC 5936) for holders of a key: the records that are configured,
//! between the zone's SOA record twice.
//!
//! What depends on who asks is no part of a copy (API names, custom domains), and neither are
//! signatures, which are made while answering. A request for changes (IXFR, RFC 1995) gets the
//! whole zone, or just the SOA record if nothing has changed. There are no notifications: a
//! secondary follows the SOA record's timers.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, RecordType},
    serialize::binary::BinDecodable,
};
use plan::zone::{Addresses, Found, Node, SOA_TTL_S, WireName, Zone};

use crate::{
    Responder, Transport, Verdict,
    data::Data,
    message::Request,
    reply::{Reply, Section},
    tsig::{Proof, Refusal, Session, Stamp},
};

/// A message of a copy is sent when it has so many bytes.
const MESSAGE_BYTES: usize = 16 << 10;
/// No record is added to a message that would have more than so many with it.
const MESSAGE_BYTES_MAX: usize = 60_000;
/// A message with no more bytes has a header, a question and perhaps the SOA record.
const EMPTY_BYTES_MAX: usize = 1_024;
/// Copies being sent at a time by one node; the connection of another one is ended.
const TRANSFERS_MAX: usize = 8;

/// A copy on its way.
pub(crate) struct Transfer {
    responder: Arc<Responder>,
    query: Vec<u8>,
    session: Session,
    apex: WireName,
    /// Names with records, and how far they have been sent.
    names: Vec<WireName>,
    name: usize,
    record: usize,
    state: State,
    _place: Place,
}

/// Which of the two SOA records comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    First,
    Between,
    Ended,
}

/// Counts copies on their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfers(Arc<AtomicUsize>);

/// One of those that may be on their way.
struct Place(Transfers);

impl Transfers {
    fn enter(&self) -> Option<Place> {
        let step = |open: usize| (open < TRANSFERS_MAX).then_some(open + 1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        self.0.fetch_update(set, get, step).ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Responder {
    /// Answers a request that is signed; a copy of a zone is only promised, in the verdict.
    pub(crate) fn signed(
        &self,
        (packet, request): (&[u8], &Request<'_>),
        at: usize,
        (asker, transport): (IpAddr, Transport),
        out: &mut Vec<u8>,
    ) -> Verdict {
        let mut verdict = self.verdict(request, asker);
        let now_s = self.now_s();
        let stamp = Stamp::read(packet, at);
        let proof = stamp
            .as_ref()
            .map(|stamp| (stamp, self.transfer_keys().check(packet, stamp, now_s)));
        match proof {
            None => {
                let malformed = crate::Malformed::Signature;
                verdict.malformed = Some(malformed);
                verdict.code = self.short(request, asker, malformed.code(), out);
            }
            Some((stamp, Proof::Bad(refusal))) => {
                verdict.code = self.short(request, asker, Refusal::CODE, out);
                refusal.append(out, stamp, now_s);
            }
            Some((_, Proof::Good(mut session))) => {
                verdict.signed = true;
                let room = session.key.stamp_bytes();
                let wanted = Wanted::of(packet, request);
                match wanted.and_then(|wanted| self.promise(&wanted, &session, transport)) {
                    None => self.fill(request, (asker, transport, room), &mut verdict, out),
                    Some(Promise::Copy) => {
                        verdict.transfer = true;
                        verdict.code = Some(0);
                        return verdict;
                    }
                    Some(Promise::Soa(zone)) => {
                        verdict.code = self.short_soa(request, asker, zone, out);
                    }
                    Some(Promise::No(code)) => {
                        verdict.code = self.short(request, asker, code, out);
                    }
                }
                session.sign(out, now_s);
            }
        }
        verdict
    }

    /// Begins the copy that a verdict has promised for `query`.
    pub(crate) fn transfer(self: &Arc<Self>, query: &[u8], all: &Transfers) -> Option<Transfer> {
        let request = Request::read(query).ok()?;
        let stamp = Stamp::read(query, request.stamp_at?)?;
        let Proof::Good(session) = self.transfer_keys().check(query, &stamp, self.now_s()) else {
            return None;
        };
        let Found::Node(zone, _) = self.plan.find(request.question.as_ref()?.name()) else {
            return None;
        };
        Some(Transfer {
            responder: Arc::clone(self),
            query: query.to_vec(),
            session,
            apex: zone.apex.clone(),
            names: self.plan.names_of(zone),
            name: 0,
            record: 0,
            state: State::First,
            _place: all.enter()?,
        })
    }

    /// What becomes of a wish for a copy; none if it is not one.
    fn promise(
        &self,
        wanted: &Wanted<'_>,
        session: &Session,
        transport: Transport,
    ) -> Option<Promise<'_>> {
        let zone = match self.plan.find(wanted.name) {
            Found::Node(zone, node) if node.apex => zone,
            _ => return Some(Promise::No(ResponseCode::NotAuth)),
        };
        if !session.key.opens(wanted.name) {
            return Some(Promise::No(ResponseCode::Refused));
        }
        match (transport, wanted.since) {
            // As good as nothing has changed, or too much for a datagram (RFC 1995, section 2).
            (_, Some(serial)) if serial == zone.soa.serial => Some(Promise::Soa(zone)),
            (Transport::Udp, Some(_)) => Some(Promise::Soa(zone)),
            (Transport::Tcp | Transport::Tls, _) => Some(Promise::Copy),
            (Transport::Udp | Transport::Quic | Transport::Https, _) => {
                Some(Promise::No(ResponseCode::Refused))
            }
        }
    }

    fn short_soa(
        &self,
        request: &Request<'_>,
        asker: IpAddr,
        zone: &Zone,
        out: &mut Vec<u8>,
    ) -> Option<u16> {
        let mut reply = Reply::begin(out, request, MESSAGE_BYTES_MAX)?;
        reply.set_extras(self.extras(request, asker));
        reply.set_authoritative();
        let apex = zone.apex.as_bytes();
        reply.add(Section::Answer, apex, SOA_TTL_S, Data::Soa(&zone.soa));
        let (code, _) = reply.finish()?;
        Some(code.into())
    }
}

/// A wish for a copy.
struct Wanted<'q> {
    name: &'q [u8],
    /// Only if it has changed since this serial number.
    since: Option<u32>,
}

enum Promise<'z> {
    Copy,
    Soa(&'z Zone),
    No(ResponseCode),
}

impl<'q> Wanted<'q> {
    fn of(packet: &[u8], request: &'q Request<'_>) -> Option<Self> {
        let question = request.question.as_ref()?;
        let since = match RecordType::from(question.kind) {
            RecordType::AXFR => None,
            RecordType::IXFR => {
                let message = Message::from_bytes(packet).ok()?;
                message
                    .authorities
                    .iter()
                    .find_map(|record| match &record.data {
                        RData::SOA(soa) => Some(soa.serial),
                        _ => None,
                    })
            }
            _ => return None,
        };
        Some(Self {
            name: question.name(),
            since,
        })
    }
}

impl Transfer {
    /// Writes the next message into `out`; none after the last one. An error ends the connection:
    /// a copy that is cut off is never taken for a whole one.
    pub(crate) fn next(&mut self, out: &mut Vec<u8>) -> Result<Option<()>, Broken> {
        if self.state == State::Ended {
            return Ok(None);
        }
        let responder = Arc::clone(&self.responder);
        let request = Request::read(&self.query).map_err(|_| Broken)?;
        let Found::Node(zone, _) = responder.plan.find(self.apex.as_bytes()) else {
            return Err(Broken);
        };
        let mut reply = Reply::begin(out, &request, usize::from(u16::MAX)).ok_or(Broken)?;
        reply.set_authoritative();
        let soa = |reply: &mut Reply<'_, '_>| {
            let apex = zone.apex.as_bytes();
            reply.add(Section::Answer, apex, SOA_TTL_S, Data::Soa(&zone.soa));
        };
        let (mut state, mut at) = (self.state, (self.name, self.record));
        if state == State::First {
            soa(&mut reply);
            state = State::Between;
        }
        if fill(&responder, (&self.apex, &self.names), &mut at, &mut reply) {
            soa(&mut reply);
            state = State::Ended;
        }
        let finished = reply.finish().ok_or(Broken)?;
        if finished.1 {
            return Err(Broken);
        }
        (self.state, (self.name, self.record)) = (state, at);
        self.session.sign(out, responder.now_s());
        Ok(Some(()))
    }
}

/// A copy that cannot go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

/// Adds records from `at` on; true once there are no more.
fn fill(
    responder: &Responder,
    (apex, names): (&WireName, &[WireName]),
    (name, record): &mut (usize, usize),
    reply: &mut Reply<'_, '_>,
) -> bool {
    while let Some(owner) = names.get(*name) {
        let node = responder.plan.node(owner);
        let all = node.map_or_else(Vec::new, |node| records(node, owner == apex));
        for (ttl_s, data) in all.into_iter().skip(*record) {
            let bytes = owner.as_bytes().len() + data.bytes() + 10;
            let begun = reply.bytes();
            let fresh = begun <= EMPTY_BYTES_MAX;
            if begun >= MESSAGE_BYTES || (!fresh && begun + bytes > MESSAGE_BYTES_MAX) {
                return false;
            }
            reply.add(Section::Answer, owner.as_bytes(), ttl_s, data);
            *record += 1;
        }
        (*name, *record) = (*name + 1, 0);
    }
    true
}

/// The configured records of a name, but for the SOA record; of a zone below, only who serves it.
fn records(node: &Node, own: bool) -> Vec<(u32, Data<'_>)> {
    let mut all = Vec::new();
    if let Some(servers) = &node.name_servers {
        let names = servers.names.iter();
        all.extend(names.map(|name| (servers.ttl_s, Data::Ns(name.as_bytes()))));
    }
    if node.apex && !own {
        return all;
    }
    if let Some(alias) = &node.alias {
        all.push((alias.ttl_s, Data::Cname(alias.target.as_bytes())));
    }
    if let Addresses::Fixed(fixed) = &node.addresses {
        all.extend(fixed.v4.iter().map(|one| (fixed.v4_ttl_s, Data::A(*one))));
        all.extend(
            fixed
                .v6
                .iter()
                .map(|one| (fixed.v6_ttl_s, Data::Aaaa(*one))),
        );
    }
    for set in &node.others {
        all.extend(
            set.data
                .iter()
                .map(|data| (set.ttl_s, Data::Raw(set.kind, data))),
        );
    }
    all
}
