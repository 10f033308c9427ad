//! What clients see that stay at a POP while it is restarted. Nothing is asserted of it: whoever
//! restarts a POP sends clients elsewhere first.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tests::client;

/// A client that goes on asking a POP that is restarted, on a connection of its own each time.
pub(super) async fn stay(addr: SocketAddr, host: String, stop: Arc<AtomicBool>) -> String {
    let (mut good, mut refused, mut broken) = (0, 0, 0);
    let (mut first, mut last) = (None, None);
    while !stop.load(SeqCst) {
        if tokio::net::TcpStream::connect(addr).await.is_err() {
            refused += 1;
            first.get_or_insert_with(Instant::now);
            last = Some(Instant::now());
        } else if client::get(addr, &host, "/x")
            .await
            .is_ok_and(|answer| answer.status() == 200)
        {
            good += 1;
        } else {
            broken += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let none = first
        .zip(last)
        .map_or(Duration::ZERO, |(first, last)| last - first);
    format!("{good} answered, {broken} broken off, {refused} not accepted during {none:?}")
}
