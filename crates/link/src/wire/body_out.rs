//! Sends a head and a body over a stream.
//!
//! What is ready is gathered, so that a small message is one write; large pieces go without a
//! copy. A body that fails at its source, or is not as long as it said, becomes a reset.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame};
use quinn::WriteError;
use serve::{Body, BodyError, BoxError};

use super::head::put_trailers;
use super::stream::Outbound;
use super::{COALESCE_BYTES, PREFIX_BYTES};
use crate::code;

/// Pieces up to this size are copied behind what is waiting; larger ones go as they are.
const COPY_BYTES_MAX: usize = 8 * 1024;

/// Why a body was not sent to its end.
#[derive(Debug)]
pub(crate) enum SendFault {
    /// The stream failed, or the peer wants no more.
    Stream(WriteError),
    /// The peer has not taken anything for too long.
    Stalled,
    /// The body failed at its source.
    Source(Option<BodyError>),
}

impl From<WriteError> for SendFault {
    fn from(fault: WriteError) -> Self {
        Self::Stream(fault)
    }
}

/// The length to announce in the head: zero only if not even trailers can come.
pub(crate) fn announced(body: &Body) -> Option<u64> {
    if body.is_end_stream() {
        return Some(0);
    }
    body.size_hint().exact().filter(|length| *length > 0)
}

/// Sends `head` (already encoded) and `body`, and finishes the stream. Dropping the future
/// resets it.
pub(crate) async fn send(
    outbound: &mut Outbound,
    head: BytesMut,
    body: Body,
    length: Option<u64>,
    idle: Duration,
) -> Result<(), SendFault> {
    let sent = Sending {
        outbound,
        waiting: head,
        left: length,
        idle,
    }
    .run(body, length)
    .await;
    if let Err(SendFault::Source(reason)) = &sent {
        outbound.reset(code::of_body(*reason));
    }
    sent
}

struct Sending<'a> {
    outbound: &'a mut Outbound,
    /// Encoded and not yet written.
    waiting: BytesMut,
    /// Bytes still to come, when the length was announced.
    left: Option<u64>,
    /// How long one write may wait.
    idle: Duration,
}

impl Sending<'_> {
    async fn run(&mut self, mut body: Body, length: Option<u64>) -> Result<(), SendFault> {
        let trailers = match length {
            Some(0) => None,
            _ => self.data(&mut body).await?,
        };
        match self.left {
            None => self.waiting.extend_from_slice(&[0; PREFIX_BYTES]),
            Some(0) => {}
            Some(_) => return Err(SendFault::Source(None)),
        }
        if let Some(trailers) = trailers {
            put_trailers(&mut self.waiting, &trailers).map_err(|_| SendFault::Source(None))?;
        }
        self.flush().await?;
        self.outbound.finish();
        Ok(())
    }

    /// Sends all data frames; returns the trailers if there are any.
    async fn data(&mut self, body: &mut Body) -> Result<Option<HeaderMap>, SendFault> {
        loop {
            let frame = match poll_now(body).await {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    // The source is slower than we are: what is there goes out now.
                    self.flush().await?;
                    std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
                }
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|e| SendFault::Source(BodyError::of(&*e)))?;
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => self.piece(data).await?,
                Err(frame) => return Ok(frame.into_trailers().ok()),
            }
        }
    }

    async fn piece(&mut self, mut data: Bytes) -> Result<(), SendFault> {
        if let Some(left) = &mut self.left {
            let rest = left.checked_sub(data.len() as u64);
            *left = rest.ok_or(SendFault::Source(None))?;
            return self.write(data).await;
        }
        while data.has_remaining() {
            let part = data.split_to(data.len().min(u32::MAX as usize));
            let length = u32::try_from(part.len()).map_err(|_| SendFault::Source(None))?;
            self.waiting.extend_from_slice(&length.to_be_bytes());
            self.write(part).await?;
        }
        Ok(())
    }

    async fn write(&mut self, data: Bytes) -> Result<(), SendFault> {
        if data.len() <= COPY_BYTES_MAX {
            self.waiting.extend_from_slice(&data);
            if self.waiting.len() >= COALESCE_BYTES {
                self.flush().await?;
            }
            return Ok(());
        }
        if self.waiting.is_empty() {
            let written = tokio::time::timeout(self.idle, self.outbound.write(data));
            return Ok(written.await.map_err(|_| SendFault::Stalled)??);
        }
        let before = self.waiting.split().freeze();
        let written = tokio::time::timeout(self.idle, self.outbound.write_two(before, data));
        Ok(written.await.map_err(|_| SendFault::Stalled)??)
    }

    async fn flush(&mut self) -> Result<(), SendFault> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = self.waiting.split().freeze();
        let written = tokio::time::timeout(self.idle, self.outbound.write(waiting));
        Ok(written.await.map_err(|_| SendFault::Stalled)??)
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// What the body has at hand right now.
async fn poll_now(body: &mut Body) -> Polled {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx))).await
}
