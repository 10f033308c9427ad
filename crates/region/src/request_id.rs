//! Request ids as API Gateway makes them: 11 random bytes in 15 characters and a final `=`.

/// Of base64 for URLs, so that an id can stand anywhere.
const ALPHABET: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A fresh id from the thread's random generator.
pub(crate) fn fresh() -> String {
    encode(rand::random())
}

/// The lowest 88 bits of `bits`.
fn encode(bits: u128) -> String {
    // The last character carries the four bits that are left over, as base64 has it.
    let mut left = (bits & ((1 << 88) - 1)) << 2;
    let mut id = ['='; 16];
    for slot in id.iter_mut().take(15).rev() {
        let index = usize::try_from(left & 63).unwrap_or(0);
        *slot = ALPHABET.get(index).copied().map_or('A', char::from);
        left >>= 6;
    }
    id.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{encode, fresh};

    #[test]
    fn ids_look_like_base64_of_eleven_bytes() {
        assert_eq!(encode(0), "AAAAAAAAAAAAAAA=");
        assert_eq!(encode(u128::MAX), "______________8=");
        let id = fresh();
        assert_eq!((id.len(), id.ends_with('=')), (16, true));
        assert_ne!(id, fresh());
    }
}
