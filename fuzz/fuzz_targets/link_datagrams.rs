//! Probes between nodes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| link::fuzz::datagram(bytes));
