//! The QUIC library as the HTTP/3 library wants it.
//!
//! Our own, because we need three things of a stream: to hear that the client wants no answer any
//! more while a handler still works on it, to know when an answer has been delivered, and a bound
//! on the bytes of a frame that is kept whole (a head, trailers). It decides nothing else.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::ConnectionError;

use super::translate::{lost, not_read, not_written, stream_id, stream_lost, varint};
use super::watched::{Ended, Last, Pulled, Watched};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send + Sync>>;
type Bidi = (quinn::SendStream, quinn::RecvStream);

/// A connection.
pub(crate) struct Connection {
    conn: quinn::Connection,
    accept_bi: Option<Boxed<Result<Bidi, ConnectionError>>>,
    accept_uni: Option<Boxed<Result<quinn::RecvStream, ConnectionError>>>,
    opener: Opener,
    last: Last,
    pulled_max: usize,
}

/// Opens streams of a connection.
pub(crate) struct Opener {
    conn: quinn::Connection,
    open_bi: Option<Boxed<Result<Bidi, ConnectionError>>>,
    open_uni: Option<Boxed<Result<quinn::SendStream, ConnectionError>>>,
    pulled_max: usize,
}

/// A sending side.
pub(crate) struct Sending {
    stream: quinn::SendStream,
    writing: Option<WriteBuf<Bytes>>,
}

/// A receiving side.
pub(crate) struct Recv {
    stream: quinn::RecvStream,
    pulled: Pulled,
    pulled_max: usize,
}

/// Both sides.
pub(crate) struct Both {
    send: Sending,
    recv: Recv,
}

/// Bytes taken from a stream in one piece.
const CHUNK_BYTES_MAX: usize = 16 * 1024;

// === impl Connection ===

impl Connection {
    /// `pulled_max` bounds the bytes of a frame that is kept whole.
    pub(crate) fn new(conn: quinn::Connection, pulled_max: usize) -> Self {
        Self {
            accept_bi: None,
            accept_uni: None,
            opener: Opener::new(conn.clone(), pulled_max),
            last: Last::default(),
            conn,
            pulled_max,
        }
    }

    pub(crate) fn last(&self) -> Last {
        self.last.clone()
    }
}

