//! The one body type of the gateway, and the reasons for which a request's body may fail.
//!
//! An enum instead of a box: the common bodies (none, one piece, a list of cached pieces, what a
//! client sends) cost no allocation and no virtual call. Anything else can be wrapped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use crate::guard::Guarded;
use crate::handler::BoxError;

/// A request or response body. Sends between threads, is not shared between them.
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Chunks(Chunks),
    /// What a client of this server sends.
    Client(Guarded),
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
}

/// A shared list of pieces with a place in it.
#[derive(Debug)]
struct Chunks {
    pieces: Arc<[Bytes]>,
    next: usize,
    left: u64,
}

/// Bytes set aside at most because a body announces them, before they have come.
const ROOM_BYTES_MAX: usize = 1024 * 1024;

/// Why the body of a request could not be read to its end.
///
/// It travels as the body's [`BoxError`]; [`BodyError::of`] finds it again, also below the errors
/// of libraries that passed it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyError {
    /// Its framing does not decode (400).
    #[error("request body is malformed")]
    Malformed,
    /// It is larger than a limit (413).
    #[error("request body is too large")]
    TooLarge,
    /// The client stopped sending it (408).
    #[error("request body did not arrive in time")]
    TimedOut,
    /// The client went away in the middle of it: nobody is there to be answered.
    #[error("request body was aborted by the client")]
    Aborted,
}

impl BodyError {
    /// The body error in `error` or in one of its sources.
    #[must_use]
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(*found);
            }
            next = error.source();
        }
        None
    }

    /// The status that tells the client what happened. For [`BodyError::Aborted`] it is 400, which
    /// only a log will see.
    #[must_use]
    pub const fn status(self) -> http::StatusCode {
        match self {
            Self::Malformed | Self::Aborted => http::StatusCode::BAD_REQUEST,
            Self::TooLarge => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => http::StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "body_malformed",
            Self::TooLarge => "body_too_large",
            Self::TimedOut => "body_timed_out",
            Self::Aborted => "body_aborted",
        }
    }
}

impl Body {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body in one piece, without copying it.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() {
            Self::empty()
        } else {
            Self(Kind::Full(bytes))
        }
    }

    /// A body in shared pieces, as a cache holds them; nothing is copied.
    #[must_use]
    pub fn chunks(pieces: Arc<[Bytes]>) -> Self {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        if left == 0 {
            Self::empty()
        } else {
            Self(Kind::Chunks(Chunks {
                pieces,
                next: 0,
                left,
            }))
        }
    }

    /// Any other body, boxed once.
    #[must_use]
    pub fn wrap<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Kind::Boxed(UnsyncBoxBody::new(body.map_err(Into::into))))
    }

    pub(crate) fn client(body: Guarded) -> Self {
        Self(Kind::Client(body))
    }

    /// Whether there certainly is no byte left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        http_body::Body::is_end_stream(self)
    }

    /// The bytes if the whole body is at hand in one piece (or empty), without waiting.
    #[must_use]
    pub const fn as_full(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Full(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Reads the body to its end into one piece of at most `bytes_max` bytes. Trailers are
    /// dropped. A body in one piece is not copied.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] beyond `bytes_max`; the body's own error otherwise (found with
    /// [`BodyError::of`] for the body of a client).
    pub async fn into_bytes(mut self, bytes_max: usize) -> Result<Bytes, BoxError> {
        let announced = http_body::Body::size_hint(&self).lower();
        if announced > bytes_max as u64 {
            return Err(BodyError::TooLarge.into());
        }
        let room = usize::try_from(announced)
            .unwrap_or(bytes_max)
            .min(ROOM_BYTES_MAX);
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            if first.len().max(whole.len()) + data.len() > bytes_max {
                return Err(BodyError::TooLarge.into());
            }
            if first.is_empty() {
                first = data;
                continue;
            }
            if whole.is_empty() {
                whole.reserve(room.max(first.len() + data.len()));
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
        Ok(if whole.is_empty() {
            first
        } else {
            whole.freeze()
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match &mut this.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Chunks(chunks) => Poll::Ready(chunks.next().map(|piece| Ok(Frame::data(piece)))),
            Kind::Client(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Kind::Boxed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Chunks(chunks) => chunks.left == 0,
            Kind::Client(body) => body.is_end_stream(),
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.remaining() as u64),
            Kind::Chunks(chunks) => SizeHint::with_exact(chunks.left),
            Kind::Client(body) => body.size_hint(),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

impl Chunks {
    /// The next piece that is not empty (an empty DATA frame would say nothing).
    fn next(&mut self) -> Option<Bytes> {
        while let Some(piece) = self.pieces.get(self.next) {
            self.next += 1;
            if !piece.is_empty() {
                self.left = self.left.saturating_sub(piece.len() as u64);
                return Some(piece.clone());
            }
        }
        None
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

#[cfg(test)]
mod tests;
