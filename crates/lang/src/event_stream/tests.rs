//! Frames of the vectors that Amazon publishes with its SDKs, and frames that are broken.

use proptest::prelude::*;

use super::{Decoder, Frame, FrameError, HEADERS_BYTES_MAX};

const EMPTY: &[u8] = &[
    0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
];
const NO_HEADERS: &[u8] = b"\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36";

/// Encodes by the book, with headers given as raw bytes.
fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(headers.len() + payload.len() + 16).unwrap();
    let mut bytes = total.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn all(bytes: &[u8], step: usize) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for part in bytes.chunks(step) {
        decoder.push(part);
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
    }
    assert!(decoder.is_empty(), "a whole stream leaves nothing");
    Ok(frames)
}

#[test]
fn published_vectors() {
    let [empty] = all(EMPTY, 3).unwrap().try_into().unwrap();
    assert!(empty.payload.is_empty());
    let [one] = all(NO_HEADERS, 1).unwrap().try_into().unwrap();
    assert_eq!(one.payload, b"{'foo':'bar'}");
}

#[test]
fn headers_of_all_types() {
    let headers = b"\x01a\x00\x01b\x01\x01c\x02\x09\x01d\x03\0\x01\x01e\x04\0\0\0\x01\
        \x01f\x05\0\0\0\0\0\0\0\x01\x01g\x06\0\x02xy\x0b:event-type\x07\0\x0cPayloadChunk\
        \x01t\x08\0\0\0\0\0\0\0\x01\x01u\x090123456789abcdef";
    let bytes = [frame(headers, b"one"), frame(b"", b"two")].concat();
    for step in [1, 7, bytes.len()] {
        let frames = all(&bytes, step).unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].header(":event-type"), Some("PayloadChunk"));
        assert_eq!(frames[0].header("g"), None);
        assert_eq!(frames[0].payload, b"one");
        assert_eq!(frames[1].payload, b"two");
    }
}

#[test]
fn broken_frames() {
    let check = |bytes: &[u8], expected| {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        assert_eq!(decoder.next_frame(), Err(expected));
        assert_eq!(decoder.next_frame(), Err(expected), "it stays broken");
    };
    for at in 0..NO_HEADERS.len() {
        let mut bytes = NO_HEADERS.to_vec();
        bytes[at] ^= 0x40;
        check(&bytes, FrameError::Checksum);
    }
    check(&frame(b"\x01a\x0a", b""), FrameError::Malformed);
    check(&frame(b"\x05a", b""), FrameError::Malformed);
    check(&frame(b"\x01\xff\x07\0\x01x", b""), FrameError::Malformed);
    let prelude = |total: u32, headers: u32| {
        let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    };
    check(&prelude(15, 0), FrameError::Malformed);
    check(&prelude(20, 10), FrameError::Malformed);
    check(&prelude(u32::MAX, 0), FrameError::TooLong);
    let headers = u32::try_from(HEADERS_BYTES_MAX).unwrap() + 1;
    check(&prelude(headers + 16, headers), FrameError::TooLong);
}

proptest! {
    #[test]
    fn anything_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        let _ = decoder.next_frame();
        // As headers, too, which checksums guard otherwise.
        decoder = Decoder::default();
        decoder.push(&frame(&bytes, b""));
        let _ = decoder.next_frame();
    }
}