impl quic::Connection<Bytes> for Connection {
    type RecvStream = Recv;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Recv, ConnectionErrorIncoming>> {
        let conn = &self.conn;
        let accepting = self.accept_uni.get_or_insert_with(|| {
            let conn = conn.clone();
            Box::pin(async move { conn.accept_uni().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accept_uni = None;
        // Control streams live as long as the connection: their frames are small and bounded by
        // the library, so only what one frame may take is bounded here.
        Poll::Ready(match accepted {
            Ok(stream) => Ok(Recv::new(stream, usize::MAX)),
            Err(error) => Err(lost(error)),
        })
    }

    fn poll_accept_bidi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Both, ConnectionErrorIncoming>> {
        let conn = &self.conn;
        let accepting = self.accept_bi.get_or_insert_with(|| {
            let conn = conn.clone();
            Box::pin(async move { conn.accept_bi().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accept_bi = None;
        let (send, recv) = accepted.map_err(lost)?;
        let stopped = send.stopped();
        let ended = Box::pin(async move {
            match stopped.await {
                Ok(None) => Ended::Delivered,
                Ok(Some(_)) | Err(_) => Ended::Unwanted,
            }
        });
        let both = Both::new(send, recv, self.pulled_max);
        let pulled = both.recv.pulled.clone();
        self.last.put(Watched { ended, pulled });
        Poll::Ready(Ok(both))
    }

    fn opener(&self) -> Opener {
        Opener::new(self.conn.clone(), self.pulled_max)
    }
}

impl quic::OpenStreams<Bytes> for Connection {
    type BidiStream = Both;
    type SendStream = Sending;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Both, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(cx)
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Sending, StreamErrorIncoming>> {
        self.opener.poll_open_send(cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.opener.close(code, reason);
    }
}

// === impl Opener ===

impl Opener {
    const fn new(conn: quinn::Connection, pulled_max: usize) -> Self {
        Self {
            conn,
            open_bi: None,
            open_uni: None,
            pulled_max,
        }
    }
}

impl Clone for Opener {
    fn clone(&self) -> Self {
        Self::new(self.conn.clone(), self.pulled_max)
    }
}

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = Both;
    type SendStream = Sending;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Both, StreamErrorIncoming>> {
        let conn = &self.conn;
        let opening = self.open_bi.get_or_insert_with(|| {
            let conn = conn.clone();
            Box::pin(async move { conn.open_bi().await })
        });
        let opened = ready!(opening.as_mut().poll(cx));
        self.open_bi = None;
        let (send, recv) = opened.map_err(stream_lost)?;
        Poll::Ready(Ok(Both::new(send, recv, self.pulled_max)))
    }

    fn poll_open_send(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Sending, StreamErrorIncoming>> {
        let conn = &self.conn;
        let opening = self.open_uni.get_or_insert_with(|| {
            let conn = conn.clone();
            Box::pin(async move { conn.open_uni().await })
        });
        let opened = ready!(opening.as_mut().poll(cx));
        self.open_uni = None;
        Poll::Ready(opened.map(Sending::new).map_err(stream_lost))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.conn.close(varint(code.value()), reason);
    }
}

// === impl Sending ===

impl Sending {
    const fn new(stream: quinn::SendStream) -> Self {
        Self {
            stream,
            writing: None,
        }
    }
}

impl quic::SendStream<Bytes> for Sending {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(writing) = &mut self.writing {
            if !writing.has_remaining() {
                self.writing = None;
                break;
            }
            let stream = Pin::new(&mut self.stream);
            let written = ready!(stream.poll_write(cx, writing.chunk())).map_err(not_written)?;
            writing.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            // A call that was dropped half way: what follows would be garbage.
            let why = "a frame was left half written".to_owned();
            return Err(StreamErrorIncoming::ConnectionErrorIncoming {
                connection_error: ConnectionErrorIncoming::InternalError(why),
            });
        }
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let finished = self.stream.finish();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, reset_code: u64) {
        // Fails only for a stream that has ended already.
        let _ = self.stream.reset(varint(reset_code));
    }

    fn send_id(&self) -> StreamId {
        stream_id(self.stream.id())
    }
}

// === impl Recv ===

impl Recv {
    fn new(stream: quinn::RecvStream, pulled_max: usize) -> Self {
        Self {
            stream,
            pulled: Pulled::default(),
            pulled_max,
        }
    }
}

impl quic::RecvStream for Recv {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        if self.pulled.count() > self.pulled_max {
            self.stop_sending(Code::H3_EXCESSIVE_LOAD.value());
            return Poll::Ready(Err(StreamErrorIncoming::StreamTerminated {
                error_code: Code::H3_EXCESSIVE_LOAD.value(),
            }));
        }
        // The future holds no state besides the waker, which stays registered when it is dropped.
        let reading = pin!(self.stream.read_chunk(CHUNK_BYTES_MAX, true));
        match ready!(reading.poll(cx)) {
            Ok(Some(chunk)) => {
                self.pulled.add(chunk.bytes.len());
                Poll::Ready(Ok(Some(chunk.bytes)))
            }
            Ok(None) => Poll::Ready(Ok(None)),
            Err(error) => Poll::Ready(Err(not_read(error))),
        }
    }

    fn stop_sending(&mut self, error_code: u64) {
        // Fails only for a stream that has ended already.
        let _ = self.stream.stop(varint(error_code));
    }

    fn recv_id(&self) -> StreamId {
        stream_id(self.stream.id())
    }
}

impl Drop for Recv {
    /// Whoever drops a stream needs no more of it, which is no error (RFC 9114 section 4.1).
    fn drop(&mut self) {
        let _ = self.stream.stop(varint(Code::H3_NO_ERROR.value()));
    }
}

// === impl Both ===

impl Both {
    fn new(send: quinn::SendStream, recv: quinn::RecvStream, pulled_max: usize) -> Self {
        Self {
            send: Sending::new(send),
            recv: Recv::new(recv, pulled_max),
        }
    }
}

impl quic::BidiStream<Bytes> for Both {
    type SendStream = Sending;
    type RecvStream = Recv;

    fn split(self) -> (Sending, Recv) {
        (self.send, self.recv)
    }
}

impl quic::SendStream<Bytes> for Both {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.send.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.send.poll_finish(cx)
    }

    fn reset(&mut self, reset_code: u64) {
        self.send.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.send.send_id()
    }
}

impl quic::RecvStream for Both {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.recv.poll_data(cx)
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.recv.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.recv.recv_id()
    }
}
