//! A body that several clients read while it still arrives.
//!
//! One task, the pump, reads it from the region and appends; every client reads from the beginning
//! at its own pace, so neither a slow fill nor a slow client holds up the others. What has arrived
//! is kept until the end, bounded by the size of the largest object; a body that turns out larger
//! is not stored, takes no new readers, and from then on goes as fast as its slowest reader.
//! A body that ends early fails for all its readers, who never take it for whole.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use serve::{Body, BoxError};

use super::fill::{Done, Fill};
use super::verdict::NoStore;

/// Bytes that wait for the slowest reader once a body is too large to be kept.
const WINDOW_BYTES: usize = 256 * 1024;

/// A body on its way to several clients.
#[derive(Debug)]
pub(crate) struct Flow {
    state: Mutex<State>,
    expected: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    /// Pieces that are gone: all readers have passed them.
    dropped: usize,
    /// Bytes in `pieces`.
    held: usize,
    trailers: Option<http::HeaderMap>,
    /// Takes no new readers.
    closed: bool,
    end: Option<Result<(), NoStore>>,
    readers: BTreeMap<u64, Place>,
    next_reader: u64,
    /// Somebody other than the readers wants the body.
    wanted: bool,
    pump: Option<Waker>,
}

/// Where a reader is: the number of pieces it has had.
#[derive(Debug, Default)]
struct Place {
    pieces: usize,
    waker: Option<Waker>,
}

/// Why a shared body ended before its end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("answer fetched for several requests ended early: {}", .0.as_str())]
struct EndedEarly(NoStore);

impl Flow {
    /// For a body of `expected` bytes, if that is known. One that is `wanted` is read to its end
    /// even if no client is left.
    pub(crate) fn new(expected: Option<u64>, wanted: bool) -> Arc<Self> {
        let state = State {
            wanted,
            ..State::default()
        };
        Arc::new(Self {
            state: Mutex::new(state),
            expected,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body from its beginning; none when it can no longer be had.
    pub(crate) fn read(self: &Arc<Self>) -> Option<Body> {
        let mut state = self.lock();
        if state.closed || matches!(state.end, Some(Err(_))) {
            return None;
        }
        let number = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(number, Place::default());
        Some(Body::wrap(Reader {
            flow: Arc::clone(self),
            number,
            taken: 0,
            ended: false,
        }))
    }

    /// Reads `body` to its end for all readers, and keeps it for `done`.
    pub(crate) async fn pump(self: Arc<Self>, mut body: Body, bytes_max: usize, done: Done) {
        let mut fill = Some(Fill::new(self.expected, bytes_max, done));
        let mut taken: u64 = 0;
        let end = loop {
            let frame = tokio::select! {
                biased;
                () = self.deserted() => break Err(NoStore::Aborted),
                frame = body.frame() => frame,
            };
            let data = match frame {
                None if self.expected.is_some_and(|bytes| bytes != taken) => {
                    break Err(NoStore::Truncated);
                }
                None => break Ok(()),
                Some(Err(_)) => break Err(NoStore::Broken),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(other) => {
                        // Passed on, but what has trailers is not stored.
                        if let Some(fill) = fill.take() {
                            fill.give_up(NoStore::Broken);
                        }
                        self.lock().trailers = other.into_trailers().ok();
                        continue;
                    }
                },
            };
            taken += data.len() as u64;
            fill = fill.and_then(|fill| fill.push(&data));
            if !data.is_empty() {
                self.append(data, fill.is_none());
            }
            if self.expected == Some(taken) {
                // Of a body of known size the end need not be asked for.
                break Ok(());
            }
            if fill.is_none() {
                self.room().await;
            }
        };
        if let Some(fill) = fill {
            match end {
                Ok(()) => fill.finish(),
                Err(why) => fill.give_up(why),
            }
        }
        self.finish(end);
    }

    fn append(&self, data: Bytes, too_large: bool) {
        let mut state = self.lock();
        state.held += data.len();
        state.pieces.push_back(data);
        if too_large {
            state.closed = true;
            state.trim();
        }
        state.wake_readers();
    }

    fn finish(&self, end: Result<(), NoStore>) {
        let mut state = self.lock();
        state.end = Some(end);
        state.wake_readers();
    }

    /// Ready when nobody wants the body any more.
    async fn deserted(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.lock();
            // Nobody has begun to read: whoever made the flow is about to.
            // A body too large to be kept is of no use to anybody but its readers.
            let wanted = state.wanted && !state.closed;
            if wanted || !state.readers.is_empty() || state.next_reader == 0 {
                state.pump = Some(cx.waker().clone());
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Ready when the slowest reader has come near.
    async fn room(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.lock();
            state.trim();
            if state.held <= WINDOW_BYTES || state.readers.is_empty() {
                Poll::Ready(())
            } else {
                state.pump = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }
}

impl State {
    fn wake_readers(&mut self) {
        for place in self.readers.values_mut() {
            if let Some(waker) = place.waker.take() {
                waker.wake();
            }
        }
    }

    /// Drops what all readers have passed.
    fn trim(&mut self) {
        let slowest = self.readers.values().map(|place| place.pieces).min();
        let slowest = slowest.unwrap_or(usize::MAX);
        while self.dropped < slowest {
            let Some(piece) = self.pieces.pop_front() else {
                return;
            };
            self.held -= piece.len();
            self.dropped += 1;
        }
    }

    fn wake_pump(&mut self) {
        if let Some(waker) = self.pump.take() {
            waker.wake();
        }
    }
}

/// One client's view of a body.
struct Reader {
    flow: Arc<Flow>,
    number: u64,
    taken: u64,
    /// The trailers, if any, have been told.
    ended: bool,
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let mut state = this.flow.lock();
        let State {
            pieces,
            dropped,
            end,
            readers,
            trailers,
            ..
        } = &mut *state;
        let Some(place) = readers.get_mut(&this.number) else {
            return Poll::Ready(None);
        };
        let at = place.pieces.saturating_sub(*dropped);
        let Some(piece) = pieces.get(at).cloned() else {
            return match *end {
                None => {
                    place.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
                Some(Ok(())) if this.ended => Poll::Ready(None),
                Some(Ok(())) => {
                    this.ended = true;
                    Poll::Ready(trailers.clone().map(|last| Ok(Frame::trailers(last))))
                }
                Some(Err(why)) => Poll::Ready(Some(Err(EndedEarly(why).into()))),
            };
        };
        place.pieces += 1;
        if state.closed {
            state.wake_pump();
        }
        this.taken += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.flow.expected == Some(self.taken)
    }

    fn size_hint(&self) -> SizeHint {
        self.flow.expected.map_or_else(SizeHint::default, |bytes| {
            SizeHint::with_exact(bytes.saturating_sub(self.taken))
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.flow.lock();
        state.readers.remove(&self.number);
        state.wake_pump();
    }
}
