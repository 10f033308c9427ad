//! The two halves of a stream: [`Outbound`] resets when dropped early, [`Inbound`] reads blocks.
//!
//! quinn finishes a `SendStream` that is dropped, which would make an aborted body look
//! complete. Here the opposite holds: only an explicit [`Outbound::finish`] ends it well.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};
use serve::{MuxedReceiver, MuxedSender};
use tokio_util::io::poll_read_buf;

use super::PREFIX_BYTES;
use crate::carrier;
use crate::code;
use crate::error::CallError;

/// The first read of a stream; most heads and many small bodies fit.
const FIRST_READ_BYTES: usize = 2 * 1024;
/// A block grows by at most this much before the bytes for it have arrived.
const GROW_BYTES_MAX: usize = 1 << 20;

/// The sending half.
#[derive(Debug)]
pub(crate) struct Outbound {
    send: Sending,
    ended: bool,
    /// Counts the stream while it is answered.
    _counted: Option<Counted>,
}

#[derive(Debug)]
enum Sending {
    Quic(SendStream),
    Tcp(MuxedSender),
}

impl Outbound {
    pub(crate) fn quic(send: SendStream) -> Self {
        Self::new(Sending::Quic(send), None)
    }

    pub(crate) fn tcp(send: MuxedSender, counted: Option<Counted>) -> Self {
        Self::new(Sending::Tcp(send), counted)
    }

    fn new(send: Sending, counted: Option<Counted>) -> Self {
        Self {
            send,
            ended: false,
            _counted: counted,
        }
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        match &mut self.send {
            Sending::Quic(send) => send.write_chunk(bytes).await,
            Sending::Tcp(send) => send.write(bytes).await.map_err(carrier::write_fault),
        }
    }

    /// Writes both under one lock of the connection, the second without a copy.
    pub(crate) async fn write_two(&mut self, a: Bytes, b: Bytes) -> Result<(), WriteError> {
        match &mut self.send {
            Sending::Quic(send) => send.write_all_chunks(&mut [a, b]).await,
            Sending::Tcp(send) => {
                send.write(a).await.map_err(carrier::write_fault)?;
                send.write(b).await.map_err(carrier::write_fault)
            }
        }
    }

    /// The clean end.
    pub(crate) fn finish(&mut self) {
        self.ended = true;
        match &mut self.send {
            // An error means that the peer stopped the stream: it wants no end either.
            Sending::Quic(send) => drop(send.finish()),
            Sending::Tcp(send) => send.finish(),
        }
    }

    /// The end in failure; what has not arrived yet may be dropped.
    pub(crate) fn reset(&mut self, reason: VarInt) {
        if !self.ended {
            self.ended = true;
            match &mut self.send {
                Sending::Quic(send) => drop(send.reset(reason)),
                Sending::Tcp(send) => send.reset(carrier::small(reason)),
            }
        }
    }

    /// Resolves when the peer wants no more, or the connection is lost. Does not borrow.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let (quic, tcp) = match &self.send {
            Sending::Quic(send) => (Some(send.stopped()), None),
            Sending::Tcp(send) => (None, Some(send.stopped())),
        };
        async move {
            match (quic, tcp) {
                (Some(quic), _) => drop(quic.await),
                (None, Some(tcp)) => tcp.await,
                (None, None) => {}
            }
        }
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.reset(code::CANCELLED);
    }
}

/// Why a block could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    #[error("stream failed")]
    Stream(#[from] ReadError),
    #[error("stream ended early")]
    Truncated,
    #[error("block of {0} bytes is over its limit")]
    TooLarge(u32),
}

impl ReadFault {
    pub(crate) fn into_call_error(self) -> CallError {
        use crate::error::CallFailure;
        match self {
            Self::Stream(fault) => CallError::from_read(&fault),
            Self::Truncated => CallError::maybe(CallFailure::Malformed),
            Self::TooLarge(_) => CallError::maybe(CallFailure::TooLarge),
        }
    }
}

/// The receiving half with what has been read and not used.
#[derive(Debug)]
pub(crate) struct Inbound {
    recv: Receiving,
    pub(crate) buf: BytesMut,
    eof: bool,
    counted: Option<Counted>,
}

#[derive(Debug)]
enum Receiving {
    Quic(RecvStream),
    Tcp(MuxedReceiver),
}

