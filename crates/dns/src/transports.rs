//! Answering over transports that somebody else has opened: DNS over TLS (RFC 7858), over QUIC
//! (RFC 9250) and over HTTPS (RFC 8484).
//!
//! Sockets, handshakes and certificates are not known here, and neither are HTTP's methods and
//! fields: this has only what the three say about messages.

use std::net::IpAddr;

use hickory_proto::{
    op::Message,
    rr::{RData, RecordType},
    serialize::binary::BinDecodable,
};
use model::Revision;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    Transport, message::Request, server::Shared, settings::QUERY_BYTES_MAX, tally::Tally,
    tcp::Connection,
};

/// Answers queries of other transports from what the sockets answer from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Answers(pub(crate) Shared);

/// A message that breaks the rules of its transport, so that the connection is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message breaks the rules of dns over quic")]
pub struct Misframed;

impl Answers {
    /// Bytes of the longest query.
    pub const QUERY_BYTES_MAX: usize = QUERY_BYTES_MAX;

    /// Serves a byte stream that carries messages as TCP does, to its end: the client's, an idle
    /// time, or the drain. Queries that are read are answered even if this is then dropped.
    pub async fn converse<S>(&self, stream: S, peer: IpAddr, transport: Transport)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.0.has_plan().await {
            Connection::new(stream, (peer, transport), self.0.clone())
                .serve()
                .await;
        }
    }

    /// Answers one query; none if there is to be no answer, or nothing to answer from yet.
    #[must_use]
    pub fn answer(&self, query: &[u8], peer: IpAddr, transport: Transport) -> Option<Vec<u8>> {
        if *self.0.installed.borrow() == Revision(0) {
            return None;
        }
        let mut answer = Vec::with_capacity(512);
        let responder = self.0.responder.load();
        let verdict = responder.answer(query, peer, transport, &mut answer);
        let mut tally = Tally::new(transport, self.0.metrics.clone());
        tally.count(&verdict, &responder);
        drop(responder);
        tally.pass_on();
        (!answer.is_empty()).then_some(answer)
    }

    /// Answers what came on a QUIC stream: one message behind its length.
    ///
    /// # Errors
    /// If it is anything else, has a number of its own, or asks to keep the connection as over TCP
    /// (RFC 9250, sections 4.2.1 and 5.5.2).
    pub fn exchange(&self, framed: &[u8], peer: IpAddr) -> Result<Vec<u8>, Misframed> {
        let (length, query) = framed.split_first_chunk::<2>().ok_or(Misframed)?;
        if usize::from(u16::from_be_bytes(*length)) != query.len() {
            return Err(Misframed);
        }
        let request = Request::read(query).map_err(|_| Misframed)?;
        let keepalive = request.edns.is_some_and(|edns| edns.keepalive);
        if request.metadata.id != 0 || keepalive {
            return Err(Misframed);
        }
        let answer = self.answer(query, peer, Transport::Quic);
        let answer = answer.ok_or(Misframed)?;
        let length = u16::try_from(answer.len()).map_err(|_| Misframed)?;
        Ok([&length.to_be_bytes()[..], &answer].concat())
    }
}

/// For how many seconds an answer holds: the least TTL in it, or what its SOA record says of names
/// that are not there (RFC 8484, section 5.1). 0 for what cannot be read.
#[must_use]
pub fn lifetime_s(answer: &[u8]) -> u32 {
    let Ok(message) = Message::from_bytes(answer) else {
        return 0;
    };
    let answers = message.answers.iter().map(|record| record.ttl);
    let denied = message.authorities.iter().filter_map(|record| {
        match (&record.data, record.record_type()) {
            (RData::SOA(soa), RecordType::SOA) => Some(soa.minimum.min(record.ttl)),
            _ => None,
        }
    });
    answers.chain(denied).min().unwrap_or(0)
}
