//! Fewer and cheaper writes: what an HTTP library hands over in small parts leaves as one.
//!
//! Every write of a TLS connection is a record of its own, and every write of a socket a system
//! call and mostly a packet; for small answers these cost more than all the rest. Two remedies,
//! neither of which waits for anything:
//!
//! - A few small slices are put together on the stack: one plain write is cheaper than a vectored
//!   one, and so is a record of one piece.
//! - The HTTP/2 library copies payloads below 1 KiB behind the frames before them, so that one
//!   write carries many answers, if the socket says that it cannot write vectored. The heads of
//!   larger payloads then come as writes of their own, and wait here for the payload.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncWrite;

/// Slices of at most so many bytes together are copied.
const SMALL_BYTES: usize = 2048;

/// Writes several slices; small ones as one.
pub(crate) fn poll_write_slices<S: AsyncWrite + Unpin>(
    socket: &mut S,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let socket = Pin::new(socket);
    if let [only] = slices {
        return socket.poll_write(cx, only);
    }
    let total = slices
        .iter()
        .fold(0_usize, |sum, slice| sum.saturating_add(slice.len()));
    if total == 0 || total > SMALL_BYTES {
        return socket.poll_write_vectored(cx, slices);
    }
    let mut space = [0_u8; SMALL_BYTES];
    let mut rest = space.as_mut_slice();
    for slice in slices {
        let Some((room, after)) = rest.split_at_mut_checked(slice.len()) else {
            // Their sum was checked; whoever is right, a vectored write is.
            return socket.poll_write_vectored(cx, slices);
        };
        room.copy_from_slice(slice);
        rest = after;
    }
    socket.poll_write(cx, space.get(..total).unwrap_or_default())
}

/// Small writes that wait for the next one, or for a flush.
#[derive(Debug, Default)]
pub(crate) struct Gathered(BytesMut);

impl Gathered {
    /// Takes a small write at once; a large one goes out, with what waits before it.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.len() + self.0.len() <= SMALL_BYTES {
            self.0.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            if self.0.is_empty() {
                return Pin::new(socket).poll_write(cx, bytes);
            }
            let both = [IoSlice::new(&self.0), IoSlice::new(bytes)];
            let written = ready!(Pin::new(&mut *socket).poll_write_vectored(cx, &both))?;
            if written == 0 {
                return Poll::Ready(Ok(0));
            }
            let before = written.min(self.0.len());
            self.0.advance(before);
            if written > before {
                return Poll::Ready(Ok(written - before));
            }
        }
    }

    /// Writes out what waits.
    pub(crate) fn poll_out<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.0.is_empty() {
            let written = ready!(Pin::new(&mut *socket).poll_write(cx, &self.0))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.0.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
