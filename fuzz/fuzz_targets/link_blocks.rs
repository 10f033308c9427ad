//! Heads, trailers and refusals that nodes send each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| link::fuzz::blocks(bytes));
