//! Paths and query strings, as clients of REST APIs send them.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| lang::rest_path::fuzz::target(text));
