//! The fuzz target of the PROXY protocol as bounded property tests: any bytes, and good headers
//! with changes.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::proxy_header;
use crate::proxy::{
    parse,
    tests::{assemble, header},
};

fn good() -> Vec<Vec<u8>> {
    let v4: SocketAddr = "10.1.2.3:4567".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::7]:99".parse().unwrap();
    let aws: &[u8] = b"\x01vpce-08d2bf15fac5001c9";
    vec![
        header(v4, &[(0xEA, aws)]),
        header(v6, &[(0x04, &[0; 7]), (0xEA, aws), (0x02, b"name")]),
        header(v4, &[(0xEE, &[1, 4, 3, 2, 1])]),
        header(v6, &[]),
        assemble(0x20, 0, &[]),
        assemble(0x21, 0, &[9, 9]),
    ]
}

#[test]
fn the_good_headers_are_good() {
    for bytes in good() {
        assert!(parse(&bytes).is_ok(), "{bytes:?}");
        proxy_header(&bytes);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_or_none(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        command in prop::sample::select(vec![0x20_u8, 0x21]),
        family in prop::sample::select(vec![0_u8, 0x11, 0x21]),
    ) {
        proxy_header(&bytes);
        proxy_header(&assemble(command, family, &bytes));
    }

    #[test]
    fn changed_headers_are_headers_or_none(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        put in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = which.get(&good()).clone();
        let at = at.index(bytes.len());
        bytes[at] = put;
        if cut {
            bytes.truncate(at);
        }
        proxy_header(&bytes);
    }
}
