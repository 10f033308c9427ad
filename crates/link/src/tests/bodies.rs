//! Large bodies: byte-exact both ways at once, with bounded memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serve::{Body, BoxError};

use super::harness::*;
use crate::*;

const PIECE: usize = 48 * 1024 + 7;

/// `total` bytes in which every byte depends on its place; counts what was taken.
fn pattern(total: u64, taken: Arc<AtomicU64>) -> Body {
    let frames = futures_util::stream::unfold(0u64, move |at| {
        let taken = Arc::clone(&taken);
        async move {
            if at >= total {
                return None;
            }
            let end = total.min(at + PIECE as u64);
            taken.store(end, Ordering::SeqCst);
            let data = pattern_at(at, usize::try_from(end - at).unwrap());
            Some((Ok::<_, BoxError>(Frame::data(data)), end))
        }
    });
    Body::wrap(StreamBody::new(frames))
}

/// The repeating pattern; its period has no factor in common with any buffer size.
const PERIOD: usize = 65_537;

fn table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let once = (0..PERIOD).map(|at| (at ^ (at >> 7)).to_le_bytes()[0]);
        once.clone().chain(once).collect()
    })
}

/// The `length` bytes of the pattern from `place` on.
fn pattern_at(place: u64, length: usize) -> Bytes {
    assert!(length <= PERIOD);
    let start = usize::try_from(place % PERIOD as u64).unwrap();
    Bytes::from_static(&table()[start..start + length])
}

/// Reads a body to its end, checks every byte, and returns how many there were.
async fn check_pattern(mut body: Body) -> u64 {
    let mut at = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        for part in data.chunks(PERIOD) {
            assert!(pattern_at(at, part.len()) == part, "differs after {at}");
            at += part.len() as u64;
        }
    }
    at
}

#[test]
fn sixty_four_mebibytes_both_ways_are_exact() {
    run_both(|| async {
        let (_region, _transport, peer) = pair(echo(), limits()).await;
        let total = 64 << 20;
        let body = pattern(total, Arc::default());
        let response = peer.call(post("/", body), meta()).await.unwrap();
        assert_eq!(check_pattern(response.into_body()).await, total);
    });
}

#[test]
fn a_slow_reader_stops_the_writer() {
    run_both(|| async {
        let taken = Arc::new(AtomicU64::new(0));
        let source = Arc::clone(&taken);
        let total = 64 << 20;
        let handler = calls(move |_, _| {
            let body = pattern(total, Arc::clone(&source));
            async { Response::new(body) }
        });
        let small = LinkLimits {
            stream_window: 1 << 20,
            ..limits()
        };
        let (_region, _transport, peer) =
            pair(Services::new().with_call(handler), small.clone()).await;
        let response = peer.call(get("/"), meta()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        // What is in flight: the reader's window, and pieces in the writer's hands.
        let held = taken.load(Ordering::SeqCst);
        assert!(held <= u64::from(small.stream_window) + (1 << 20), "{held}");
        assert_eq!(check_pattern(response.into_body()).await, total);
    });
}

#[test]
fn sizes_around_every_border_are_exact() {
    run_both(|| async {
        let (_region, _transport, peer) = pair(echo(), limits()).await;
        let border = 64 * 1024;
        for total in [
            1,
            1199,
            2048,
            8192,
            8193,
            border - 1,
            border,
            border + 1,
            300_000,
        ] {
            let mut data = Vec::new();
            while (data.len() as u64) < total {
                let left = usize::try_from(total).unwrap() - data.len();
                data.extend_from_slice(&pattern_at(data.len() as u64, left.min(PERIOD)));
            }
            let data = Bytes::from(data);
            // Known length in one piece, and unknown length in pieces.
            for body in [Body::full(data.clone()), pattern(total, Arc::default())] {
                let response = peer.call(post("/", body), meta()).await.unwrap();
                assert_eq!(check_pattern(response.into_body()).await, total);
            }
        }
    });
}

#[test]
fn a_body_that_stands_still_fails() {
    run_both(|| async {
        let handler = calls(|_, _| async {
            let never = futures_util::stream::pending::<Result<Frame<Bytes>, BoxError>>();
            Response::new(Body::wrap(StreamBody::new(never)))
        });
        let idle = LinkLimits {
            body_idle: Duration::from_millis(100),
            ..limits()
        };
        let (_region, _transport, peer) = pair(Services::new().with_call(handler), idle).await;
        let response = peer.call(get("/"), meta()).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(
            error.downcast_ref::<LinkBodyError>(),
            Some(&LinkBodyError::Idle)
        );
    });
}

#[test]
fn many_calls_at_once_keep_apart() {
    run_both(|| async {
        let (_region, _transport, peer) = pair(echo(), limits()).await;
        let all = (0..300u64).map(|number| {
            let peer = peer.clone();
            async move {
                let size = number * 331 % 20_000 + 1;
                let data = pattern_at(number, usize::try_from(size).unwrap());
                let body = Body::full(data.clone());
                let response = peer.call(post("/", body), meta()).await.unwrap();
                assert_eq!(
                    response.into_body().into_bytes(1 << 20).await.unwrap(),
                    data
                );
            }
        });
        futures_util::future::join_all(all).await;
    });
}
