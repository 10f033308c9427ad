//! Tests of the body type.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;

use super::{Body, BodyError};
use crate::handler::BoxError;

fn shared(pieces: &[&'static str]) -> Body {
    Body::chunks(
        pieces
            .iter()
            .map(|piece| Bytes::from_static(piece.as_bytes()))
            .collect(),
    )
}

/// A body that comes piece by piece and does not say how long it is.
struct Pieces(VecDeque<&'static str>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.0.pop_front();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}

fn streamed(pieces: &[&'static str]) -> Body {
    Body::wrap(Pieces(pieces.iter().copied().collect()))
}

/// Checks the pieces, what the body says of itself, and reading it whole.
async fn check(make: impl Fn() -> Body, length: Option<u64>, pieces: &[&str]) {
    let mut body = make();
    assert_eq!(body.size_hint().exact(), length);
    assert_eq!(body.is_empty(), length == Some(0));
    for piece in pieces {
        let frame = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data"), *piece);
    }
    assert!(body.frame().await.is_none());
    if length.is_some() {
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
    }
    let whole = pieces.concat();
    assert_eq!(make().into_bytes(whole.len()).await.expect("whole"), whole);
    if let Some(less) = whole.len().checked_sub(1) {
        let error = make().into_bytes(less).await.expect_err("too large");
        assert_eq!(BodyError::of(&*error), Some(BodyError::TooLarge));
    }
}

#[tokio::test]
async fn every_kind_says_what_it_has() {
    check(Body::empty, Some(0), &[]).await;
    check(Body::default, Some(0), &[]).await;
    check(|| Body::full(""), Some(0), &[]).await;
    check(|| Body::full("abc"), Some(3), &["abc"]).await;
    check(|| shared(&[]), Some(0), &[]).await;
    check(|| shared(&["", ""]), Some(0), &[]).await;
    check(|| shared(&["a", "", "bc"]), Some(3), &["a", "bc"]).await;
    check(|| streamed(&["a", "bc", "d"]), None, &["a", "bc", "d"]).await;
}

#[test]
fn one_piece_is_at_hand() {
    assert_eq!(
        Body::full("abc").as_full(),
        Some(&Bytes::from_static(b"abc"))
    );
    assert_eq!(shared(&["abc"]).as_full(), None);
}

#[test]
fn a_body_error_is_found_below_others() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] BoxError);
    let error = Outer(Box::new(Outer(Box::new(BodyError::TimedOut))));
    assert_eq!(BodyError::of(&error), Some(BodyError::TimedOut));
    assert_eq!(BodyError::of(&std::fmt::Error), None);
}

#[test]
fn a_body_moves_between_threads() {
    fn check<T: Send + 'static>(_: T) {}
    check(Arc::new(std::sync::Mutex::new(Body::empty())));
}
