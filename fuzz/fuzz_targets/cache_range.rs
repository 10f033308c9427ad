//! `Range`: a request, what is stored, and its length; lists end with a zero byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge::fuzz::range(bytes));
