//! The answer of a backend while it is read, with the connection it is read from.
//!
//! The connection goes back to the pool with the last byte. If the reader goes away or the backend
//! falls silent before that, it is closed, which is how a backend learns of it in HTTP/1.1.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::{body::Incoming, client::conn::http1};
use serve::{Body, BoxError};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};

use super::pool::Entry;

/// An HTTP/1.1 connection in use.
pub(super) struct Lease {
    pub(super) entry: Arc<Entry>,
    pub(super) sender: http1::SendRequest<Body>,
    /// Whether it has carried a request before.
    pub(super) reused: bool,
    /// Frees the slot when dropped.
    pub(super) _slot: OwnedSemaphorePermit,
}

/// A backend's body.
pub(super) struct AnswerBody {
    incoming: Incoming,
    lease: Option<Lease>,
    idle_max: Duration,
    /// Made when a read first has to wait; set anew when it waits again after progress.
    timer: Option<Pin<Box<Sleep>>>,
    progressed: bool,
}

/// The backend fell silent in the middle of its answer.
#[derive(Debug, thiserror::Error)]
#[error("backend's body stood still for too long")]
struct BodyStalled;

impl Lease {
    /// Gives the connection back.
    pub(super) fn release(self) {
        self.entry.put_idle(self.sender);
    }
}

impl AnswerBody {
    /// The body of an answer; an empty one needs no wrapping and frees the connection at once.
    pub(super) fn wrap(incoming: Incoming, lease: Option<Lease>, idle_max: Duration) -> Body {
        if incoming.is_end_stream() {
            if let Some(lease) = lease {
                lease.release();
            }
            return Body::empty();
        }
        Body::wrap(Self {
            incoming,
            lease,
            idle_max,
            timer: None,
            progressed: false,
        })
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.release();
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let progressed = std::mem::take(&mut self.progressed);
        let limit = self.idle_max;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if progressed {
            timer.as_mut().reset(Instant::now() + limit);
        }
        timer.as_mut().poll(cx)
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.progressed = true;
                if this.incoming.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.lease = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => this.poll_stalled(cx).map(|()| {
                this.lease = None;
                Some(Err(BodyStalled.into()))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
