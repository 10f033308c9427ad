//! The two directions of a stream.
//!
//! A reset ends both, which QUIC's does not; `link` never resets one to go on with the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::StatusCode;

use super::{MuxedLost, code_of, lost_by, reason_of};

/// Why a stream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The other side gave it up, with this code if it is one of ours.
    #[error("stream was reset by the other side")]
    Reset(Option<u32>),
    /// The other side has certainly not begun with it.
    #[error("stream was refused by the other side")]
    Refused,
    /// The connection was lost.
    #[error("stream was cut off with its connection")]
    Lost(#[from] MuxedLost),
}

impl StreamFault {
    fn of(error: &h2::Error) -> Self {
        match error.reason() {
            Some(reason) if error.is_reset() => Self::of_reason(reason),
            _ => Self::Lost(lost_by(error)),
        }
    }

    fn of_reason(reason: Reason) -> Self {
        match reason {
            Reason::REFUSED_STREAM => Self::Refused,
            reason => Self::Reset(code_of(reason)),
        }
    }
}

/// Those who wait for a sending direction: h2 remembers only one waker for all.
#[derive(Debug, Default)]
struct Waiting {
    writer: Mutex<Option<Waker>>,
    watcher: Mutex<Option<Waker>>,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        for slot in [&self.writer, &self.watcher] {
            let waker = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

fn note(slot: &Mutex<Option<Waker>>, cx: &Context<'_>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
}

#[derive(Debug)]
struct Sending {
    stream: Mutex<SendStream<Bytes>>,
    waiting: Arc<Waiting>,
    finished: AtomicBool,
}

impl Sending {
    fn stream(&self) -> MutexGuard<'_, SendStream<Bytes>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<StreamFault> {
        note(&self.waiting.watcher, cx);
        let waker = Waker::from(Arc::clone(&self.waiting));
        let reset = ready!(self.stream().poll_reset(&mut Context::from_waker(&waker)));
        Poll::Ready(match reset {
            Ok(reason) => StreamFault::of_reason(reason),
            Err(error) => StreamFault::of(&error),
        })
    }
}

/// The sending direction.
#[derive(Debug)]
pub struct MuxedSender(Arc<Sending>);

impl MuxedSender {
    pub(super) fn new(stream: SendStream<Bytes>) -> Self {
        Self(Arc::new(Sending {
            stream: Mutex::new(stream),
            waiting: Arc::default(),
            finished: AtomicBool::new(false),
        }))
    }

    /// Sends `bytes`, waiting while the other side is behind.
    ///
    /// # Errors
    ///
    /// When the other side gave the stream up, or the connection is lost.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), StreamFault> {
        while !bytes.is_empty() {
            std::future::poll_fn(|cx| self.poll_write(cx, &mut bytes)).await?;
        }
        Ok(())
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut Bytes,
    ) -> Poll<Result<(), StreamFault>> {
        let sending = &self.0;
        note(&sending.waiting.writer, cx);
        let waker = Waker::from(Arc::clone(&sending.waiting));
        let mut both = Context::from_waker(&waker);
        let mut stream = sending.stream();
        stream.reserve_capacity(bytes.len());
        let mut room = stream.capacity();
        while room == 0 {
            match ready!(stream.poll_capacity(&mut both)) {
                Some(Ok(capacity)) => room = capacity,
                Some(Err(error)) => return Poll::Ready(Err(StreamFault::of(&error))),
                None => {
                    drop(stream);
                    let stopped = sending.poll_stopped(cx);
                    let lost = StreamFault::Lost(MuxedLost::Lost);
                    return Poll::Ready(Err(match stopped {
                        Poll::Ready(fault) => fault,
                        Poll::Pending => lost,
                    }));
                }
            }
        }
        let part = bytes.split_to(room.min(bytes.len()));
        let sent = stream.send_data(part, false);
        Poll::Ready(sent.map_err(|error| StreamFault::of(&error)))
    }

