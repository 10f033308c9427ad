//! A patch document of the management API.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| admin::fuzz::patch(bytes));
