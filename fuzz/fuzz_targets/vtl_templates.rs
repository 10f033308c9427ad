//! A mapping template and a body, with a zero byte between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (template, body) = text.split_once('\0').unwrap_or((text, "{}"));
    lang::vtl::fuzz::template(template, body);
});