    /// Sends `bytes` only if there is room for them right now; whether there was.
    pub fn try_write(&mut self, bytes: Bytes) -> bool {
        let mut stream = self.0.stream();
        stream.reserve_capacity(bytes.len());
        stream.capacity() >= bytes.len() && stream.send_data(bytes, false).is_ok()
    }

    /// The clean end of this direction.
    pub fn finish(&mut self) {
        self.0.finished.store(true, Ordering::Relaxed);
        // An error means that the other side gave the stream up: it wants no end either.
        let _ = self.0.stream().send_data(Bytes::new(), true);
    }

    /// Ends both directions in failure.
    pub fn reset(&mut self, code: u32) {
        self.0.stream().send_reset(reason_of(code));
    }

    /// Ends both directions; the other side may be sure that nothing was done.
    pub(super) fn refuse(&mut self) {
        self.0.stream().send_reset(Reason::REFUSED_STREAM);
    }

    /// Resolves when the other side gave the stream up or the connection is lost, and at once
    /// after [`finish`](Self::finish). For one waiter at a time; does not borrow.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let sending = Arc::clone(&self.0);
        std::future::poll_fn(move |cx| {
            if sending.finished.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            sending.poll_stopped(cx).map(drop)
        })
    }
}

#[derive(Debug)]
enum Source {
    /// The head of the response has not come yet.
    Response(ResponseFuture),
    Open(RecvStream),
    /// Nothing more is wanted.
    Stopped,
}

/// The receiving direction. Dropping it tells the other side nothing as long as our own direction
/// goes on; data that still comes is thrown away.
#[derive(Debug)]
pub struct MuxedReceiver {
    source: Source,
    /// Received, and more than was asked for.
    rest: Bytes,
}

impl MuxedReceiver {
    pub(super) fn of_response(response: ResponseFuture) -> Self {
        Self::new(Source::Response(response))
    }

    pub(super) fn of_request(stream: RecvStream) -> Self {
        Self::new(Source::Open(stream))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            rest: Bytes::new(),
        }
    }

    /// Resolves once the other side has taken the stream.
    ///
    /// # Errors
    ///
    /// When the other side gave it up, or the connection is lost.
    pub async fn taken(&mut self) -> Result<(), StreamFault> {
        std::future::poll_fn(|cx| self.poll_open(cx).map_ok(drop)).await
    }

    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<&mut RecvStream>, StreamFault>> {
        if let Source::Response(response) = &mut self.source {
            let response = ready!(std::pin::Pin::new(response).poll(cx));
            let response = response.map_err(|error| StreamFault::of(&error))?;
            if response.status() != StatusCode::OK {
                // Whoever answers so is no node of ours.
                return Poll::Ready(Err(StreamFault::Reset(None)));
            }
            self.source = Source::Open(response.into_body());
        }
        Poll::Ready(Ok(match &mut self.source {
            Source::Open(stream) => Some(stream),
            Source::Response(_) | Source::Stopped => None,
        }))
    }

    /// At most `at_most` bytes; none at the clean end.
    ///
    /// # Errors
    ///
    /// When the other side gave the stream up, or the connection is lost.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        at_most: usize,
    ) -> Poll<Result<Option<Bytes>, StreamFault>> {
        while self.rest.is_empty() {
            let Some(stream) = ready!(self.poll_open(cx))? else {
                return Poll::Ready(Ok(None));
            };
            let Some(data) = ready!(stream.poll_data(cx)) else {
                return Poll::Ready(Ok(None));
            };
            self.rest = data.map_err(|error| StreamFault::of(&error))?;
        }
        let taken = self.rest.split_to(self.rest.len().min(at_most));
        if let Source::Open(stream) = &mut self.source {
            // Fails only for bytes that were not received.
            let _ = stream.flow_control().release_capacity(taken.len());
        }
        Poll::Ready(Ok(Some(taken)))
    }

    /// Nothing more is wanted. The other side hears it once our own direction has ended too.
    pub fn stop(&mut self) {
        self.source = Source::Stopped;
        self.rest = Bytes::new();
    }
}
