//! Answering datagrams: one loop per socket, nothing allocated per query.

use std::{io, net::SocketAddr, time::Instant};

use tokio::{io::Interest, net::UdpSocket};

use crate::{
    CookieState, Responder, Verdict,
    metrics::Transport,
    rates::{Admission, Rates},
    server::Shared,
    settings::{QUERY_BYTES_MAX, UDP_ANSWER_BYTES_MAX, UDP_BATCH},
    tally::Tally,
};

/// The code of the short answer to a client that can prove itself (RFC 7873, section 5.2.3).
const BADCOOKIE: u16 = 23;

/// Answers until the drain begins. Queries that are then still in the socket are lost; resolvers
/// ask another server.
pub(crate) async fn run(socket: UdpSocket, shared: Shared, mut rates: Rates) {
    if !shared.has_plan().await {
        return;
    }
    let start = Instant::now();
    let mut tally = Tally::new(Transport::Udp, shared.metrics.clone());
    let mut query = vec![0; QUERY_BYTES_MAX];
    let mut answer = Vec::with_capacity(usize::from(UDP_ANSWER_BYTES_MAX) * 2);
    loop {
        let ready = tokio::select! {
            biased;
            () = shared.drain.cancelled() => return,
            ready = socket.ready(Interest::READABLE) => ready,
        };
        if let Err(error) = ready {
            tracing::error!(%error, "a dns socket cannot be waited for; it is given up");
            return;
        }
        let now_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut work = Work {
            shared: &shared,
            tally: &mut tally,
            rates: &mut rates,
            now_us,
        };
        let emptied = batch(&socket, &mut work, &mut query, &mut answer);
        tally.pass_on();
        // A socket that is never empty must not starve connections of this worker. One that is
        // makes us wait above: here, the runtime would ask the system for events once more.
        if !emptied {
            tokio::task::yield_now().await;
        }
    }
}

/// Answers what has come in, up to a limit. Returns whether nothing is left.
fn batch(socket: &UdpSocket, work: &mut Work<'_>, query: &mut [u8], answer: &mut Vec<u8>) -> bool {
    let shared = work.shared;
    let responder = shared.responder.load();
    for _ in 0..UDP_BATCH {
        let (length, peer) = match socket.try_recv_from(query) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            // An earlier answer could not be delivered; that says nothing about this socket.
            Err(error) => {
                tracing::debug!(%error, "dns receive failed");
                continue;
            }
        };
        let packet = query.get(..length).unwrap_or(&[]);
        let verdict = responder.answer(packet, peer.ip(), Transport::Udp, answer);
        work.tally.count(&verdict, &responder);
        work.limit(&responder, packet, (peer, &verdict), answer);
        if !answer.is_empty() {
            send(socket, answer, peer, shared);
        }
    }
    false
}

/// What a worker has at hand for one batch.
struct Work<'a> {
    shared: &'a Shared,
    tally: &'a mut Tally,
    rates: &'a mut Rates,
    /// Since the worker began; the same for the whole batch.
    now_us: u64,
}

impl Work<'_> {
    /// Shortens or empties an answer that would be too many.
    fn limit(
        &mut self,
        responder: &Responder,
        packet: &[u8],
        (peer, verdict): (SocketAddr, &Verdict),
        answer: &mut Vec<u8>,
    ) {
        if verdict.cookie == CookieState::Proven || verdict.signed || answer.is_empty() {
            return;
        }
        match self.rates.admit(peer.ip(), verdict.class, self.now_us) {
            Admission::Send => {}
            Admission::Cut => match responder.cut(packet, peer.ip(), answer) {
                Some(BADCOOKIE) => self.shared.metrics.limited("cookie"),
                Some(_) => self.shared.metrics.limited("cut"),
                None => answer.clear(),
            },
            Admission::Drop => {
                self.shared.metrics.limited("dropped");
                answer.clear();
            }
        }
    }
}

/// Sends without waiting: an answer that the system does not take now is dropped and counted, and
/// the client asks again.
fn send(socket: &UdpSocket, answer: &[u8], peer: SocketAddr, shared: &Shared) {
    if let Err(error) = socket.try_send_to(answer, peer) {
        tracing::debug!(%error, "dns answer not sent");
        shared.metrics.unsent();
    }
}
