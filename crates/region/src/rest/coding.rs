//! Content codings at work: whole bodies are decompressed, answers are compressed as they come.
//!
//! Decompressing stops at a limit, so that no small body becomes a large one. Both work in pieces,
//! so that other requests of the same core get their turns.

use std::{
    collections::VecDeque,
    io::Write,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use flate2::{Compression, write};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use lang::media::Coding;
use serve::{Body, BoxError};

/// Why a body cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// It is not in its coding, or not all of it is there.
    #[error("body is not in the coding that it is said to be in")]
    Malformed,
    /// It would become larger than it may.
    #[error("body is too large when decompressed")]
    TooLarge,
}

/// Bytes that go in at once, between two turns of others.
const PIECE_BYTES: usize = 32 * 1024;

/// How hard is tried: quick rather than small, since answers are made once and sent once.
const LEVEL: Compression = Compression::new(4);

/// Undoes a coding.
pub(crate) async fn decode(
    coding: Coding,
    body: Bytes,
    bytes_max: usize,
) -> Result<Bytes, DecodeError> {
    let out = Bounded {
        bytes: Vec::new(),
        bytes_max,
    };
    let out = match coding {
        Coding::Identity => return Ok(body),
        Coding::Gzip => {
            // Several members in a row are one body (RFC 1952, 2.2).
            let mut decoder = write::MultiGzDecoder::new(out);
            feed(&mut decoder, &body).await.map_err(reason)?;
            decoder.finish()
        }
        Coding::Deflate => {
            let mut decoder = write::ZlibDecoder::new(out);
            feed(&mut decoder, &body).await.map_err(reason)?;
            decoder.finish()
        }
    };
    out.map(|out| Bytes::from(out.bytes)).map_err(reason)
}

async fn feed(decoder: &mut impl Write, body: &Bytes) -> std::io::Result<()> {
    for piece in body.chunks(PIECE_BYTES) {
        decoder.write_all(piece)?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn reason(error: std::io::Error) -> DecodeError {
    if error.kind() == std::io::ErrorKind::FileTooLarge {
        DecodeError::TooLarge
    } else {
        DecodeError::Malformed
    }
}

/// Takes so many bytes and no more.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + piece.len() > self.bytes_max {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether a body has at least so many bytes, and the body. Reads no more of it than it must.
pub(crate) async fn at_least(mut body: Body, least: usize) -> (bool, Body) {
    let hint = body.size_hint();
    let least_bytes = u64::try_from(least).unwrap_or(u64::MAX);
    if hint.lower() >= least_bytes {
        return (true, body);
    }
    if hint.upper().is_some_and(|upper| upper < least_bytes) {
        return (false, body);
    }
    let (mut held, mut length) = (VecDeque::new(), 0);
    while length < least {
        match body.frame().await {
            None => break,
            Some(frame) => {
                let data = frame.as_ref().ok().and_then(|frame| frame.data_ref());
                length += data.map_or(0, Bytes::len);
                let is_over = frame.is_err();
                held.push_back(frame);
                if is_over {
                    break;
                }
            }
        }
    }
    let body = Begun { held, rest: body };
    (length >= least, Body::wrap(body))
}

/// A body of which the beginning has been read.
struct Begun {
    held: VecDeque<Result<Frame<Bytes>, BoxError>>,
    rest: Body,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.held.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }
}

/// A body in a coding, as its pieces come.
pub(crate) fn encode(coding: Coding, body: Body) -> Body {
    let encoder = match coding {
        Coding::Identity => return body,
        Coding::Gzip => Encoder::Gzip(write::GzEncoder::new(Vec::new(), LEVEL)),
        Coding::Deflate => Encoder::Deflate(write::ZlibEncoder::new(Vec::new(), LEVEL)),
    };
    Body::wrap(Packed {
        body,
        waiting: Bytes::new(),
        encoder: Some(encoder),
    })
}

enum Encoder {
    Gzip(write::GzEncoder<Vec<u8>>),
    Deflate(write::ZlibEncoder<Vec<u8>>),
}

/// A body that is compressed while it is read.
struct Packed {
    body: Body,
    /// What came and has not gone in yet.
    waiting: Bytes,
    /// None once everything is out.
    encoder: Option<Encoder>,
}

impl Encoder {
    /// What comes out for a piece; often nothing.
    fn put(&mut self, piece: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Deflate(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    fn finish(self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Deflate(encoder) => encoder.finish(),
        }
    }
}

impl http_body::Body for Packed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let this = &mut *self;
            let Some(encoder) = &mut this.encoder else {
                return Poll::Ready(None);
            };
            if this.waiting.is_empty() {
                match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                    Some(Ok(frame)) => {
                        // Trailers would come before the end of what is compressed.
                        this.waiting = frame.into_data().unwrap_or_default();
                        continue;
                    }
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        let last = this.encoder.take().map_or(Ok(Vec::new()), Encoder::finish);
                        return Poll::Ready(Some(last.map(data).map_err(Into::into)));
                    }
                }
            }
            let length = this.waiting.len().min(PIECE_BYTES);
            let out = encoder.put(&this.waiting.split_to(length))?;
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(data(out))));
            }
        }
    }
}

fn data(bytes: Vec<u8>) -> Frame<Bytes> {
    Frame::data(Bytes::from(bytes))
}
