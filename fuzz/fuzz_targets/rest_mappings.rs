//! Expressions and targets of parameter mappings.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| lang::mapping::fuzz::mapping(text));
