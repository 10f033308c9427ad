//! Answering datagrams: one loop per socket, nothing allocated per query.

use std::{io, net::SocketAddr};

use tokio::{io::Interest, net::UdpSocket};

use crate::{
    metrics::{Tally, Transport},
    server::Shared,
    settings::{QUERY_BYTES_MAX, UDP_ANSWER_BYTES_MAX, UDP_BATCH},
};

/// Answers until the drain begins. Queries that are then still in the socket are lost; resolvers
/// ask another server.
pub(crate) async fn run(socket: UdpSocket, shared: Shared) {
    if !shared.has_plan().await {
        return;
    }
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
        batch(&socket, &shared, &mut tally, &mut query, &mut answer);
        tally.pass_on();
        // A socket that is never empty must not starve connections of this worker.
        tokio::task::yield_now().await;
    }
}

/// Answers what has come in, up to a limit.
fn batch(
    socket: &UdpSocket,
    shared: &Shared,
    tally: &mut Tally,
    query: &mut [u8],
    answer: &mut Vec<u8>,
) {
    let responder = shared.responder.load();
    for _ in 0..UDP_BATCH {
        let (length, peer) = match socket.try_recv_from(query) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // An earlier answer could not be delivered; that says nothing about this socket.
            Err(error) => {
                tracing::debug!(%error, "dns receive failed");
                continue;
            }
        };
        let packet = query.get(..length).unwrap_or(&[]);
        let verdict = responder.answer(packet, peer.ip(), Transport::Udp, answer);
        tally.count(&verdict);
        if !answer.is_empty() {
            send(socket, answer, peer, shared);
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
