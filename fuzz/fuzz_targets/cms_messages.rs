//! Signed messages, such as the identity documents of EC2 instances.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lang::cms::fuzz::message(bytes));
