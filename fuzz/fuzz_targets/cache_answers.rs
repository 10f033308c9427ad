//! Headers of answers, as the cache judges them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge::fuzz::response_headers(bytes));
