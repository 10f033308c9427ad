//! A response body that is kept while it streams to the client.
//!
//! Only a body that has passed whole is stored: one that fails, ends early, has trailers or grows
//! too large is given up, and so is one whose client goes away. Bytes are copied into pieces of
//! their own, since those from the network are views into larger buffers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use serve::{Body, BoxError};

use super::entry::Pieces;
use super::verdict::NoStore;

/// The size of a stored body's pieces, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// What is first allocated for a body that does not announce its size.
const FIRST_BYTES: usize = 16 * 1024;

/// Takes the whole body, or why there is none.
pub(crate) type Done = Box<dyn FnOnce(Result<Pieces, NoStore>) + Send>;

/// The body on its way to the client.
pub(crate) struct Tee {
    inner: Body,
    fill: Option<Fill>,
}

/// A body being kept.
pub(crate) struct Fill {
    done: Done,
    pieces: Vec<Bytes>,
    open: BytesMut,
    taken: usize,
    expected: Option<u64>,
    bytes_max: usize,
}

impl Tee {
    /// Keeps up to `bytes_max` bytes of `inner` for `done`.
    pub(crate) fn wrap(inner: Body, bytes_max: usize, done: Done) -> Body {
        let fill = Fill::new(inner.size_hint().exact(), bytes_max, done);
        let whole = inner.as_full().cloned();
        if let Some(whole) = whole {
            fill.take_whole(&whole);
            return inner;
        }
        if inner.is_empty() {
            fill.finish();
            return inner;
        }
        Body::wrap(Self {
            inner,
            fill: Some(fill),
        })
    }

    fn pass(&mut self, frame: &Option<Result<Frame<Bytes>, BoxError>>) {
        let Some(mut fill) = self.fill.take() else {
            return;
        };
        match frame {
            None => fill.finish(),
            Some(Err(_)) => fill.give_up(NoStore::Broken),
            Some(Ok(frame)) => match frame.data_ref() {
                None => fill.give_up(NoStore::Broken),
                Some(data) if fill.taken + data.len() > fill.bytes_max => {
                    fill.give_up(NoStore::TooLarge);
                }
                Some(data) => {
                    fill.take(data);
                    // Whoever sends a body of known size may not ask for its end.
                    let whole = fill.expected == Some(fill.taken as u64);
                    if whole || self.inner.is_end_stream() {
                        fill.finish();
                    } else {
                        self.fill = Some(fill);
                    }
                }
            },
        }
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        if let Some(fill) = self.fill.take() {
            fill.give_up(NoStore::Aborted);
        }
    }
}

impl Fill {
    /// For a body of `expected` bytes, if that is known.
    pub(crate) fn new(expected: Option<u64>, bytes_max: usize, done: Done) -> Self {
        let first = expected.map_or(FIRST_BYTES, |bytes| {
            usize::try_from(bytes)
                .unwrap_or(usize::MAX)
                .min(PIECE_BYTES)
        });
        Self {
            done,
            pieces: Vec::new(),
            open: BytesMut::with_capacity(first),
            taken: 0,
            expected,
            bytes_max,
        }
    }

    /// Keeps more, or gives up because that is too much.
    pub(crate) fn push(mut self, data: &[u8]) -> Option<Self> {
        if self.taken + data.len() > self.bytes_max {
            self.give_up(NoStore::TooLarge);
            return None;
        }
        self.take(data);
        Some(self)
    }

    fn take_whole(mut self, whole: &Bytes) {
        if whole.len() > self.bytes_max {
            return self.give_up(NoStore::TooLarge);
        }
        self.take(whole);
        self.finish();
    }

    fn take(&mut self, mut data: &[u8]) {
        self.taken += data.len();
        while !data.is_empty() {
            let room = PIECE_BYTES - self.open.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.open.extend_from_slice(now);
            data = later;
            if self.open.len() == PIECE_BYTES {
                self.pieces.push(self.open.split().freeze());
            }
        }
    }

    pub(crate) fn finish(mut self) {
        if self
            .expected
            .is_some_and(|expected| expected != self.taken as u64)
        {
            return self.give_up(NoStore::Truncated);
        }
        if !self.open.is_empty() {
            // Its own allocation, exactly as large as it is: `open` may be much larger.
            let fits = self.open.capacity() - self.open.len() <= self.open.len() / 8;
            let last = if fits && self.pieces.is_empty() {
                self.open.freeze()
            } else {
                Bytes::copy_from_slice(&self.open)
            };
            self.pieces.push(last);
        }
        (self.done)(Ok(Pieces::of(self.pieces)));
    }

    pub(crate) fn give_up(self, why: NoStore) {
        (self.done)(Err(why));
    }
}

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        if let Poll::Ready(frame) = &polled {
            this.pass(frame);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