/// Counts a stream while it is read.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(crate) fn enter(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inbound {
    pub(crate) fn quic(recv: RecvStream) -> Self {
        Self::new(Receiving::Quic(recv), None)
    }

    pub(crate) fn tcp(recv: MuxedReceiver, counted: Option<Counted>) -> Self {
        Self::new(Receiving::Tcp(recv), counted)
    }

    fn new(recv: Receiving, counted: Option<Counted>) -> Self {
        Self {
            recv,
            buf: BytesMut::new(),
            eof: false,
            counted,
        }
    }

    /// Nobody has to wait for the end of this stream before its connection is left.
    pub(crate) fn uncounted(mut self) -> Self {
        self.counted = None;
        self
    }

    /// Reads at most `at_most` more bytes into the buffer; false at the end of the stream.
    pub(crate) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        at_most: usize,
    ) -> Poll<Result<bool, ReadFault>> {
        if self.eof {
            return Poll::Ready(Ok(false));
        }
        let at_most = at_most.max(1);
        match &mut self.recv {
            Receiving::Quic(recv) => {
                self.buf.reserve(at_most);
                let read = ready!(poll_read_buf(Pin::new(recv), cx, &mut self.buf));
                self.eof = read.map_err(of_io)? == 0;
            }
            Receiving::Tcp(recv) => {
                let read = ready!(recv.poll_read(cx, at_most)).map_err(carrier::read_fault)?;
                self.eof = read.is_none();
                self.buf.extend_from_slice(&read.unwrap_or_default());
            }
        }
        Poll::Ready(Ok(!self.eof))
    }

    /// Whether the stream has ended and everything read was used. Takes the end if it is
    /// already there, which spares the peer a needless stop.
    pub(crate) fn at_end(&mut self) -> bool {
        if self.buf.is_empty() && !self.eof {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let _ = self.poll_more(&mut cx, FIRST_READ_BYTES);
        }
        self.buf.is_empty() && self.eof
    }

    /// Makes the buffer hold at least `bytes`; false if the stream ends first. Cancel safe.
    pub(crate) async fn fill(&mut self, bytes: usize) -> Result<bool, ReadFault> {
        while self.buf.len() < bytes {
            let missing = bytes - self.buf.len();
            let step = missing.clamp(FIRST_READ_BYTES, GROW_BYTES_MAX);
            if !std::future::poll_fn(|cx| self.poll_more(cx, step)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next `N` bytes. Cancel safe.
    pub(crate) async fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadFault> {
        if !self.fill(N).await? {
            return Err(ReadFault::Truncated);
        }
        let mut out = [0; N];
        out.copy_from_slice(&self.buf.split_to(N));
        Ok(out)
    }

    /// The next block, or none at the end of the stream. Cancel safe.
    pub(crate) async fn next_block(&mut self, max: usize) -> Result<Option<Bytes>, ReadFault> {
        if !self.fill(PREFIX_BYTES).await? {
            return if self.buf.is_empty() {
                Ok(None)
            } else {
                Err(ReadFault::Truncated)
            };
        }
        let length = self.peek_u32().unwrap_or_default();
        let bytes = length as usize;
        if bytes > max {
            return Err(ReadFault::TooLarge(length));
        }
        if !self.fill(PREFIX_BYTES + bytes).await? {
            return Err(ReadFault::Truncated);
        }
        let mut block = self.buf.split_to(PREFIX_BYTES + bytes).freeze();
        Ok(Some(block.split_off(PREFIX_BYTES)))
    }

    /// The next block, which must be there. Cancel safe.
    pub(crate) async fn block(&mut self, max: usize) -> Result<Bytes, ReadFault> {
        self.next_block(max).await?.ok_or(ReadFault::Truncated)
    }

    /// The big-endian number at the front of the buffer, if it is there.
    pub(crate) fn peek_u32(&self) -> Option<u32> {
        self.buf
            .first_chunk::<PREFIX_BYTES>()
            .map(|prefix| u32::from_be_bytes(*prefix))
    }

    /// Tells the sender that nothing more is wanted.
    pub(crate) fn stop(&mut self, reason: VarInt) {
        if !self.eof {
            self.eof = true;
            match &mut self.recv {
                Receiving::Quic(recv) => drop(recv.stop(reason)),
                Receiving::Tcp(recv) => recv.stop(),
            }
        }
    }
}

/// quinn hands its own error through `io::Error`.
fn of_io(error: io::Error) -> ReadFault {
    error
        .downcast::<ReadError>()
        .map_or(ReadFault::Truncated, ReadFault::Stream)
}
