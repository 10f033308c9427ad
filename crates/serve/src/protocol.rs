//! A protocol that is not HTTP behind the same listeners: sockets, handshakes, certificates,
//! limits, metrics and drain are the listener's; what the bytes mean is a [`Speaker`]'s.
//!
//! Over TLS a speaker gets the whole connection. Over QUIC it gets one message per stream and gives
//! one answer, which is all that DNS (RFC 9250) needs. Deliberately nothing else: no streams that
//! the server opens, no datagrams, no early data.

use std::{fmt, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Instant};

use quinn::{RecvStream, SendStream, VarInt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::drain::Drain;
use crate::h3::Place;
use crate::handler::{BoxFuture, Conn, TlsInfo};
use crate::handshake::Rtt;
use crate::tls;
use crate::worker::Station;

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// What a listener speaks instead of HTTP.
#[derive(Clone)]
pub struct Protocol {
    /// Its name in TLS handshakes (RFC 7301).
    pub alpn: &'static str,
    /// The same over QUIC, on UDP ports of the same numbers; `None`: not spoken.
    pub messages: Option<Messages>,
    /// Says what the bytes mean.
    pub speaker: Arc<dyn Speaker>,
}

/// How a protocol is spoken over QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messages {
    /// Its name in handshakes.
    pub alpn: &'static str,
    /// Longest message of a client; a longer one ends the connection.
    pub bytes_max: usize,
    /// The protocol's code for the end of a connection that did nothing wrong.
    pub code_done: u32,
    /// The protocol's code for messages that are no messages.
    pub code_malformed: u32,
    /// The protocol's code for clients that want too much.
    pub code_overload: u32,
}

/// Speaks a protocol. Shared by all workers.
pub trait Speaker: Send + Sync + 'static {
    /// Serves a connection to its end; the stream is closed after that. Its limits are the
    /// speaker's own. Dropped when the drain's time is over.
    fn converse(&self, stream: Box<dyn Duplex>, conn: Arc<Conn>) -> BoxFuture<'_, ()>;

    /// Answers the message of a QUIC stream.
    ///
    /// # Errors
    /// The protocol's code with which the connection is ended.
    fn answer(&self, message: &[u8], conn: &Conn) -> Result<Vec<u8>, u32>;
}

/// How the exchange on a stream ended.
enum Ended {
    /// Answered, or given up by the client.
    Fine,
    /// Nothing whole came, or the answer was not taken, for too long.
    Slow,
    /// The connection is to be closed with this code, for this reason.
    Broken(u32, &'static str),
}

impl Protocol {
    /// Serves a TLS connection.
    pub(crate) async fn converse(
        &self,
        stream: impl Duplex + 'static,
        mut conn: Conn,
        drain: &Drain,
    ) {
        if let Some(tls) = &mut conn.tls {
            tls.alpn = Some(self.alpn);
        }
        tokio::select! {
            biased;
            () = self.speaker.converse(Box::new(stream), Arc::new(conn)) => {}
            () = drain.expired() => {}
        }
    }

    /// Serves a QUIC connection: each stream of the client is a message.
    pub(crate) async fn exchange(
        &self,
        quic: quinn::Connection,
        (peer, local, accepted): (SocketAddr, SocketAddr, Instant),
        place: Place,
    ) {
        let Some(messages) = self.messages else {
            return;
        };
        let conn = Arc::new(Conn {
            endpoint: None,
            peer,
            local,
            tls: Some(TlsInfo {
                alpn: Some(messages.alpn),
                ..tls::describe_quic(&quic)
            }),
            rtt: Rtt::of(quic.rtt()),
            listener: Arc::clone(&place.station.name),
            accepted,
        });
        let life = Life {
            quic,
            conn,
            messages,
            speaker: Arc::clone(&self.speaker),
            station: Arc::clone(&place.station),
        };
        let streams = TaskTracker::new();
        let end = tokio::select! {
            biased;
            () = place.drain.begun() => None,
            reason = life.accept(&streams, &place.tasks) => reason,
        };
        streams.close();
        tokio::select! {
            biased;
            () = streams.wait() => {}
            () = place.drain.expired() => {}
        }
        if let Some(reason) = end {
            life.station.metrics.closed(reason);
        }
        // Says that nothing more will come; a connection that is gone already does not mind.
        life.quic.close(VarInt::from_u32(messages.code_done), b"");
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protocol")
            .field("alpn", &self.alpn)
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// A QUIC connection.
#[derive(Clone)]
struct Life {
    quic: quinn::Connection,
    conn: Arc<Conn>,
    messages: Messages,
    speaker: Arc<dyn Speaker>,
    station: Arc<Station>,
}

impl Life {
    /// Takes streams until the connection is gone (`None`) or idle for too long. How many may be
    /// open at once is the transport's limit.
    async fn accept(&self, streams: &TaskTracker, tasks: &TaskTracker) -> Option<&'static str> {
        let idle = self.station.limits.idle_timeout;
        loop {
            let accepting = pin!(self.quic.accept_bi());
            match timeout(idle, accepting).await {
                Ok(Ok((send, recv))) => {
                    let life = self.clone();
                    let exchange = async move { life.stream(send, recv).await };
                    tasks.spawn(streams.track_future(exchange));
                }
                Ok(Err(error)) => {
                    tracing::debug!(peer = %self.conn.peer, %error, "quic connection ended");
                    return None;
                }
                Err(_elapsed) if streams.is_empty() => return Some("idle"),
                Err(_elapsed) => {}
            }
        }
    }

    async fn stream(&self, mut send: SendStream, mut recv: RecvStream) {
        let overload = VarInt::from_u32(self.messages.code_overload);
        match self.turn(&mut send, &mut recv).await {
            Ended::Fine => {}
            Ended::Slow => {
                self.station.metrics.closed("slow_message");
                // Either may be over already, which is as good.
                let _ = recv.stop(overload);
                let _ = send.reset(overload);
            }
            Ended::Broken(code, reason) => {
                self.station.metrics.closed(reason);
                self.quic.close(VarInt::from_u32(code), reason.as_bytes());
            }
        }
    }

    async fn turn(&self, send: &mut SendStream, recv: &mut RecvStream) -> Ended {
        let limits = &self.station.limits;
        let Messages { bytes_max, .. } = self.messages;
        let message = match within(limits.head_timeout, recv.read_to_end(bytes_max)).await {
            Some(Ok(message)) => message,
            Some(Err(quinn::ReadToEndError::TooLong)) => {
                return Ended::Broken(self.messages.code_malformed, "message_too_long");
            }
            Some(Err(quinn::ReadToEndError::Read(_))) => return Ended::Fine,
            None => return Ended::Slow,
        };
        let answer = match self.speaker.answer(&message, &self.conn) {
            Ok(answer) => answer,
            Err(code) => return Ended::Broken(code, "message_malformed"),
        };
        let write = async {
            send.write_all(&answer).await.ok()?;
            send.finish().ok()
        };
        match within(limits.write_idle_timeout, write).await {
            Some(_) => Ended::Fine,
            None => Ended::Slow,
        }
    }
}

/// What `future` gives, unless it takes longer than `limit`.
async fn within<T>(limit: std::time::Duration, future: impl Future<Output = T>) -> Option<T> {
    timeout(limit, future).await.ok()
}
