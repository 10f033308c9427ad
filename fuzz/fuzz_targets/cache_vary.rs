//! `Vary`: two requests and what one of them was answered; lists end with a zero byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edge::fuzz::vary(bytes));
