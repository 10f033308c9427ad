//! What leaves is what was handed over, however little the socket takes at once.

use std::task::Waker;

use proptest::prelude::*;

use super::*;

/// Takes a limited number of bytes per write, and every third write has to be asked for twice.
#[derive(Default)]
struct Narrow {
    taken: Vec<u8>,
    at_once: usize,
    writes: usize,
}

impl AsyncWrite for Narrow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes += 1;
        if self.writes.is_multiple_of(3) {
            return Poll::Pending;
        }
        let part = bytes.get(..self.at_once).unwrap_or(bytes);
        self.taken.extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn narrow(at_once: usize) -> Narrow {
    Narrow {
        at_once,
        ..Narrow::default()
    }
}

/// Asks until it is ready.
fn until_ready<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>) -> T {
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = poll(&mut cx) {
            return result.expect("written");
        }
    }
}

#[test]
fn small_writes_leave_as_one() {
    let (mut socket, mut gathered) = (narrow(usize::MAX), Gathered::default());
    for part in [&b"head "[..], b"of ", b"frames"] {
        let taken = until_ready(|cx| gathered.poll_write(&mut socket, cx, part));
        assert_eq!(taken, part.len());
    }
    assert_eq!(socket.writes, 0);
    until_ready(|cx| gathered.poll_out(&mut socket, cx));
    assert_eq!((socket.writes, &*socket.taken), (1, &b"head of frames"[..]));
}

#[test]
fn a_head_leaves_with_its_payload() {
    let (mut socket, mut gathered) = (narrow(usize::MAX), Gathered::default());
    until_ready(|cx| gathered.poll_write(&mut socket, cx, b"head"));
    let payload = vec![7; SMALL_BYTES + 1];
    let taken = until_ready(|cx| gathered.poll_write(&mut socket, cx, &payload));
    assert_eq!((taken, socket.writes), (payload.len(), 1));
    assert_eq!(socket.taken.len(), 4 + payload.len());
}

#[test]
fn a_socket_that_takes_nothing_is_an_error() {
    let (mut socket, mut gathered) = (narrow(0), Gathered::default());
    until_ready(|cx| gathered.poll_write(&mut socket, cx, b"head"));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = gathered.poll_out(&mut socket, &mut cx) else {
        panic!("nothing was written");
    };
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
}

proptest! {
    #[test]
    fn no_byte_is_lost_or_moved(
        lengths in prop::collection::vec(0_usize..5_000, 0..12),
        at_once in 1_usize..6_000,
    ) {
        let (mut socket, mut gathered) = (narrow(at_once), Gathered::default());
        let mut whole = Vec::new();
        for length in lengths {
            let part: Vec<u8> = (0..=250).cycle().take(length).collect();
            whole.extend_from_slice(&part);
            let mut left = part.as_slice();
            while !left.is_empty() {
                let taken = until_ready(|cx| gathered.poll_write(&mut socket, cx, left));
                left = &left[taken..];
            }
        }
        until_ready(|cx| gathered.poll_out(&mut socket, cx));
        prop_assert_eq!(socket.taken, whole);
    }

    #[test]
    fn slices_leave_in_order(
        slices in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..900), 1..6),
        at_once in 1_usize..6_000,
    ) {
        let mut socket = narrow(at_once);
        let whole: Vec<u8> = slices.concat();
        let mut sent = 0;
        while sent < whole.len() {
            let mut views: Vec<IoSlice<'_>> = slices.iter().map(|s| IoSlice::new(s)).collect();
            let mut rest = views.as_mut_slice();
            IoSlice::advance_slices(&mut rest, sent);
            sent += until_ready(|cx| poll_write_slices(&mut socket, cx, rest));
        }
        prop_assert_eq!(socket.taken, whole);
    }
}
