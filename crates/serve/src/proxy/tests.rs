//! Headers as balancers write them, and every way in which they can be wrong.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{
    FIXED_BYTES, Flaw, Header, Named, REST_BYTES_MAX, SIGNATURE, begins, crc32c, parse, rest_length,
};

/// A header with these items behind the addresses of `source`.
pub(crate) fn header(source: SocketAddr, items: &[(u8, &[u8])]) -> Vec<u8> {
    let port = source.port().to_be_bytes();
    let (family, mut rest) = match source {
        SocketAddr::V4(v4) => (0x11, [v4.ip().octets(), [192, 0, 2, 9]].concat()),
        SocketAddr::V6(v6) => (0x21, [v6.ip().octets(), [0; 16]].concat()),
    };
    rest.extend([port[0], port[1], 1, 187]);
    for (kind, value) in items {
        rest.push(*kind);
        rest.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        rest.extend_from_slice(value);
    }
    assemble(0x21, family, &rest)
}

/// A header of these parts.
pub(crate) fn assemble(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(rest);
    bytes
}

fn client() -> SocketAddr {
    "10.1.2.3:4567".parse().unwrap()
}

#[track_caller]
fn check(items: &[(u8, &[u8])], expected: Result<Option<Named>, Flaw>) {
    for source in [client(), "[2001:db8::7]:99".parse().unwrap()] {
        let found = parse(&header(source, items));
        let expected = expected.clone().map(|endpoint| Header {
            source: Some(source),
            endpoint,
        });
        assert_eq!(found, expected, "{items:?}");
    }
}

#[test]
fn clients_and_endpoints_are_read() {
    let aws = Named::Aws("vpce-08d2bf15fac5001c9".to_owned());
    check(&[], Ok(None));
    check(
        &[(0xEA, b"\x01vpce-08d2bf15fac5001c9")],
        Ok(Some(aws.clone())),
    );
    check(
        &[(0xEE, &[1, 4, 3, 2, 1])],
        Ok(Some(Named::Azure(0x0102_0304))),
    );
    // Items that say nothing to us, padding, another sort of Amazon's, an empty value.
    check(
        &[
            (0x04, &[0; 7]),
            (0x05, b"x"),
            (0xEA, b"\x02zone"),
            (0xEA, b""),
        ],
        Ok(None),
    );
    let twice: &[u8] = b"\x01vpce-08d2bf15fac5001c9";
    check(
        &[(0xEA, twice), (0x02, b"name"), (0xEA, twice)],
        Ok(Some(aws)),
    );
}

#[test]
fn what_is_wrong_is_refused() {
    check(&[(0xEA, b"\x01")], Err(Flaw::Malformed));
    check(&[(0xEA, b"\x01vpce_1")], Err(Flaw::Malformed));
    check(&[(0xEA, b"\x01vpce-1\n")], Err(Flaw::Malformed));
    check(
        &[(0xEA, &[&[1][..], &[b'a'; 65]].concat())],
        Err(Flaw::Malformed),
    );
    check(&[(0xEE, &[1, 2, 3])], Err(Flaw::Malformed));
    check(
        &[(0xEA, b"\x01vpce-1"), (0xEA, b"\x01vpce-2")],
        Err(Flaw::Malformed),
    );
    check(
        &[(0xEA, b"\x01vpce-1"), (0xEE, &[1, 0, 0, 0, 0])],
        Err(Flaw::Malformed),
    );
    check(&[(0x03, b"\0\0\0\0")], Err(Flaw::Checksum));
    check(&[(0x03, b"\0")], Err(Flaw::Malformed));

    let good = header(client(), &[]);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        parse(&bytes).unwrap_err()
    };
    assert_eq!(refused(&|bytes| bytes[12] = 0x11), Flaw::Version);
    assert_eq!(refused(&|bytes| bytes[12] = 0x22), Flaw::Malformed);
    assert_eq!(refused(&|bytes| bytes[13] = 0x12), Flaw::Malformed, "UDP");
    assert_eq!(refused(&|bytes| bytes[13] = 0x31), Flaw::Malformed, "UNIX");
    assert_eq!(refused(&|bytes| bytes[15] += 1), Flaw::Malformed);
    assert_eq!(refused(&|bytes| bytes.push(0)), Flaw::Malformed);
    assert_eq!(refused(&|bytes| bytes.truncate(20)), Flaw::Malformed);
    assert_eq!(refused(&|bytes| bytes[14] = 0xFF), Flaw::TooLong);
    assert_eq!(refused(&|bytes| bytes[3] = b' '), Flaw::NotProxy);
    let old = b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n";
    assert_eq!(parse(old), Err(Flaw::Version));
    assert_eq!(begins(b"PRO"), Err(Flaw::Version));
    assert_eq!(begins(b"GET / HTTP/1.1"), Err(Flaw::NotProxy));
    assert_eq!((begins(b""), begins(b"\r\n\r")), (Ok(()), Ok(())));
}

