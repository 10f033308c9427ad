//! The body that a client sends over HTTP/3, as frames.
//!
//! The library does not compare a body with its announced length (RFC 9114 section 4.1.2), so this
//! does. Size and time are limited by the guard around it, as for every version.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h3::error::StreamError;
use http_body::{Frame, SizeHint};

use super::quic::Recv;
use super::watched::Pulled;
use crate::body::BodyError;

/// A body while it arrives.
pub(crate) struct Inbound {
    stream: h3::server::RequestStream<Recv, Bytes>,
    pulled: Pulled,
    /// Read already, to learn whether there is a body.
    first: VecDeque<Bytes>,
    /// What the client still owes of the length it announced.
    owed: Option<u64>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Content,
    Trailers,
    End,
}

impl Inbound {
    pub(crate) const fn new(
        stream: h3::server::RequestStream<Recv, Bytes>,
        pulled: Pulled,
        announced: Option<u64>,
    ) -> Self {
        Self {
            stream,
            pulled,
            first: VecDeque::new(),
            owed: announced,
            place: Place::Content,
        }
    }

    /// Waits until it is known whether there is any content, and says so.
    pub(crate) async fn has_content(&mut self) -> Result<bool, BodyError> {
        let next = std::future::poll_fn(|cx| self.poll_data(cx)).await;
        let Some(data) = next.transpose()? else {
            return Ok(false);
        };
        self.first.push_back(data);
        Ok(true)
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(data) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.place == Place::Content
            && let Some(data) = ready!(self.poll_data(cx))
        {
            return Poll::Ready(Some(data.map(Frame::data)));
        }
        if self.place == Place::End {
            return Poll::Ready(None);
        }
        let trailers = ready!(self.stream.poll_recv_trailers(cx));
        self.place = Place::End;
        Poll::Ready(match trailers {
            Ok(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(None) => None,
            Err(error) => Some(Err(classify(&error))),
        })
    }

    /// The next piece of content; after the last the place has moved on.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let polled = match ready!(self.stream.poll_recv_data(cx)) {
            Ok(Some(mut data)) => Ok(Some(data.copy_to_bytes(data.remaining()))),
            Ok(None) => Ok(None),
            Err(error) => Err(classify(&error)),
        };
        Poll::Ready(match polled {
            Ok(Some(data)) => {
                self.pulled.progress();
                Some(self.count(data))
            }
            Ok(None) => {
                self.place = Place::Trailers;
                match self.owed {
                    Some(owed) if owed > 0 => Some(Err(self.fail(BodyError::Malformed))),
                    _ => None,
                }
            }
            Err(error) => Some(Err(self.fail(error))),
        })
    }

    fn count(&mut self, data: Bytes) -> Result<Bytes, BodyError> {
        if let Some(owed) = self.owed {
            let Some(left) = owed.checked_sub(data.len() as u64) else {
                return Err(self.fail(BodyError::Malformed));
            };
            self.owed = Some(left);
        }
        Ok(data)
    }

    const fn fail(&mut self, error: BodyError) -> BodyError {
        self.place = Place::End;
        error
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.place == Place::End
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let first: u64 = self.first.iter().map(|data| data.len() as u64).sum();
        self.owed
            .map_or_else(SizeHint::new, |owed| SizeHint::with_exact(owed + first))
    }
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbound")
            .field("owed", &self.owed)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A stream that was reset or lost means that the client is gone; all else does not decode.
fn classify(error: &StreamError) -> BodyError {
    match error {
        StreamError::StreamError { .. } | StreamError::HeaderTooBig { .. } => BodyError::Malformed,
        _ => BodyError::Aborted,
    }
}
