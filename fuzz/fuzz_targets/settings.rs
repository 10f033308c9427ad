//! A settings file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| edgeway::fuzz::settings(text));
