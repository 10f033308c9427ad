//! A body that arrives over a stream.
//!
//! It is read in pieces of up to 64 KiB, because quinn's own chunks are single packets and each
//! would become a frame towards the client. A body that ends early, stands still, or is reset
//! fails; it never just ends. Dropping it unread tells the sender to stop.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use serve::{Body, BoxError};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep};

use super::head::{HeadFault, read_trailers};
use super::stream::{Inbound, ReadFault};
use super::{COALESCE_BYTES, PREFIX_BYTES};
use crate::code;
use crate::limits::LinkLimits;
use crate::metrics::{Metrics, Refused};

/// Why a body from another node failed. Where the far node says that its client's body failed,
/// the error is a [`serve::BodyError`] instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkBodyError {
    /// The sender gave up.
    #[error("body was reset by the other node")]
    Reset,
    /// The connection was lost.
    #[error("body was cut off with the connection")]
    ConnectionLost,
    /// The stream ended before the body did.
    #[error("body ended early")]
    Truncated,
    /// Nothing arrived for too long.
    #[error("body stood still for too long")]
    Idle,
    /// Its framing or trailers cannot be decoded.
    #[error("body cannot be decoded")]
    Malformed,
}

/// What reading a body needs besides the stream.
#[derive(Clone, Debug)]
pub(crate) struct BodyContext {
    pub(crate) limits: Arc<LinkLimits>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Aborts the task that still sends the request when the response is done with.
#[derive(Debug)]
pub(crate) struct AbortOnDrop(pub(crate) AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
enum Stage {
    /// This many bytes are to come; then trailers or the end.
    Sized(u64),
    /// This many bytes of a chunk are to come; then the next chunk.
    Chunk(usize),
    ChunkLength,
    Trailers,
    Done,
}

struct StreamBody {
    inbound: Inbound,
    stage: Stage,
    context: BodyContext,
    idle: Option<Pin<Box<Sleep>>>,
    idle_set: bool,
    _sending: Option<AbortOnDrop>,
}

/// Makes the body that follows a head. A small body that has arrived with its head needs no
/// stream any more.
pub(crate) fn receive(
    mut inbound: Inbound,
    length: Option<u64>,
    context: BodyContext,
    sending: Option<AbortOnDrop>,
) -> Body {
    let stage = match length {
        Some(0) => {
            inbound.at_end();
            return Body::empty();
        }
        Some(length) => {
            if inbound.buf.len() as u64 == length {
                let whole = inbound.buf.split().freeze();
                if inbound.at_end() {
                    return Body::full(whole);
                }
                inbound.buf = whole
                    .try_into_mut()
                    .unwrap_or_else(|shared| shared[..].into());
            }
            Stage::Sized(length)
        }
        None => Stage::ChunkLength,
    };
    Body::wrap(StreamBody {
        inbound,
        stage,
        context,
        idle: None,
        idle_set: false,
        _sending: sending,
    })
}

impl StreamBody {
    /// Reads more, or fails when nothing has come for too long.
    fn poll_more(&mut self, cx: &mut Context<'_>, want: u64) -> Poll<Result<bool, BoxError>> {
        let at_most = usize::try_from(want)
            .unwrap_or(COALESCE_BYTES)
            .min(COALESCE_BYTES);
        if let Poll::Ready(read) = self.inbound.poll_more(cx, at_most) {
            self.idle_set = false;
            return Poll::Ready(read.map_err(explain));
        }
        let after = self.context.limits.body_idle;
        let idle = self
            .idle
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        if !self.idle_set {
            idle.as_mut().reset(Instant::now() + after);
            self.idle_set = true;
        }
        ready!(idle.as_mut().poll(cx));
        self.context.metrics.refused(Refused::BodyIdle);
        Poll::Ready(Err(LinkBodyError::Idle.into()))
    }

    /// Up to `left` bytes of data.
    fn poll_data(&mut self, cx: &mut Context<'_>, left: u64) -> Poll<Result<Bytes, BoxError>> {
        if self.inbound.buf.is_empty() && !ready!(self.poll_more(cx, left))? {
            return Poll::Ready(Err(LinkBodyError::Truncated.into()));
        }
        let have = self.inbound.buf.len();
        let take = usize::try_from(left).map_or(have, |left| left.min(have));
        Poll::Ready(Ok(self.inbound.buf.split_to(take).freeze()))
    }

    /// The number in front of a chunk or of the trailers; none if the stream ends before it.
    fn poll_u32(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<u32>, BoxError>> {
        loop {
            if let Some(number) = self.inbound.peek_u32() {
                return Poll::Ready(Ok(Some(number)));
            }
            if !ready!(self.poll_more(cx, COALESCE_BYTES as u64))? {
                if self.inbound.buf.is_empty() {
                    return Poll::Ready(Ok(None));
                }
                return Poll::Ready(Err(LinkBodyError::Truncated.into()));
            }
        }
    }

    fn poll_trailers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<http::HeaderMap>, BoxError>> {
        let Some(length) = ready!(self.poll_u32(cx))? else {
            return Poll::Ready(Ok(None));
        };
        let length = length as usize;
        if length > self.context.limits.trailers_bytes_max {
            self.context.metrics.refused(Refused::TooLarge);
            return Poll::Ready(Err(LinkBodyError::Malformed.into()));
        }
        let whole = PREFIX_BYTES + length;
        while self.inbound.buf.len() < whole {
            if !ready!(self.poll_more(cx, whole as u64))? {
                return Poll::Ready(Err(LinkBodyError::Truncated.into()));
            }
        }
        // The end must follow: it is what tells that nothing was lost.
        if self.inbound.buf.len() == whole && ready!(self.poll_more(cx, 1))?
            || self.inbound.buf.len() > whole
        {
            return Poll::Ready(Err(LinkBodyError::Malformed.into()));
        }
        let block = self.inbound.buf.split().freeze().slice(PREFIX_BYTES..);
        let trailers = read_trailers(&block, self.context.limits.headers_max)
            .map_err(|_: HeadFault| LinkBodyError::Malformed)?;
        Poll::Ready(Ok(Some(trailers)))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, BoxError>> {
        loop {
            match self.stage {
                Stage::Sized(0) => self.stage = Stage::Trailers,
                Stage::Sized(left) => {
                    let data = ready!(self.poll_data(cx, left))?;
                    self.stage = Stage::Sized(left - data.len() as u64);
                    // Spares a reader that looks at `is_end_stream` one more poll.
                    if left == data.len() as u64 && self.inbound.at_end() {
                        self.stage = Stage::Done;
                    }
                    return Poll::Ready(Ok(Some(Frame::data(data))));
                }
                Stage::Chunk(0) => self.stage = Stage::ChunkLength,
                Stage::Chunk(left) => {
                    // Not only this chunk: the next ones come with the same read.
                    if self.inbound.buf.is_empty()
                        && !ready!(self.poll_more(cx, COALESCE_BYTES as u64))?
                    {
                        return Poll::Ready(Err(LinkBodyError::Truncated.into()));
                    }
                    let data = ready!(self.poll_data(cx, left as u64))?;
                    self.stage = Stage::Chunk(left - data.len());
                    return Poll::Ready(Ok(Some(Frame::data(data))));
                }
                Stage::ChunkLength => {
                    let Some(length) = ready!(self.poll_u32(cx))? else {
                        return Poll::Ready(Err(LinkBodyError::Truncated.into()));
                    };
                    let _ = self.inbound.buf.split_to(PREFIX_BYTES);
                    self.stage = match length {
                        0 => Stage::Trailers,
                        length => Stage::Chunk(length as usize),
                    };
                }
                Stage::Trailers => {
                    let trailers = ready!(self.poll_trailers(cx))?;
                    self.stage = Stage::Done;
                    return Poll::Ready(Ok(trailers.map(Frame::trailers)));
                }
                Stage::Done => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let next = ready!(this.poll_next(cx));
        if next.is_err() {
            this.stage = Stage::Done;
            this.inbound.stop(code::CANCELLED);
        }
        Poll::Ready(next.transpose())
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match self.stage {
            Stage::Sized(left) => SizeHint::with_exact(left),
            Stage::Chunk(_) | Stage::ChunkLength => SizeHint::default(),
            Stage::Trailers | Stage::Done => SizeHint::with_exact(0),
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if !self.is_end_stream() && !self.inbound.at_end() {
            self.inbound.stop(code::ENOUGH);
        }
    }
}

/// A stream's failure as the body's error; the far node's reason wins.
fn explain(fault: ReadFault) -> BoxError {
    match fault {
        ReadFault::Stream(quinn::ReadError::Reset(reset)) => match code::to_body(reset) {
            Some(reason) => reason.into(),
            None => LinkBodyError::Reset.into(),
        },
        ReadFault::Stream(quinn::ReadError::ConnectionLost(_)) => {
            LinkBodyError::ConnectionLost.into()
        }
        ReadFault::Stream(_) | ReadFault::Truncated => LinkBodyError::Truncated.into(),
        ReadFault::TooLarge(_) => LinkBodyError::Malformed.into(),
    }
}
