//! Regular expressions of Java, and a text to match behind the first line.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| lang::pattern_java::fuzz::pattern(text));
