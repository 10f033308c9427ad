//! The headers and the query of a signed request.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lang::sigv4::fuzz::request(bytes));
