//! Makes 206 and 416 of a whole answer (RFC 9110, sections 14.4, 15.3.7 and 15.5.17).
//!
//! A body in memory is cut without copying it. One that still arrives is cut on its way: one part
//! is sent as soon as its bytes are there; for several, or when the length is not known, the body
//! is waited for, for a bounded time, and then sent whole.

use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPIRES, HeaderName,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use serve::{Body, BoxError, Response};
use tokio::time::{Instant, timeout_at};

use super::control::TARGETED;
use super::entry::Pieces;
use super::range::{Ignored, Span, Wanted, is_obeyed, wanted};

/// What came of a `Range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cut {
    /// One part is sent.
    Part,
    /// Several parts are sent.
    Parts,
    /// There is no such part.
    Nothing,
    /// All is sent.
    Whole(Ignored),
}

impl Cut {
    pub(crate) const ALL: [Self; 7] = [
        Self::Part,
        Self::Parts,
        Self::Nothing,
        Self::Whole(Ignored::Malformed),
        Self::Whole(Ignored::TooMany),
        Self::Whole(Ignored::Changed),
        Self::Whole(Ignored::Empty),
    ];

    /// The label in metrics and logs.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Part => "hit_range",
            Self::Parts => "hit_ranges",
            Self::Nothing => "hit_range_unsatisfiable",
            Self::Whole(Ignored::Malformed) => "hit_range_malformed",
            Self::Whole(Ignored::TooMany) => "hit_ranges_too_many",
            Self::Whole(Ignored::Changed) => "hit_if_range",
            Self::Whole(Ignored::Empty) => "hit_range_of_nothing",
        }
    }

    /// The `detail` in `Cache-Status`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Part => "range",
            Self::Parts => "ranges",
            Self::Nothing => "range-unsatisfiable",
            Self::Whole(Ignored::Malformed) => "range-malformed",
            Self::Whole(Ignored::TooMany) => "ranges-too-many",
            Self::Whole(Ignored::Changed) => "if-range",
            Self::Whole(Ignored::Empty) => "range-of-nothing",
        }
    }
}

/// Makes of a 200 without its body what a request with `Range` gets, from the body in memory.
pub(crate) fn cut_stored(response: &mut Response, request: &HeaderMap, body: &Pieces) -> Cut {
    let length = body.len() as u64;
    match wanted(request, response.headers(), length) {
        Wanted::Whole(why) => {
            *response.body_mut() = body.to_body();
            Cut::Whole(why)
        }
        Wanted::Nothing => {
            refuse(response, length);
            Cut::Nothing
        }
        Wanted::One(span) => {
            let mut pieces = Vec::new();
            copy(body, span, &mut pieces);
            *response.body_mut() = Pieces::of(pieces).to_body();
            announce(response, span, length);
            Cut::Part
        }
        Wanted::Many(spans) => {
            several(response, &spans, body);
            Cut::Parts
        }
    }
}

/// The same for a 200 whose body may still arrive; waits until `deadline`, and keeps at most
/// `bytes_max` bytes meanwhile.
pub(crate) async fn cut_coming(
    response: Response,
    request: &HeaderMap,
    deadline: Instant,
    bytes_max: usize,
) -> Response {
    let (head, body) = response.into_parts();
    let length = body.size_hint().exact();
    let mut response = Response::from_parts(head, Body::empty());
    let one = match length.map(|length| (length, wanted(request, response.headers(), length))) {
        Some((_, Wanted::Whole(_))) => None,
        Some((length, Wanted::Nothing)) => {
            refuse(&mut response, length);
            return response;
        }
        Some((length, Wanted::One(span))) => Some((span, length)),
        Some((_, Wanted::Many(_))) => {
            return collect(response, request, body, (deadline, bytes_max)).await;
        }
        None if is_obeyed(request, response.headers()).is_ok() => {
            return collect(response, request, body, (deadline, bytes_max)).await;
        }
        None => None,
    };
    let Some((span, length)) = one else {
        *response.body_mut() = body;
        return response;
    };
    announce(&mut response, span, length);
    *response.body_mut() = Body::wrap(Window {
        inner: body,
        skip: span.first,
        left: span.len(),
    });
    response
}

/// Reads the body and cuts it; sends it whole if it does not come in time.
async fn collect(
    mut response: Response,
    request: &HeaderMap,
    mut body: Body,
    (deadline, bytes_max): (Instant, usize),
) -> Response {
    let (mut pieces, mut taken) = (Vec::new(), 0);
    let rest = loop {
        match timeout_at(deadline, body.frame()).await {
            Err(_) => break Some(None),
            Ok(None) => break None,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    taken += data.len();
                    pieces.push(data);
                    if taken > bytes_max {
                        break Some(None);
                    }
                }
                Err(trailers) => break Some(Some(Ok(trailers))),
            },
            Ok(Some(Err(error))) => break Some(Some(Err(error))),
        }
    };
    match rest {
        None => {
            cut_stored(&mut response, request, &Pieces::of(pieces));
        }
        Some(next) => {
            *response.body_mut() = Body::wrap(Resumed {
                pieces: pieces.into_iter(),
                next,
                rest: body,
            });
        }
    }
    response
}

