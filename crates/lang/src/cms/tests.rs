//! Messages made here byte by byte, with lengths of either kind, and spoiled ones.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use proptest::prelude::*;

use super::{
    CONTENT_TYPE, CmsError, DATA, DIGEST_SHA256, MESSAGE_BYTES_MAX, MESSAGE_DIGEST, RSA,
    SIGNED_DATA, SignedMessage, fuzz,
};

/// One element with a definite length.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let mut all = match length {
        0..0x80 => vec![tag, low],
        _ => vec![tag, 0x82, high, low],
    };
    all.extend(body);
    all
}

/// One element with an indefinite length.
fn ber(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80][..], &parts.concat(), &[0, 0]].concat()
}

/// How a message is made.
struct Making {
    /// Of what is around the content.
    around: fn(u8, &[&[u8]]) -> Vec<u8>,
    digest_algorithm: &'static [u8],
    way: &'static [u8],
    signers: usize,
    has_attributes: bool,
    is_in_pieces: bool,
}

const USUAL: Making = Making {
    around: der,
    digest_algorithm: DIGEST_SHA256,
    way: RSA,
    signers: 1,
    has_attributes: true,
    is_in_pieces: false,
};

struct Signer(RsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature)
            .unwrap();
        signature
    }

    fn message(&self, content: &[u8], making: &Making) -> Vec<u8> {
        let around = making.around;
        let attribute =
            |name: &[u8], value: &[u8]| der(0x30, &[&der(6, &[name]), &der(0x31, &[value])]);
        let hash = digest(&SHA256, content);
        let attributes = [
            attribute(CONTENT_TYPE, &der(6, &[DATA])),
            attribute(MESSAGE_DIGEST, &der(4, &[hash.as_ref()])),
        ]
        .concat();
        let signed = if making.has_attributes {
            der(0x31, &[&attributes])
        } else {
            content.to_vec()
        };
        let field = if making.has_attributes {
            der(0xa0, &[&attributes])
        } else {
            Vec::new()
        };
        let sid = der(0x30, &[&der(0x30, &[]), &der(2, &[&[7]])]);
        let hashing = der(0x30, &[&der(6, &[making.digest_algorithm]), &der(5, &[])]);
        let way = der(0x30, &[&der(6, &[making.way]), &der(5, &[])]);
        let signature = der(4, &[&self.sign(&signed)]);
        let signer = der(
            0x30,
            &[&der(2, &[&[1]]), &sid, &hashing, &field, &way, &signature],
        );
        let text = if making.is_in_pieces {
            let (one, other) = content.split_at(content.len() / 2);
            around(0x24, &[&der(4, &[one]), &der(4, &[other])])
        } else {
            der(4, &[content])
        };
        let inner = around(0x30, &[&der(6, &[DATA]), &around(0xa0, &[&text])]);
        let signers = signer.repeat(making.signers);
        let data = around(
            0x30,
            &[
                &der(2, &[&[1]]),
                &der(0x31, &[&hashing]),
                &inner,
                &der(0xa0, &[b"\x30\x00"]),
                &der(0x31, &[&signers]),
            ],
        );
        around(0x30, &[&der(6, &[SIGNED_DATA]), &around(0xa0, &[&data])])
    }
}

fn read(message: &[u8], signer: &Signer) -> Result<Vec<u8>, CmsError> {
    let public = signer.public();
    SignedMessage::parse(message)?.verify([public.as_slice()])
}

#[test]
fn messages_of_both_encodings_are_read() {
    let (signer, other) = (Signer::new(), Signer::new());
    let content = b"{\"instanceId\": \"i-1\"}";
    for around in [der, ber] {
        for is_in_pieces in [false, true] {
            let making = Making {
                around,
                is_in_pieces,
                ..USUAL
            };
            let message = signer.message(content, &making);
            assert_eq!(read(&message, &signer).unwrap(), content);
            assert_eq!(read(&message, &other), Err(CmsError::Signature));
            // One of several keys is enough.
            let keys = [other.public(), signer.public()];
            let parsed = SignedMessage::parse(&message).unwrap();
            let verified = parsed.verify(keys.iter().map(Vec::as_slice));
            assert_eq!(verified.unwrap(), content);
            let more = [&message[..], b"\0"].concat();
            assert_eq!(read(&more, &signer), Err(CmsError::Structure));
        }
    }
    // A key is a key however it was written down.
    let spki = signer.0.public_key().as_der().unwrap();
    let message = signer.message(content, &USUAL);
    let parsed = SignedMessage::parse(&message).unwrap();
    assert!(parsed.verify([spki.as_ref()]).is_ok());
}

#[test]
fn other_ways_to_sign_are_refused() {
    let signer = Signer::new();
    let check = |making: Making, expected: CmsError| {
        assert_eq!(read(&signer.message(b"x", &making), &signer), Err(expected));
    };
    let sha1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
    let dsa: &[u8] = b"\x2a\x86\x48\xce\x38\x04\x03";
    let digest_algorithm = sha1;
    check(
        Making {
            digest_algorithm,
            ..USUAL
        },
        CmsError::Algorithm,
    );
    check(Making { way: dsa, ..USUAL }, CmsError::Algorithm);
    check(
        Making {
            signers: 0,
            ..USUAL
        },
        CmsError::Signers,
    );
    check(
        Making {
            signers: 2,
            ..USUAL
        },
        CmsError::Signers,
    );
    let has_attributes = false;
    check(
        Making {
            has_attributes,
            ..USUAL
        },
        CmsError::Structure,
    );
    let long = vec![0x30; MESSAGE_BYTES_MAX + 1];
    assert_eq!(read(&long, &signer), Err(CmsError::TooLong));
}

#[test]
fn what_was_signed_cannot_be_altered() {
    let signer = Signer::new();
    let content = b"{\"accountId\": \"111111111111\"}";
    let message = signer.message(content, &USUAL);
    let at = message
        .windows(content.len())
        .position(|window| window == content)
        .unwrap();
    let mut altered = message.clone();
    altered[at + content.len() - 3] = b'2';
    assert_eq!(read(&altered, &signer), Err(CmsError::Digest));
    // Whatever byte is spoiled: no other content is believed.
    for place in 0..message.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut spoiled = message.clone();
            spoiled[place] ^= bit;
            if let Ok(read) = read(&spoiled, &signer) {
                assert_eq!(read, content, "byte {place}");
            }
        }
    }
}

#[test]
fn depth_is_bounded() {
    let mut deep = [0x30, 0x80].repeat(4_000);
    deep.extend(vec![0; 8_000]);
    assert_eq!(SignedMessage::parse(&deep), Err(CmsError::Encoding));
}

proptest! {
    #[test]
    fn strangers_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::message(&bytes);
    }

    #[test]
    fn beginnings_of_messages_do_no_harm(
        tail in proptest::collection::vec(any::<u8>(), 0..80),
        kept in 0_usize..60,
    ) {
        let head = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\
            \x01\x31\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x30\x80\x06\
            \x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80\x04";
        let head = head.get(..kept).unwrap_or(head);
        fuzz::message(&[head, &tail].concat());
    }
}
