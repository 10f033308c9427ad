//! Headers of requests, as the cache reads them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge::fuzz::request_headers(bytes));
