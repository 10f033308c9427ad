//! An OpenAPI file, JSON or YAML, to be imported.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| admin::fuzz::openapi(bytes));
