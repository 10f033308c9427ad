//! Signed messages (RFC 5652, known as PKCS #7), as far as clouds sign facts of machines with them.
//!
//! One signer, RSA with SHA-256, signed attributes, and the content inside: anything else is
//! refused rather than guessed at. A [`SignedMessage`] says nothing until a key has verified it.
//! Deliberately not here: whose the key is; certificates in the message are skipped, since what
//! comes with a message cannot vouch for it.

mod ber;
pub mod fuzz;
#[cfg(test)]
mod tests;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};

use self::ber::{CONSTRUCTED, OBJECT, OCTETS, Reader, SEQUENCE, SET, octets};

/// Longest message that is looked at, bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const CONTENT_TYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
const MESSAGE_DIGEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
const DIGEST_SHA256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const RSA_SHA256: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";

/// Why bytes are not a message that can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// Longer than [`MESSAGE_BYTES_MAX`].
    #[error("the signed message is too long")]
    TooLong,
    /// Not ASN.1.
    #[error("the signed message is malformed")]
    Encoding,
    /// Other fields than a signed message has, or than are understood.
    #[error("the signed message is of another kind than is understood")]
    Structure,
    /// Not signed with RSA and SHA-256.
    #[error("the message is signed in a way that is not accepted")]
    Algorithm,
    /// Not one signer.
    #[error("the message has none or several signers")]
    Signers,
    /// What was signed is another content.
    #[error("the message was altered after it was signed")]
    Digest,
    /// None of the keys has signed it.
    #[error("the message is signed by somebody else")]
    Signature,
}

/// A message that nobody has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMessage {
    content: Vec<u8>,
    /// What the signature is of: the set of attributes, which holds the content's digest.
    attributes: Vec<u8>,
    signature: Vec<u8>,
}

impl SignedMessage {
    /// Takes a message apart.
    ///
    /// # Errors
    /// It is none, or of a kind that is not accepted.
    pub fn parse(bytes: &[u8]) -> Result<Self, CmsError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(CmsError::TooLong);
        }
        let mut whole = Reader::new(bytes);
        let mut info = whole.enter(SEQUENCE)?;
        whole.end()?;
        if info.expect(OBJECT)?.body != SIGNED_DATA {
            return Err(CmsError::Structure);
        }
        let mut wrapped = info.enter(CONTEXT_0)?;
        info.end()?;
        let mut signed = wrapped.enter(SEQUENCE)?;
        wrapped.end()?;
        // The version, and digests that are announced.
        signed.next()?;
        signed.expect(SET)?;
        let content = content(signed.enter(SEQUENCE)?)?;
        // Certificates and revocations: neither is of use here.
        for skipped in [CONTEXT_0, CONTEXT_1] {
            if signed.peek() == Some(skipped) {
                signed.next()?;
            }
        }
        let mut signers = signed.enter(SET)?;
        signed.end()?;
        let signer = signers.enter(SEQUENCE).map_err(|_| CmsError::Signers)?;
        signers.end().map_err(|_| CmsError::Signers)?;
        let signer = Signer::read(signer)?;
        signer.check(&content)?;
        Ok(Self {
            content,
            attributes: signer.as_set()?,
            signature: signer.signature.to_vec(),
        })
    }

    /// The content, if one of these keys (RSA, as PKCS #1 has them) has signed it.
    ///
    /// # Errors
    /// None has, or the content is not what was signed.
    pub fn verify<'k>(self, keys: impl IntoIterator<Item = &'k [u8]>) -> Result<Vec<u8>, CmsError> {
        let algorithm = &RSA_PKCS1_2048_8192_SHA256;
        let has_signed = |key: &[u8]| {
            let key = UnparsedPublicKey::new(algorithm, key);
            key.verify(&self.attributes, &self.signature).is_ok()
        };
        if !keys.into_iter().any(has_signed) {
            return Err(CmsError::Signature);
        }
        Ok(self.content)
    }
}

/// EncapsulatedContentInfo of RFC 5652, 5.2.
fn content(mut info: Reader<'_>) -> Result<Vec<u8>, CmsError> {
    if info.expect(OBJECT)?.body != DATA {
        return Err(CmsError::Structure);
    }
    let mut wrapped = info.enter(CONTEXT_0)?;
    info.end()?;
    let content = wrapped.next()?;
    wrapped.end()?;
    if content.tag & !CONSTRUCTED != OCTETS {
        return Err(CmsError::Structure);
    }
    octets(content)
}

/// What a signer signed, and the signature (SignerInfo of RFC 5652, 5.3).
struct Signer<'a> {
    attributes: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signer<'a> {
    fn read(mut info: Reader<'a>) -> Result<Self, CmsError> {
        // The version, and by which name the signer goes: only keys that are known count.
        info.next()?;
        info.next()?;
        if algorithm(info.enter(SEQUENCE)?)? != DIGEST_SHA256 {
            return Err(CmsError::Algorithm);
        }
        // Messages without signed attributes are refused: what one signer signed as attributes
        // could else be passed off as a content (RFC 5652, section 11, has no remedy).
        let attributes = info.expect(CONTEXT_0)?;
        if !attributes.is_definite {
            // They are signed as DER (5.4), in which lengths are definite.
            return Err(CmsError::Structure);
        }
        let way = algorithm(info.enter(SEQUENCE)?)?;
        if way != RSA && way != RSA_SHA256 {
            return Err(CmsError::Algorithm);
        }
        let signature = info.expect(OCTETS)?.body;
        if info.peek() == Some(CONTEXT_1) {
            info.next()?;
        }
        info.end()?;
        Ok(Self {
            attributes: attributes.body,
            signature,
        })
    }

    /// The attributes must be of this content: its kind and its digest, each once (5.3, 11.1-2).
    fn check(&self, content: &[u8]) -> Result<(), CmsError> {
        let (mut kinds, mut digests) = (0, 0);
        let mut attributes = Reader::new(self.attributes);
        while !attributes.is_at_end() {
            let mut attribute = attributes.enter(SEQUENCE)?;
            let name = attribute.expect(OBJECT)?.body;
            let mut values = attribute.enter(SET)?;
            attribute.end()?;
            if name == CONTENT_TYPE {
                kinds += 1;
                if values.expect(OBJECT)?.body != DATA {
                    return Err(CmsError::Structure);
                }
                values.end()?;
            } else if name == MESSAGE_DIGEST {
                digests += 1;
                if values.expect(OCTETS)?.body != digest(&SHA256, content).as_ref() {
                    return Err(CmsError::Digest);
                }
                values.end()?;
            }
        }
        if (kinds, digests) == (1, 1) {
            Ok(())
        } else {
            Err(CmsError::Structure)
        }
    }

    /// The attributes as they are signed: a set, and not the field of the message (5.4).
    fn as_set(&self) -> Result<Vec<u8>, CmsError> {
        let length = u16::try_from(self.attributes.len()).map_err(|_| CmsError::TooLong)?;
        let [high, low] = length.to_be_bytes();
        let mut set = vec![SET];
        match (high, low) {
            (0, 0..0x80) => set.push(low),
            (0, _) => set.extend([0x81, low]),
            (..) => set.extend([0x82, high, low]),
        }
        set.extend_from_slice(self.attributes);
        Ok(set)
    }
}

/// The name of an algorithm, whose parameters are none or NULL.
fn algorithm(mut sequence: Reader<'_>) -> Result<&[u8], CmsError> {
    let name = sequence.expect(OBJECT)?.body;
    if !sequence.is_at_end() && !sequence.next()?.body.is_empty() {
        return Err(CmsError::Algorithm);
    }
    sequence.end()?;
    Ok(name)
}
