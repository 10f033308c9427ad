//! The body that a client sends, with its limits enforced while it is read.
//!
//! Only requests that have a body get one. It counts bytes, keeps the time while a reader waits,
//! and turns the library's errors into [`BodyError`], so that roles can answer 400, 408 or 413.
//! It does not limit a reader that does not read: that is back-pressure, not slowness.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::body::BodyError;
use crate::h3::Inbound;
use crate::service::Link;

/// A client's body within limits.
#[derive(Debug)]
pub(crate) struct Guarded {
    incoming: Source,
    left: u64,
    /// Made when a read first has to wait; set anew when it waits again after progress.
    timer: Option<Pin<Box<Sleep>>>,
    progressed: bool,
    /// Read to its end, or failed: there is nothing more to read.
    ended: bool,
    link: Arc<Link>,
}

/// Where the bytes come from.
#[derive(Debug)]
enum Source {
    Hyper(Incoming),
    H3(Box<Inbound>),
}

impl Source {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Hyper(incoming) => {
                let polled = Pin::new(incoming).poll_frame(cx);
                polled.map_err(|error| classify(&error))
            }
            Self::H3(inbound) => inbound.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Hyper(incoming) => incoming.is_end_stream(),
            Self::H3(inbound) => inbound.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Hyper(incoming) => incoming.size_hint(),
            Self::H3(inbound) => inbound.size_hint(),
        }
    }
}

impl Guarded {
    pub(crate) fn new(incoming: Incoming, link: Arc<Link>) -> Self {
        Self::of(Source::Hyper(incoming), link)
    }

    pub(crate) fn h3(inbound: Inbound, link: Arc<Link>) -> Self {
        Self::of(Source::H3(Box::new(inbound)), link)
    }

    fn of(incoming: Source, link: Arc<Link>) -> Self {
        let left = link.limits().body_bytes_max;
        Self {
            incoming,
            left,
            timer: None,
            progressed: false,
            ended: false,
            link,
        }
    }

    fn fail(&mut self, error: BodyError) -> BodyError {
        self.ended = true;
        self.link.body_failed(error);
        error
    }

    /// Whether the reader has waited too long for the next byte.
    fn poll_time(&mut self, cx: &mut Context<'_>, limit: Duration) -> Poll<()> {
        let progressed = std::mem::take(&mut self.progressed);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if progressed {
            timer.as_mut().reset(Instant::now() + limit);
        }
        timer.as_mut().poll(cx)
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        match this.incoming.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.progressed = true;
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match this.left.checked_sub(length) {
                    Some(left) => {
                        this.left = left;
                        Poll::Ready(Some(Ok(frame)))
                    }
                    None => Poll::Ready(Some(Err(this.fail(BodyError::TooLarge)))),
                }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(this.fail(error)))),
            Poll::Ready(None) => {
                this.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let limit = this.link.limits().body_idle_timeout;
                this.poll_time(cx, limit)
                    .map(|()| Some(Err(this.fail(BodyError::TimedOut))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            self.link.body_unread();
        }
    }
}

/// The library reports bytes that do not decode as invalid input or data of an `io::Error`; all
/// else (end of file, reset, a cancelled connection) means that the client is gone.
fn classify(error: &hyper::Error) -> BodyError {
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => BodyError::Malformed,
                _ => BodyError::Aborted,
            };
        }
        next = source.source();
    }
    BodyError::Aborted
}
