//! The fuzz targets of the cache as bounded property tests: any bytes, and lines that resemble
//! those of origins and clients.

use proptest::prelude::*;

use super::{range, request_headers, response_headers, vary};

/// A line of an answer or a request, mostly well formed.
fn line() -> impl Strategy<Value = String> {
    let directive = prop::sample::select(vec![
        "max-age=60",
        "max-age=-1",
        "s-maxage=\"9\"",
        "max-age=99999999999999999999",
        "no-cache",
        "no-cache=\"set-cookie, x\"",
        "private=\"a",
        "private",
        "must-revalidate",
        "stale-if-error=5",
        "min-fresh=",
        "\\\"",
        "a=b;c",
        ",,",
    ]);
    let directives = prop::collection::vec(directive, 0..5).prop_map(|all| all.join(", "));
    let field = prop::sample::select(vec![
        "cache-control",
        "Cache-Control",
        "cdn-cache-control",
        "pragma",
    ]);
    let control = (field, directives).prop_map(|(field, value)| format!("{field}: {value}"));
    let other = prop::sample::select(vec![
        "vary: accept-language",
        "vary: x-a, X-B,,accept-encoding",
        "vary: *",
        "vary: a,b,c,d,e,f,g,h,i",
        "accept-language: de",
        "accept-language:  de ",
        "accept-language: fr",
        "x-a: 1",
        "x-b: \t1\t",
        "accept-encoding: gzip, br;q=0.5",
        "age: 70",
        "age: x",
        "expires: 0",
        "expires: Fri, 15 Jan 2027 09:00:00 GMT",
        "date: Fri, 15 Jan 2027 08:00:00 GMT",
        "set-cookie: a=b",
        "content-length: 99999999999",
    ]);
    prop_oneof![
        3 => control,
        3 => other.prop_map(str::to_owned),
        1 => "[ -~]{0,20}: [ -~]{0,20}",
    ]
}

fn lines() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..6).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        response_headers(&bytes);
        request_headers(&bytes);
        vary(&bytes);
    }

    #[test]
    fn answers_are_judged(text in lines()) {
        response_headers(text.as_bytes());
    }

    #[test]
    fn requests_are_read(text in lines()) {
        request_headers(text.as_bytes());
    }

    #[test]
    fn variants_are_told_apart(answer in lines(), one in lines(), other in lines()) {
        vary(format!("{answer}\0{one}\0{other}").as_bytes());
    }
}

/// One element of `Range`, well formed or not.
fn element() -> impl Strategy<Value = String> {
    let number = prop_oneof![0_u64..30, Just(u64::MAX), any::<u64>(),];
    let part = (number.clone(), number).prop_map(|(first, last)| format!("{first}-{last}"));
    prop_oneof![
        4 => part,
        1 => (0_u64..30).prop_map(|first| format!("{first}-")),
        1 => (0_u64..30).prop_map(|last| format!("-{last}")),
        1 => "[ -~]{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_range_is_within_the_answer(
        elements in prop::collection::vec(element(), 0..40),
        held in prop::sample::select(vec!["", "if-range: \"a\"\n", "if-range: x\n"]),
        length in prop_oneof![0_u64..2_000, Just(u64::MAX)],
    ) {
        let asked = elements.join(",");
        let text = format!("range: bytes={asked}\n{held}\0etag: \"a\"\n\0{length}");
        range(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_no_range(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        range(&[b"range: bytes=", bytes.as_slice()].concat());
        range(&bytes);
    }
}
