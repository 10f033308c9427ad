//! The codec of request heads, response heads and trailers.
//!
//! Heads are written straight into the buffer that goes to the stream, and read without copying
//! header values: they are slices of the received head. Header names and values are checked
//! again on arrival, because `http`'s types must not hold what a peer merely claims is valid.

use std::net::SocketAddr;

use bincode::config;
use bincode::de::read::SliceReader;
use bincode::de::{BorrowDecode, Decoder as _, DecoderImpl};
use bincode::enc::write::Writer;
use bincode::enc::{Encode, EncoderImpl};
use bincode::error::{DecodeError, EncodeError};
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Response, StatusCode, response};

use super::PREFIX_BYTES;
use crate::services::{CallMeta, RpcRefusal, Trace};

/// No head, whatever the settings, makes the decoder claim more than this.
const CLAIM_BYTES_MAX: usize = 1 << 20;
/// The longest refusal message that travels.
pub(crate) const REFUSAL_BYTES_MAX: usize = 4096;

type WireConfig =
    config::Configuration<config::LittleEndian, config::Varint, config::Limit<CLAIM_BYTES_MAX>>;

const CONFIG: WireConfig = config::standard().with_limit::<CLAIM_BYTES_MAX>();

/// A head that cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadFault {
    #[error("head cannot be encoded")]
    Encode(#[from] EncodeError),
    #[error("head cannot be decoded")]
    Decode(#[from] DecodeError),
    #[error("head has a {0} that http does not allow")]
    Http(&'static str),
    #[error("head is over its size limit")]
    TooLarge,
    #[error("head has trailing bytes")]
    Trailing,
}

/// Everything of a request but its body.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) request: Request<()>,
    pub(crate) meta: CallMeta,
    /// The body's length; none when it is not known beforehand.
    pub(crate) length: Option<u64>,
}

/// Everything of a response but its body.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) response: Response<()>,
    pub(crate) length: Option<u64>,
}

/// Appends a block with the request head to `out`.
pub(crate) fn put_request(
    out: &mut BytesMut,
    parts: &request::Parts,
    meta: &CallMeta,
    length: Option<u64>,
) -> Result<(), HeadFault> {
    put_block(out, |to| {
        parts.method.as_str().encode(to)?;
        parts.uri.scheme_str().unwrap_or("").encode(to)?;
        parts
            .uri
            .authority()
            .map_or("", Authority::as_str)
            .encode(to)?;
        parts
            .uri
            .path_and_query()
            .map_or("", PathAndQuery::as_str)
            .encode(to)?;
        length.encode(to)?;
        meta.request_id.as_str().encode(to)?;
        meta.client.encode(to)?;
        meta.scheme_https.encode(to)?;
        meta.deadline_ms.encode(to)?;
        meta.trace
            .map(|t| (t.trace_id, t.span_id, t.flags))
            .encode(to)?;
        meta.region_hint.encode(to)?;
        meta.revision.encode(to)?;
        meta.relayed.encode(to)?;
        encode_headers(to, &parts.headers)
    })
}

/// Appends a block with the response head to `out`.
pub(crate) fn put_response(
    out: &mut BytesMut,
    parts: &response::Parts,
    length: Option<u64>,
) -> Result<(), HeadFault> {
    put_block(out, |to| {
        parts.status.as_u16().encode(to)?;
        length.encode(to)?;
        encode_headers(to, &parts.headers)
    })
}

/// Appends a block with trailers to `out`.
pub(crate) fn put_trailers(out: &mut BytesMut, trailers: &HeaderMap) -> Result<(), HeadFault> {
    put_block(out, |to| encode_headers(to, trailers))
}

/// Appends a block with a refusal to `out`, its message cut to what may travel.
pub(crate) fn put_refusal(out: &mut BytesMut, refusal: &RpcRefusal) -> Result<(), HeadFault> {
    let mut end = refusal.message.len().min(REFUSAL_BYTES_MAX);
    while !refusal.message.is_char_boundary(end) {
        end -= 1;
    }
    let message = refusal.message.get(..end).unwrap_or_default();
    put_block(out, |to| {
        refusal.code.encode(to)?;
        message.encode(to)
    })
}

/// Reads a request head.
pub(crate) fn read_request(head: &Bytes, headers_max: usize) -> Result<RequestHead, HeadFault> {
    let mut from = Source::new(head);
    let method =
        Method::from_bytes(from.next::<&[u8]>()?).map_err(|_| HeadFault::Http("method"))?;
    let uri = from.uri()?;
    let length = from.next()?;
    let meta = CallMeta {
        request_id: from.next::<&str>()?.to_owned(),
        client: from.next::<SocketAddr>()?,
        scheme_https: from.next()?,
        deadline_ms: from.next()?,
        trace: from
            .next::<Option<([u8; 16], [u8; 8], u8)>>()?
            .map(|(trace_id, span_id, flags)| Trace {
                trace_id,
                span_id,
                flags,
            }),
        region_hint: from.next::<Option<&str>>()?.map(str::to_owned),
        revision: from.next()?,
        relayed: from.next()?,
    };
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    from.headers(request.headers_mut(), headers_max)?;
    from.end()?;
    Ok(RequestHead {
        request,
        meta,
        length,
    })
}

