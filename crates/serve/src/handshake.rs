//! The round-trip time of a TLS handshake, measured in passing.
//!
//! The server's flight and the client's next bytes are one round trip apart, whatever lies between:
//! the time from the last byte written to the next one read is the estimate, and the shortest of a
//! handshake counts. It holds the client's time to check a certificate (about a millisecond).
//! The kernel's own figure (`TCP_INFO`) has no safe interface here, and behind a load balancer it
//! would be the balancer's. Plain connections have nothing to measure.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gather::poll_write_slices;

/// A connection's round-trip time, if it was measured. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Rtt(Option<Arc<Measured>>);

#[derive(Debug)]
struct Measured {
    time: Duration,
    /// In microseconds; 0 once it has been taken.
    left: AtomicU32,
}

impl Rtt {
    /// A measured time.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        let us = u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1);
        Self(Some(Arc::new(Measured {
            time,
            left: AtomicU32::new(us),
        })))
    }

    /// The time.
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        self.0.as_ref().map(|measured| measured.time)
    }

    /// The time in microseconds, for the first who asks: a connection is one sample, however many
    /// requests it carries.
    #[must_use]
    pub fn take_us(&self) -> Option<u32> {
        let left = &self.0.as_ref()?.left;
        // Most requests find it taken; only a load is spent on them.
        if left.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(left.swap(0, Ordering::Relaxed)).filter(|us| *us > 0)
    }
}

/// A socket that is timed until the handshake is over.
#[derive(Debug)]
pub(crate) struct Timed<S> {
    socket: S,
    state: State,
    shortest: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The peer has the word.
    Listening,
    /// What was written last was written then.
    Wrote(Instant),
    /// The handshake is over.
    Done,
}

impl<S> Timed<S> {
    pub(crate) const fn new(socket: S) -> Self {
        Self {
            socket,
            state: State::Listening,
            shortest: None,
        }
    }

    /// Ends the measurement.
    pub(crate) fn finish(&mut self) -> Rtt {
        self.state = State::Done;
        self.shortest.map_or_else(Rtt::default, Rtt::of)
    }

    fn written(&mut self, result: &Poll<io::Result<usize>>) {
        if !matches!(self.state, State::Done) && matches!(result, Poll::Ready(Ok(1..))) {
            self.state = State::Wrote(Instant::now());
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        if let State::Wrote(at) = self.state
            && buf.filled().len() > before
        {
            let took = at.elapsed();
            self.shortest = Some(self.shortest.map_or(took, |shortest| shortest.min(took)));
            self.state = State::Listening;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.written(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = poll_write_slices(&mut self.socket, cx, slices);
        self.written(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