fn announce(response: &mut Response, span: Span, length: u64) {
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(span.len()));
    headers.insert(CONTENT_RANGE, content_range(span, length));
}

fn content_range(span: Span, length: u64) -> HeaderValue {
    value(format!("bytes {}-{}/{length}", span.first, span.last))
}

fn refuse(response: &mut Response, length: u64) {
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    let headers = response.headers_mut();
    // What describes or permits to store the 200 is not about this answer.
    let about: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            name.as_str().starts_with("content-")
                || [CACHE_CONTROL, EXPIRES, TARGETED].contains(name)
        })
        .cloned()
        .collect();
    for name in about {
        headers.remove(name);
    }
    headers.insert(CONTENT_RANGE, value(format!("bytes */{length}")));
}

/// `multipart/byteranges` (RFC 9110, section 14.6).
fn several(response: &mut Response, spans: &[Span], body: &Pieces) {
    let (boundary, length) = (boundary(), body.len() as u64);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let headers = response.headers_mut();
    let whole = value(format!("multipart/byteranges; boundary={boundary}"));
    let kind = headers.insert(CONTENT_TYPE, whole);
    let kind = kind.map_or_else(Vec::new, |kind| {
        [b"Content-Type: ", kind.as_bytes(), b"\r\n"].concat()
    });
    let mut pieces = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        let between = if index == 0 { "" } else { "\r\n" };
        let range = format!(
            "Content-Range: bytes {}-{}/{length}\r\n\r\n",
            span.first, span.last
        );
        let begin = format!("{between}--{boundary}\r\n");
        let head = [begin.as_bytes(), &kind, range.as_bytes()].concat();
        pieces.push(Bytes::from(head));
        copy(body, *span, &mut pieces);
    }
    pieces.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    let pieces = Pieces::of(pieces);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(pieces.len()));
    *response.body_mut() = pieces.to_body();
}

/// Stands in no body: whoever writes bodies cannot foresee it.
fn boundary() -> String {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let (one, two) = (SEED.hash_one((next, 0_u8)), SEED.hash_one((next, 1_u8)));
    format!("{one:016x}{two:016x}")
}

/// The bytes of `span`, as views into the pieces.
fn copy(body: &Pieces, span: Span, into: &mut Vec<Bytes>) {
    let (mut skip, mut left) = (span.first, span.len());
    for piece in body.as_slice() {
        let length = piece.len() as u64;
        if skip >= length {
            skip -= length;
            continue;
        }
        let taken = left.min(length - skip);
        into.push(window(piece, skip, taken));
        (skip, left) = (0, left - taken);
        if left == 0 {
            return;
        }
    }
}

/// `length` bytes of `piece` from `from`, as many of them as it has.
fn window(piece: &Bytes, from: u64, length: u64) -> Bytes {
    let at = |number: u64| usize::try_from(number).map_or(piece.len(), |at| at.min(piece.len()));
    let from_at = at(from);
    piece.slice(from_at..at(from.saturating_add(length)).max(from_at))
}

fn value(text: String) -> HeaderValue {
    let text = Bytes::from(text);
    HeaderValue::from_maybe_shared(text).unwrap_or_else(|_| HeaderValue::from_static("bytes"))
}

/// A part of a body on its way.
struct Window {
    inner: Body,
    skip: u64,
    left: u64,
}

impl http_body::Body for Window {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        while this.left > 0 {
            let frame = match std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(Some(Err(EndedEarly.into()))),
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = data.len() as u64;
            let skipped = this.skip.min(length);
            let data = window(&data, skipped, this.left);
            this.skip -= skipped;
            if !data.is_empty() {
                this.left -= data.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
        // Whoever else reads the body need not wait for this one.
        this.inner = Body::empty();
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("answer ended before the part that was asked for")]
struct EndedEarly;

/// A body of which some has been read.
struct Resumed {
    pieces: std::vec::IntoIter<Bytes>,
    next: Option<Result<Frame<Bytes>, BoxError>>,
    rest: Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Some(piece) = this.pieces.next() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(next) = this.next.take() {
            return Poll::Ready(Some(next));
        }
        Pin::new(&mut this.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.len() == 0 && self.next.is_none() && self.rest.is_end_stream()
    }
}
