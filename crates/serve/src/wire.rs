//! The socket as the HTTP library sees it: passes bytes on and watches them go by.
//!
//! It gives back the first bytes (read to tell HTTP/1.1 from HTTP/2), lets the scanner see what
//! comes in, notes when the peer takes nothing, answers a head that came too slowly, and lets a
//! client read our last answer before the socket closes. Small writes leave together (`gather.rs`).
//! It never changes a byte.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gather::{Gathered, poll_write_slices};
use crate::scan::Scanner;
use crate::vitals::Vitals;

/// What a client gets whose head does not arrive in time (RFC 9110 15.5.9).
const HEAD_TIMED_OUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Bytes thrown away at most while the client reads our last answer.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// A socket with its watchers.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    socket: S,
    /// Bytes that were read before the library got the socket.
    first: Bytes,
    /// Only for HTTP/1.1.
    scanner: Option<Scanner>,
    /// Only for HTTP/2.
    gathered: Option<Gathered>,
    vitals: Arc<Vitals>,
    closing: Closing,
}

#[derive(Debug)]
enum Closing {
    No,
    /// Our side is closed; this many bytes of the peer's have been thrown away.
    Lingering(usize),
}

impl<S> Wire<S> {
    pub(crate) const fn h1(socket: S, first: Bytes, vitals: Arc<Vitals>) -> Self {
        Self {
            socket,
            first,
            scanner: Some(Scanner::new()),
            gathered: None,
            vitals,
            closing: Closing::No,
        }
    }

    pub(crate) fn h2(socket: S, first: Bytes, vitals: Arc<Vitals>) -> Self {
        Self {
            socket,
            first,
            scanner: None,
            gathered: Some(Gathered::default()),
            vitals,
            closing: Closing::No,
        }
    }

    fn watch(&mut self, bytes: &[u8]) {
        let Some(scanner) = &mut self.scanner else {
            return;
        };
        if let Some(fault) = scanner.read(bytes) {
            self.vitals.report(fault);
        }
        self.vitals.head_arrives(scanner.in_head());
    }

    fn note_write<T>(&self, result: &Poll<io::Result<T>>) {
        match result {
            Poll::Pending => self.vitals.write_blocked(),
            Poll::Ready(_) => self.vitals.write_flows(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Tells the client that its head came too slowly, if it can be told without waiting.
    fn refuse_slow_head(&mut self, cx: &mut Context<'_>) -> io::Error {
        if !self.vitals.is_write_blocked() && self.scanner.is_some() {
            // Best effort: the connection ends either way.
            let written = Pin::new(&mut self.socket).poll_write(cx, HEAD_TIMED_OUT);
            if matches!(written, Poll::Ready(Ok(_))) {
                let _ = Pin::new(&mut self.socket).poll_shutdown(cx);
            }
        }
        io::Error::from(io::ErrorKind::TimedOut)
    }

    /// Writes out what was gathered, if anything is.
    fn poll_gathered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(gathered) = &mut self.gathered else {
            return Poll::Ready(Ok(()));
        };
        let result = gathered.poll_out(&mut self.socket, cx);
        self.note_write(&result);
        result
    }

    /// Throws away what still comes, so that the kernel does not answer it with a reset, which
    /// would destroy our answer on its way (RFC 9112 9.6).
    fn poll_linger(&mut self, cx: &mut Context<'_>, mut thrown: usize) -> Poll<io::Result<()>> {
        let mut space = [0_u8; 4096];
        while thrown < LINGER_BYTES_MAX {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => thrown += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    self.closing = Closing::Lingering(thrown);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.vitals.head_expired() {
            return Poll::Ready(Err(this.refuse_slow_head(cx)));
        }
        let before = buf.filled().len();
        if this.first.is_empty() {
            ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        } else {
            let part = this.first.split_to(this.first.len().min(buf.remaining()));
            buf.put_slice(part.chunk());
        }
        this.watch(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = match &mut this.gathered {
            Some(gathered) => gathered.poll_write(&mut this.socket, cx, buf),
            None => Pin::new(&mut this.socket).poll_write(cx, buf),
        };
        this.note_write(&result);
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_gathered(cx))?;
        let result = poll_write_slices(&mut this.socket, cx, bufs);
        this.note_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.gathered.is_none() && self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_gathered(cx))?;
        let result = Pin::new(&mut this.socket).poll_flush(cx);
        this.note_write(&result);
        result
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Closing::Lingering(thrown) = this.closing {
            return this.poll_linger(cx, thrown);
        }
        ready!(this.poll_gathered(cx))?;
        let closed = Pin::new(&mut this.socket).poll_shutdown(cx);
        this.note_write(&closed);
        ready!(closed)?;
        if !this.vitals.wants_linger() {
            return Poll::Ready(Ok(()));
        }
        this.vitals.lingers();
        this.poll_linger(cx, 0)
    }
}
