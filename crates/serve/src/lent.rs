//! A request body that comes back if a failed call has not taken anything of it, so that the
//! request may be tried elsewhere. Whether it may be is not decided here.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::{Body, BoxError};

/// A request's body between tries.
#[derive(Debug)]
pub enum Lender {
    /// There is none.
    Empty,
    /// All of it is at hand.
    Full(Bytes),
    /// It streams from the client; gone once a try has taken anything of it.
    Stream(Arc<Mutex<Option<Body>>>),
}

/// The body while a try has it.
struct Lent {
    body: Option<Body>,
    touched: bool,
    home: Arc<Mutex<Option<Body>>>,
}

impl Lender {
    /// Takes a body to be lent.
    #[must_use]
    pub fn of(body: Body) -> Self {
        if body.is_empty() {
            return Self::Empty;
        }
        match body.as_full() {
            Some(bytes) => Self::Full(bytes.clone()),
            None => Self::Stream(Arc::new(Mutex::new(Some(body)))),
        }
    }

    /// The body for one try; none if an earlier try has taken of it.
    #[must_use]
    pub fn lend(&self) -> Option<Body> {
        match self {
            Self::Empty => Some(Body::empty()),
            Self::Full(bytes) => Some(Body::full(bytes.clone())),
            Self::Stream(home) => {
                let body = home.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                let home = Arc::clone(home);
                Some(Body::wrap(Lent {
                    body: Some(body),
                    touched: false,
                    home,
                }))
            }
        }
    }

    /// Whether `lend` would give the body. Only right after the try before has ended.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Empty | Self::Full(_) => true,
            Self::Stream(home) => home
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_some(),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.touched {
            let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
            *home = self.body.take();
        }
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        this.touched |= polled.is_ready();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body
            .as_ref()
            .is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}
