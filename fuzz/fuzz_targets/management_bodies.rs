//! A management operation with a JSON body.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| admin::fuzz::body(bytes));