/// Reads a response head.
pub(crate) fn read_response(head: &Bytes, headers_max: usize) -> Result<ResponseHead, HeadFault> {
    let mut from = Source::new(head);
    let status = StatusCode::from_u16(from.next()?).map_err(|_| HeadFault::Http("status"))?;
    let length = from.next()?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    from.headers(response.headers_mut(), headers_max)?;
    from.end()?;
    Ok(ResponseHead { response, length })
}

/// Reads trailers.
pub(crate) fn read_trailers(block: &Bytes, headers_max: usize) -> Result<HeaderMap, HeadFault> {
    let mut from = Source::new(block);
    let mut trailers = HeaderMap::new();
    from.headers(&mut trailers, headers_max)?;
    from.end()?;
    Ok(trailers)
}

/// Reads a refusal.
pub(crate) fn read_refusal(block: &Bytes) -> Result<RpcRefusal, HeadFault> {
    let mut from = Source::new(block);
    let refusal = RpcRefusal {
        code: from.next()?,
        message: from.next::<&str>()?.to_owned(),
    };
    from.end()?;
    Ok(refusal)
}

struct Sink<'a>(&'a mut BytesMut);

impl Writer for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

type Encoder<'a> = EncoderImpl<Sink<'a>, WireConfig>;

/// Writes what `fill` encodes behind its length.
fn put_block(
    out: &mut BytesMut,
    fill: impl FnOnce(&mut Encoder<'_>) -> Result<(), EncodeError>,
) -> Result<(), HeadFault> {
    let at = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    fill(&mut EncoderImpl::new(Sink(out), CONFIG))?;
    let length = u32::try_from(out.len() - at - PREFIX_BYTES).map_err(|_| HeadFault::TooLarge)?;
    let prefix = out
        .get_mut(at..at + PREFIX_BYTES)
        .ok_or(HeadFault::TooLarge)?;
    prefix.copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn encode_headers(to: &mut Encoder<'_>, headers: &HeaderMap) -> Result<(), EncodeError> {
    headers.len().encode(to)?;
    for (name, value) in headers {
        name.as_str().encode(to)?;
        value.as_bytes().encode(to)?;
    }
    Ok(())
}

/// A received block and the place up to which it is decoded.
struct Source<'a> {
    block: &'a Bytes,
    decoder: DecoderImpl<SliceReader<'a>, WireConfig, ()>,
}

impl<'a> Source<'a> {
    fn new(block: &'a Bytes) -> Self {
        Self {
            block,
            decoder: DecoderImpl::new(SliceReader::new(block), CONFIG, ()),
        }
    }

    fn next<T: BorrowDecode<'a, ()>>(&mut self) -> Result<T, HeadFault> {
        Ok(T::borrow_decode(&mut self.decoder)?)
    }

    /// The next byte string as a slice of the block, without copying.
    fn slice(&mut self) -> Result<Bytes, HeadFault> {
        let bytes: &'a [u8] = self.next()?;
        Ok(self.block.slice_ref(bytes))
    }

    fn uri(&mut self) -> Result<Uri, HeadFault> {
        let scheme: &str = self.next()?;
        let authority = self.slice()?;
        let path = self.slice()?;
        let mut parts = http::uri::Parts::default();
        if !scheme.is_empty() {
            parts.scheme = Some(Scheme::try_from(scheme).map_err(|_| HeadFault::Http("scheme"))?);
        }
        if !authority.is_empty() {
            let authority = Authority::from_maybe_shared(authority);
            parts.authority = Some(authority.map_err(|_| HeadFault::Http("authority"))?);
        }
        if !path.is_empty() {
            let path = PathAndQuery::from_maybe_shared(path);
            parts.path_and_query = Some(path.map_err(|_| HeadFault::Http("path"))?);
        }
        Uri::from_parts(parts).map_err(|_| HeadFault::Http("target"))
    }

    fn headers(&mut self, into: &mut HeaderMap, headers_max: usize) -> Result<(), HeadFault> {
        let count: usize = self.next()?;
        if count > headers_max {
            return Err(HeadFault::TooLarge);
        }
        into.try_reserve(count).map_err(|_| HeadFault::TooLarge)?;
        for _ in 0..count {
            let name = HeaderName::from_bytes(self.next::<&[u8]>()?)
                .map_err(|_| HeadFault::Http("header name"))?;
            let value = HeaderValue::from_maybe_shared(self.slice()?)
                .map_err(|_| HeadFault::Http("header value"))?;
            into.try_append(name, value)
                .map_err(|_| HeadFault::TooLarge)?;
        }
        Ok(())
    }

    /// Nothing may follow: bincode itself would not notice.
    fn end(self) -> Result<(), HeadFault> {
        let mut decoder = self.decoder;
        match decoder.reader().read_one() {
            Some(()) => Err(HeadFault::Trailing),
            None => Ok(()),
        }
    }
}

/// Whether a reader has a byte left.
trait ReadOne {
    fn read_one(&mut self) -> Option<()>;
}

impl<R: bincode::de::read::Reader> ReadOne for R {
    fn read_one(&mut self) -> Option<()> {
        let mut byte = [0];
        self.read(&mut byte).ok()
    }
}

#[cfg(test)]
mod tests;
