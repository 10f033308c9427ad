//! What a balancer, or somebody who says that it is one, sends in front of a connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| serve::fuzz::proxy_header(bytes));
