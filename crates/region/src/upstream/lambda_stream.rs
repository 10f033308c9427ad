//! The stream that a function answers with, out of the frames it comes in.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame as BodyFrame};
use lang::event_stream::{Decoder, Frame};
use serve::{Body, BoxError};

use super::AwsError;

/// Why a stream ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StreamError {
    /// The function or its runtime failed.
    #[error("the function failed within its stream")]
    Function,
    /// The connection ended before the stream, or what came is no stream.
    #[error("the function's stream is cut off or malformed")]
    Broken,
}

impl From<StreamError> for AwsError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Function => Self::Function,
            StreamError::Broken => Self::Answer,
        }
    }
}

/// The payloads of `PayloadChunk` frames, until `InvokeComplete`.
pub(super) struct Payloads {
    body: Body,
    decoder: Decoder,
    ended: bool,
}

impl Payloads {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            decoder: Decoder::default(),
            ended: false,
        }
    }

    /// The next payload; none at the end. Nothing is lost when the future of a caller is dropped.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StreamError>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match self.decoder.next_frame() {
                Ok(Some(frame)) => {
                    if let Some(event) = self.take(frame) {
                        return Poll::Ready(Some(event));
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(%error, "a function's stream cannot be read");
                    return Poll::Ready(Some(self.fail(StreamError::Broken)));
                }
            }
            let next = ready!(Pin::new(&mut self.body).poll_frame(cx));
            match next.map(|read| read.map(BodyFrame::into_data)) {
                Some(Ok(Ok(data))) => self.decoder.push(&data),
                // Trailers say nothing here.
                Some(Ok(Err(_))) => {}
                Some(Err(_)) | None => {
                    return Poll::Ready(Some(self.fail(StreamError::Broken)));
                }
            }
        }
    }

    /// What a frame means; none if nothing.
    fn take(&mut self, frame: Frame) -> Option<Result<Bytes, StreamError>> {
        let exception = frame
            .header(":message-type")
            .is_some_and(|kind| kind != "event");
        if exception {
            return Some(self.fail(StreamError::Function));
        }
        match frame.header(":event-type") {
            Some("PayloadChunk") => Some(Ok(frame.payload.into())),
            Some("InvokeComplete") => {
                self.ended = true;
                let fields: Option<serde_json::Value> = serde_json::from_slice(&frame.payload).ok();
                let code = fields.as_ref().and_then(|fields| fields.get("ErrorCode"));
                let failed = code.is_some_and(|code| !code.is_null());
                failed.then_some(Err(StreamError::Function))
            }
            // Later kinds of events are none of ours.
            Some(_) | None => None,
        }
    }

    fn fail(&mut self, error: StreamError) -> Result<Bytes, StreamError> {
        self.ended = true;
        Err(error)
    }
}

/// What follows the head, as a body. A failure cuts it off, which clients can see.
pub(super) struct Streamed {
    /// Came together with the head.
    first: Bytes,
    payloads: Payloads,
}

impl Streamed {
    pub(super) const fn new(first: Bytes, payloads: Payloads) -> Self {
        Self { first, payloads }
    }
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            let next = if this.first.is_empty() {
                ready!(this.payloads.poll_next(cx))
            } else {
                Some(Ok(std::mem::take(&mut this.first)))
            };
            match next {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => return Poll::Ready(Some(Ok(BodyFrame::data(chunk)))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
    }
}
