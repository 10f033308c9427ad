//! Reading the name out of what a client sends first.

use std::sync::Arc;

use proptest::prelude::*;
use rustls::crypto::aws_lc_rs;
use rustls::quic::{ClientConnection, Version};
use rustls::{ClientConfig, RootCertStore};

use super::{CLIENT_HELLO, is_whole, server_name};

fn hello(name: &str, alpn_bytes: usize) -> Vec<u8> {
    let provider = aws_lc_rs::default_provider();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![vec![b'x'; 200]; alpn_bytes / 200];
    let name = name.to_owned().try_into().expect("a name");
    let mut client =
        ClientConnection::new(Arc::new(config), Version::V1, name, vec![]).expect("a client");
    let mut bytes = Vec::new();
    assert!(client.write_hs(&mut bytes).is_none());
    bytes
}

#[test]
fn the_name_is_found_in_a_message_of_any_length() {
    for alpn_bytes in [0, 20_000, 40_000] {
        let bytes = hello("api.example.com", alpn_bytes);
        assert!(bytes.len() > alpn_bytes);
        assert_eq!(server_name(&bytes).as_deref(), Some("api.example.com"));
    }
    assert_eq!(server_name(&hello("127.0.0.1", 0)), None, "an address");
}

#[test]
fn a_message_is_whole_with_its_last_byte() {
    let bytes = hello("api.example.com", 0);
    for length in 0..bytes.len() {
        assert!(!is_whole(&bytes[..length]), "{length}");
    }
    assert!(is_whole(&bytes));
    assert!(is_whole(b"\x02"), "nothing to wait for");
}

proptest! {
    #[test]
    fn rubbish_has_no_name_and_does_no_harm(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        like_a_hello in any::<bool>(),
    ) {
        if like_a_hello && bytes.len() >= 4 {
            bytes[0] = CLIENT_HELLO;
            let length = u32::try_from(bytes.len() - 4).expect("short").to_be_bytes();
            bytes[1..4].copy_from_slice(&length[1..]);
            prop_assert!(is_whole(&bytes));
        }
        let _ = is_whole(&bytes);
        prop_assert_eq!(server_name(&bytes), None);
    }

    #[test]
    fn a_touched_hello_does_no_harm(at in 0..400_usize, value in any::<u8>()) {
        let mut bytes = hello("api.example.com", 0);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        let _ = server_name(&bytes);
    }
}
