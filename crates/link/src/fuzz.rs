//! What other nodes send, for fuzzers and for property tests: each function takes any bytes and
//! panics when something that must hold does not. Nothing else uses them.
//!
//! Streams and their lengths are quinn's, or tested with real connections; here is what is read
//! out of a block once it is whole.

use bytes::{Bytes, BytesMut};

use crate::probe::Datagram;
use crate::wire::PREFIX_BYTES;
use crate::wire::head::{self, HeadFault};

/// More than a test makes, so that the limit is met too.
const HEADERS_MAX: usize = 16;

/// Reads `bytes` as each kind of block. What can be read is written and read again, and is then
/// the same.
pub fn blocks(bytes: &[u8]) {
    let block = Bytes::copy_from_slice(bytes);
    if let Ok(read) = head::read_request(&block, HEADERS_MAX) {
        let again = written(|out| {
            let (parts, ()) = read.request.clone().into_parts();
            head::put_request(out, &parts, &read.meta, read.length)
        });
        let again = again.and_then(|block| head::read_request(&block, HEADERS_MAX));
        assert!(
            again.is_ok_and(|again| {
                again.meta == read.meta
                    && again.length == read.length
                    && again.request.method() == read.request.method()
                    && again.request.uri() == read.request.uri()
                    && again.request.headers() == read.request.headers()
            }),
            "a request head does not read back: {read:?}"
        );
    }
    if let Ok(read) = head::read_response(&block, HEADERS_MAX) {
        let again = written(|out| {
            let (parts, ()) = read.response.clone().into_parts();
            head::put_response(out, &parts, read.length)
        });
        let again = again.and_then(|block| head::read_response(&block, HEADERS_MAX));
        assert!(
            again.is_ok_and(|again| {
                again.length == read.length
                    && again.response.status() == read.response.status()
                    && again.response.headers() == read.response.headers()
            }),
            "a response head does not read back: {read:?}"
        );
    }
    if let Ok(read) = head::read_trailers(&block, HEADERS_MAX) {
        assert!(read.len() <= HEADERS_MAX, "{} trailers", read.len());
        let again = written(|out| head::put_trailers(out, &read));
        let again = again.and_then(|block| head::read_trailers(&block, HEADERS_MAX));
        assert!(
            again.is_ok_and(|again| again == read),
            "trailers do not read back: {read:?}"
        );
    }
    if let Ok(read) = head::read_refusal(&block) {
        let again = written(|out| head::put_refusal(out, &read));
        assert!(
            again
                .and_then(|block| head::read_refusal(&block))
                .is_ok_and(
                    |again| again.code == read.code && read.message.starts_with(&again.message)
                ),
            "a refusal does not read back: {read:?}"
        );
    }
}

/// Reads `bytes` as a datagram; one that can be read is the only way to write it, but for the
/// last byte, of which only zero means no.
pub fn datagram(bytes: &[u8]) {
    if let Some(read) = Datagram::decode(bytes) {
        let again = read.encode();
        assert_eq!(Datagram::decode(&again), Some(read));
        let same = bytes.len().saturating_sub(1);
        assert_eq!(again.get(..same), bytes.get(..same));
    }
}

/// A block without its length.
fn written(put: impl FnOnce(&mut BytesMut) -> Result<(), HeadFault>) -> Result<Bytes, HeadFault> {
    let mut out = BytesMut::new();
    put(&mut out)?;
    Ok(out.freeze().slice(PREFIX_BYTES..))
}

#[cfg(test)]
mod tests;