#[test]
fn a_balancer_may_speak_for_itself() {
    for (command, family, rest) in [
        (0x20, 0x00, &[][..]),
        (0x20, 0x11, &[1; 12]),
        (0x21, 0, &[9]),
    ] {
        let found = parse(&assemble(command, family, rest));
        assert_eq!(found, Ok(Header::default()), "{command:x} {family:x}");
    }
}

#[test]
fn checksums_are_checked() {
    // RFC 3720, B.4.
    assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    let mut bytes = header(client(), &[(0x03, &[0; 4]), (0xEA, b"\x01vpce-1")]);
    let crc = crc32c(&bytes).to_be_bytes();
    let at = FIXED_BYTES + 12 + 3;
    bytes[at..at + 4].copy_from_slice(&crc);
    let found = parse(&bytes).unwrap();
    assert_eq!(found.endpoint, Some(Named::Aws("vpce-1".to_owned())));
    let last = bytes.len() - 1;
    bytes[last] = b'2';
    assert_eq!(parse(&bytes), Err(Flaw::Checksum));
}

fn other_value() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..40)
}

proptest! {
    /// Nothing that a peer sends can do more than be refused.
    #[test]
    fn any_bytes_are_read_or_refused(
        command in any::<u8>(),
        family in any::<u8>(),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 0_usize..400,
    ) {
        let mut bytes = assemble(command, family, &rest);
        drop(parse(&bytes));
        bytes.truncate(cut);
        drop(parse(&bytes));
        let _ = begins(&bytes);
        drop(parse(&rest));
    }

    /// What is written is what is read, whatever else the header carries.
    #[test]
    fn items_are_found_among_others(
        ip in any::<[u8; 4]>(),
        port in any::<u16>(),
        id in "[a-zA-Z0-9-]{1,64}",
        before in proptest::collection::vec((0x04_u8..0x30, other_value()), 0..5),
    ) {
        let source = SocketAddr::from((ip, port));
        let own = [&[1], id.as_bytes()].concat();
        let others = before.iter().map(|(kind, value)| (*kind, &**value));
        let mut items: Vec<(u8, &[u8])> = others.collect();
        items.push((0xEA, &own));
        let expected = Header { source: Some(source), endpoint: Some(Named::Aws(id)) };
        prop_assert_eq!(parse(&header(source, &items)), Ok(expected));
    }

    /// The announced length is bounded before anything is read for it.
    #[test]
    fn lengths_are_bounded(high in any::<u8>(), low in any::<u8>()) {
        let mut fixed = [0; FIXED_BYTES];
        fixed[14] = high;
        fixed[15] = low;
        match rest_length(&fixed) {
            Ok(length) => prop_assert!(length <= REST_BYTES_MAX),
            Err(flaw) => prop_assert_eq!(flaw, Flaw::TooLong),
        }
    }
}
