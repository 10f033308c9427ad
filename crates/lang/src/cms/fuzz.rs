//! Any bytes as a signed message: for property tests and for cargo-fuzz.

use super::{MESSAGE_BYTES_MAX, SignedMessage};

/// Reads a message. What can be read is read the same again, and is believed by no key that has
/// not signed it.
///
/// # Panics
/// When that does not hold.
pub fn message(bytes: &[u8]) {
    let read = SignedMessage::parse(bytes);
    assert!(bytes.len() <= MESSAGE_BYTES_MAX || read.is_err());
    assert_eq!(read, SignedMessage::parse(bytes), "read differently again");
    if let Ok(message) = read {
        let strangers: [&[u8]; 2] = [&[], b"\x30\x06\x02\x01\x03\x02\x01\x03"];
        assert!(message.verify(strangers).is_err(), "nobody has signed it");
    }
}
