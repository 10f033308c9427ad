//! Two models and a body, a line each.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| lang::json_schema::fuzz::model(text));
