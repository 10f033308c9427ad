//! Random identifiers and secrets, chosen before a change is proposed.
//!
//! They come from the thread's generator, which is a cryptographic one seeded by the system; those
//! of a call that may be sent again follow from its name (`repeat`).

use model::ChangeId;

use crate::{refusal::Refusal, repeat};

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";

fn pick(alphabet: &[u8], length: usize) -> String {
    let one = || {
        // The remainder favours none by more than one in 2^57.
        let at = repeat::number() % (alphabet.len() as u64).max(1);
        let at = usize::try_from(at).unwrap_or_default();
        alphabet.get(at).copied().unwrap_or(b'0')
    };
    (0..length).map(|_| char::from(one())).collect()
}

/// 10 characters: an API, or the target of a domain.
pub(crate) fn long() -> String {
    pick(LOWER, 10)
}

/// 7 characters: an integration, a route, a mapping.
pub(crate) fn short() -> String {
    pick(LOWER, 7)
}

/// 6 characters: a deployment, or a part of a REST API.
pub(crate) fn deployment() -> String {
    pick(LOWER, 6)
}

/// `AKIA` and 16 characters.
pub(crate) fn access_key() -> String {
    format!("AKIA{}", pick(UPPER, 16))
}

/// 40 characters, 240 bits.
pub(crate) fn secret() -> String {
    pick(SECRET, 40)
}

/// `vpce-` and 17 hexadecimal digits.
pub(crate) fn private_endpoint() -> String {
    format!("vpce-{}", pick(HEX, 17))
}

/// An id of a private endpoint as Amazon's look: a part of host names, so it is short and plain.
pub(crate) fn check_private_endpoint(id: &str) -> Result<(), Refusal> {
    let digits = id.strip_prefix("vpce-").unwrap_or_default();
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if (8..=17).contains(&digits.len()) && digits.bytes().all(hex) {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "{id} is no id of an endpoint: write vpce- and 8 to 17 digits of 0-9a-f"
    )))
}

/// The form of a UUID, version 4: a request or a certificate.
pub(crate) fn uuid() -> String {
    let variant = pick(b"89ab", 1);
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        pick(HEX, 8),
        pick(HEX, 4),
        pick(HEX, 3),
        pick(HEX, 3),
        pick(HEX, 12)
    )
}

/// 15 characters and a `=`: what REST APIs call a request besides its id.
pub(crate) fn extended() -> String {
    format!("{}=", pick(SECRET, 15))
}

/// 40 characters: what clients of APIs send as their key.
pub(crate) fn api_key() -> String {
    pick(ALPHANUMERIC, 40)
}

/// 128 bits.
pub(crate) fn change() -> ChangeId {
    ChangeId(u128::from(repeat::number()) << 64 | u128::from(repeat::number()))
}
