//! DNS cookies (RFC 7873, in the interoperable form of RFC 9018): a client that shows the cookie we
//! gave it does receive what is sent to its address, so its answers need no rate limit.
//!
//! Nothing is remembered per client: a cookie is a keyed hash over the client's own cookie, its
//! address and the time.

use std::net::IpAddr;

/// A cookie is accepted for so long (RFC 9018, section 4.3).
const AGE_S_MAX: u32 = 3_600;
/// How far ahead of ours another node's clock may be.
const AHEAD_S_MAX: u32 = 300;
/// Version and reserved bytes.
const HEAD: [u8; 4] = [1, 0, 0, 0];

/// What a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    client: [u8; 8],
    /// What it took from an earlier answer; none if it is of another form than ours.
    server: Option<[u8; 16]>,
}

/// The secret of cookies. Nodes that share an address must share it.
#[derive(Clone, Default)]
pub(crate) struct Baker {
    key: [u8; 16],
}

impl Cookie {
    /// Reads the option's value; none for lengths that no cookie has.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let (client, server) = value.split_first_chunk::<8>()?;
        if !matches!(server.len(), 0 | 8..=32) {
            return None;
        }
        Some(Self {
            client: *client,
            server: server.try_into().ok(),
        })
    }
}

impl Baker {
    pub(crate) const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The whole option value for an answer.
    pub(crate) fn bake(&self, cookie: &Cookie, from: IpAddr, now_s: u32) -> [u8; 24] {
        let mut value = [0; 24];
        let server = self.server(cookie.client, now_s, from);
        let bytes = cookie.client.into_iter().chain(server);
        value
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, byte)| *to = byte);
        value
    }

    /// Whether the client got its cookie from us, at its address, not long ago.
    pub(crate) fn accepts(&self, cookie: &Cookie, from: IpAddr, now_s: u32) -> bool {
        let Some(server) = cookie.server else {
            return false;
        };
        let [_, _, _, _, a, b, c, d, ..] = server;
        let made_s = u32::from_be_bytes([a, b, c, d]);
        // Serial number arithmetic, as RFC 9018 asks for.
        let fresh =
            now_s.wrapping_sub(made_s) <= AGE_S_MAX || made_s.wrapping_sub(now_s) <= AHEAD_S_MAX;
        let right = self.server(cookie.client, made_s, from);
        let differing = right
            .iter()
            .zip(server)
            .fold(0, |all, (a, b)| all | (a ^ b));
        fresh && differing == 0
    }

    fn server(&self, client: [u8; 8], at_s: u32, from: IpAddr) -> [u8; 16] {
        let mut hashed = [0; 32];
        let address = match from {
            IpAddr::V4(ip) => (ip.to_ipv6_mapped().octets(), 12),
            IpAddr::V6(ip) => (ip.octets(), 0),
        };
        let bytes = client
            .into_iter()
            .chain(HEAD)
            .chain(at_s.to_be_bytes())
            .chain(address.0.into_iter().skip(address.1));
        let mut length = 0;
        for (to, byte) in hashed.iter_mut().zip(bytes) {
            *to = byte;
            length += 1;
        }
        let hash = siphash(self.key, hashed.get(..length).unwrap_or(&[]));
        let mut server = [0; 16];
        let bytes = HEAD
            .into_iter()
            .chain(at_s.to_be_bytes())
            .chain(hash.to_le_bytes());
        server
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, byte)| *to = byte);
        server
    }
}

impl std::fmt::Debug for Baker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Baker")
    }
}

/// SipHash-2-4 (Aumasson and Bernstein).
fn siphash(key: [u8; 16], bytes: &[u8]) -> u64 {
    let word = |bytes: &[u8]| {
        let mut padded = [0; 8];
        padded.iter_mut().zip(bytes).for_each(|(to, b)| *to = *b);
        u64::from_le_bytes(padded)
    };
    let (low, high) = key.split_at(8);
    let (k0, k1) = (word(low), word(high));
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let mut absorb = |message: u64| {
        let [.., last] = &mut state;
        *last ^= message;
        state = round(round(state));
        let [first, ..] = &mut state;
        *first ^= message;
    };
    let chunks = bytes.chunks_exact(8);
    let rest = word(chunks.remainder());
    chunks.for_each(|chunk| absorb(word(chunk)));
    // The length modulo 256 is the uppermost byte of the last word.
    absorb(rest | (bytes.len() as u64) << 56);
    let [v0, v1, v2, v3] = state;
    let [v0, v1, v2, v3] = round(round(round(round([v0, v1, v2 ^ 0xff, v3]))));
    v0 ^ v1 ^ v2 ^ v3
}

fn round([mut v0, mut v1, mut v2, mut v3]: [u64; 4]) -> [u64; 4] {
    v0 = v0.wrapping_add(v1);
    v1 = v1.rotate_left(13) ^ v0;
    v0 = v0.rotate_left(32);
    v2 = v2.wrapping_add(v3);
    v3 = v3.rotate_left(16) ^ v2;
    v0 = v0.wrapping_add(v3);
    v3 = v3.rotate_left(21) ^ v0;
    v2 = v2.wrapping_add(v1);
    v1 = v1.rotate_left(17) ^ v2;
    v2 = v2.rotate_left(32);
    [v0, v1, v2, v3]
}

#[cfg(test)]
mod tests {
    use super::{Baker, Cookie, siphash};

    /// RFC 9018, appendix A.1.
    #[test]
    fn cookies_are_those_of_the_rfc() {
        let hex = |text: &str| -> Vec<u8> {
            let pairs = text.as_bytes().chunks(2);
            pairs
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect()
        };
        let key = hex("e5e973e5a6b2a43f48e7dc849e37bfcf").try_into().unwrap();
        let baker = Baker::new(key);
        let from = "198.51.100.100".parse().unwrap();
        let cookie = Cookie::read(&hex("2464c4abcf10c957")).unwrap();
        let value = baker.bake(&cookie, from, 1_559_731_985);
        let expected = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
        assert_eq!(value.to_vec(), hex(expected));
        let back = Cookie::read(&value).unwrap();
        let other = "198.51.100.101".parse().unwrap();
        assert!(baker.accepts(&back, from, 1_559_731_985 + 3_600));
        assert!(!baker.accepts(&back, from, 1_559_731_985 + 3_601));
        assert!(baker.accepts(&back, from, 1_559_731_985 - 300));
        assert!(!baker.accepts(&back, from, 1_559_731_985 - 301));
        assert!(!baker.accepts(&back, other, 1_559_731_985));
        assert!(!baker.accepts(&cookie, from, 1_559_731_985));
        assert_eq!(Cookie::read(&[0; 9]), None);
        assert_eq!(Cookie::read(&[0; 41]), None);
    }

    /// The vector of the SipHash paper, appendix A.
    #[test]
    fn the_hash_is_siphash_2_4() {
        let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let bytes: Vec<u8> = (0..15).collect();
        assert_eq!(siphash(key, &bytes), 0xa129_ca61_49be_45e5);
    }
}
