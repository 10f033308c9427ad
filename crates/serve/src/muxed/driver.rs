//! Moves one connection: its frames, its pings, the streams that arrive, and its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong};
use http::Response;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::{client, server};

use super::{MuxedLost, MuxedReceiver, MuxedSender, MuxedSettings, MuxedStream, Shared};
use super::{lost_by, reason_of};

/// Time the last bytes of a closed connection have.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

type Dialled = h2::client::Connection<client::TlsStream<TcpStream>, Bytes>;
type Accepted = h2::server::Connection<server::TlsStream<TcpStream>, Bytes>;

/// One end of a connection.
pub(super) enum Ends {
    Client(Box<Dialled>),
    Server(Box<Accepted>, mpsc::Sender<MuxedStream>),
}

/// Runs until the connection is lost or closed, and says why.
pub(super) async fn drive(ends: Ends, shared: Arc<Shared>, settings: MuxedSettings) {
    let lost = match ends {
        Ends::Client(connection) => dialled(*connection, &shared, &settings).await,
        Ends::Server(connection, streams) => {
            accepted(*connection, streams, &shared, &settings).await
        }
    };
    shared.ended.send_replace(Some(lost));
}

async fn dialled(mut connection: Dialled, shared: &Shared, settings: &MuxedSettings) -> MuxedLost {
    let pings = connection.ping_pong();
    let mut close = shared.close.subscribe();
    tokio::select! {
        biased;
        _ = wanted(&mut close) => MuxedLost::Local,
        ended = &mut connection => match ended {
            Ok(()) => MuxedLost::Lost,
            Err(error) => lost_by(&error),
        },
        () = silence(pings, shared, settings) => MuxedLost::Silent,
    }
}

async fn accepted(
    mut connection: Accepted,
    streams: mpsc::Sender<MuxedStream>,
    shared: &Shared,
    settings: &MuxedSettings,
) -> MuxedLost {
    let mut silent = std::pin::pin!(silence(connection.ping_pong(), shared, settings));
    let mut close = shared.close.subscribe();
    loop {
        tokio::select! {
            biased;
            code = wanted(&mut close) => {
                connection.abrupt_shutdown(reason_of(code));
                let closed = std::future::poll_fn(|cx| connection.poll_closed(cx));
                let _ = timeout(CLOSE_TIMEOUT, closed).await;
                return MuxedLost::Local;
            }
            next = connection.accept() => match next {
                Some(Ok((request, mut respond))) => {
                    let (head, body) = request.into_parts();
                    // The head of the answer says nothing: what follows in the body does.
                    let Ok(stream) = respond.send_response(Response::new(()), false) else {
                        continue;
                    };
                    let stream = MuxedStream {
                        path: head.uri.path().to_owned(),
                        sender: MuxedSender::new(stream),
                        receiver: MuxedReceiver::of_request(body),
                    };
                    if let Err(full) = streams.try_send(stream) {
                        full.into_inner().sender.refuse();
                    }
                }
                Some(Err(error)) => return lost_by(&error),
                None => return MuxedLost::Lost,
            },
            () = &mut silent => return MuxedLost::Silent,
        }
    }
}

/// Resolves when the connection is to be closed, with the code to close it with.
async fn wanted(close: &mut watch::Receiver<Option<u32>>) -> u32 {
    let code = close.wait_for(Option::is_some).await;
    code.ok().and_then(|code| *code).unwrap_or_default()
}

/// Pings; resolves when one is not answered in time.
async fn silence(pings: Option<PingPong>, shared: &Shared, settings: &MuxedSettings) {
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    loop {
        let sent = Instant::now();
        match timeout(settings.ping_timeout, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => shared.measured(sent.elapsed()),
            // The connection has ended, and says so itself.
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => return,
        }
        sleep(settings.ping_every).await;
    }
}

impl Shared {
    /// Smooths as RFC 6298 does: an eighth of the new value.
    fn measured(&self, rtt: Duration) {
        let new = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX).max(1);
        let old = self.rtt_us.load(Ordering::Relaxed);
        let smoothed = if old == 0 {
            new
        } else {
            old - old / 8 + new / 8
        };
        self.rtt_us.store(smoothed.max(1), Ordering::Relaxed);
    }
}
