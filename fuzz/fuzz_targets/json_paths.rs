//! A JSONPath and a document, with a zero byte between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (path, document) = text.split_once('\0').unwrap_or((text, "[]"));
    lang::json_path::fuzz::path_in_text(path, document);
});
