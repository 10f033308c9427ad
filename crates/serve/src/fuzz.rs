//! What anybody may send in front of a connection, for fuzzers and for property tests: panics when
//! something that must hold does not. Nothing else uses it.

use crate::proxy::{self, FIXED_BYTES, Flaw, Named, REST_BYTES_MAX, SIGNATURE};

/// Longest id of an endpoint that a header may carry.
const ENDPOINT_BYTES_MAX: usize = 64;

/// Reads `bytes` as a header of the PROXY protocol. Only a whole one of version 2 can be read,
/// within its limit; it is not read with another length, and what it names is a plain id.
pub fn proxy_header(bytes: &[u8]) {
    let read = proxy::parse(bytes);
    assert_eq!(read, proxy::parse(bytes), "it depends on nothing else");
    let begun = proxy::begins(bytes);
    let Ok(header) = read else {
        return;
    };
    assert_eq!(begun, Ok(()), "what can be read has begun well");
    assert!(bytes.starts_with(SIGNATURE));
    let most = FIXED_BYTES + REST_BYTES_MAX;
    assert!((FIXED_BYTES..=most).contains(&bytes.len()));
    if let Some(Named::Aws(id)) = &header.endpoint {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        assert!((1..=ENDPOINT_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain));
        assert!(
            header.source.is_some(),
            "a balancer itself came by no endpoint"
        );
    }
    // Not a byte of what follows belongs to it, and none of its own can be missing.
    let longer = [bytes, b"G"].concat();
    assert_eq!(proxy::parse(&longer), Err(Flaw::Malformed));
    for cut in 0..bytes.len() {
        let shorter = bytes.get(..cut).unwrap_or_default();
        assert!(proxy::parse(shorter).is_err(), "{cut} bytes of it are none");
        assert_eq!(proxy::begins(shorter), Ok(()), "more may come");
    }
}

#[cfg(test)]
mod tests;
