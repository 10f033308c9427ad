//! Tests of the scanner: each case is read whole and byte by byte, with the same result.

use super::{Fault, Scanner};
use crate::check::Refusal;

fn scan(input: &[u8], step: usize) -> Option<Fault> {
    let mut scanner = Scanner::new();
    let mut fault = None;
    for part in input.chunks(step) {
        fault = fault.or(scanner.read(part));
    }
    fault
}

fn check(input: &str, expected: Option<(u64, Refusal)>) {
    let expected = expected.map(|(request, refusal)| Fault { request, refusal });
    for step in [1, 2, 7, input.len()] {
        assert_eq!(
            scan(input.as_bytes(), step),
            expected,
            "steps of {step}: {input:?}"
        );
    }
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const BOTH: &str = "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn follows_good_requests() {
    check(
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        None,
    );
    check("\r\n\nGET / HTTP/1.1\nHost: a\n\n", None);
    check(
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n",
        None,
    );
    check(
        &format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        None,
    );
    check(
        &format!("{CHUNKED}5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        None,
    );
    check(
        "GET / HTTP/1.1\r\nContent-Lengthy: 1\r\nTransfer: 2\r\nt: 3\r\nc: 4\r\n\r\n",
        None,
    );
}

#[test]
fn finds_hidden_framings() {
    check(BOTH, Some((0, Refusal::BothFramings)));
    check(
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nx: y\r\ncontent-length:0\r\n\r\n",
        Some((0, Refusal::BothFramings)),
    );
    check(
        &format!("GET / HTTP/1.1\r\n\r\n{BOTH}"),
        Some((1, Refusal::BothFramings)),
    );
    let body = "POST / HTTP/1.1\r\nCONTENT-LENGTH:\t 3 \r\n\r\nabc";
    check(&format!("{body}{BOTH}"), Some((1, Refusal::BothFramings)));
    check(
        &format!("{CHUNKED}1\r\na\r\n0\r\n\r\n{BOTH}"),
        Some((1, Refusal::BothFramings)),
    );
    check(
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        Some((0, Refusal::LengthRepeated)),
    );
}

#[test]
fn a_body_is_not_a_head() {
    let length = BOTH.len();
    let hidden = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{BOTH}");
    check(&hidden, None);
    check(&format!("{CHUNKED}{length:x}\r\n{BOTH}\r\n0\r\n\r\n"), None);
}

#[test]
fn fails_closed_where_it_cannot_follow() {
    for chunks in ["x\r\n", "\r\n", "1\r\nabc", "ffffffffffffffff1\r\n"] {
        check(
            &format!("{CHUNKED}{chunks}"),
            Some((1, Refusal::FramingUnclear)),
        );
    }
    for trailers in ["\n", "a: b\n\r\n", "a\n\nPOST", "a\rb", "\rb", "\0"] {
        let request = format!("{CHUNKED}0\r\n{trailers}");
        check(&request, Some((1, Refusal::FramingUnclear)));
    }
    for chunks in [
        "1\na",
        "1\r\na\n",
        "1\r\na\r\r\n",
        "1;\n",
        "1;\u{1}",
        "1\rx",
    ] {
        check(
            &format!("{CHUNKED}{chunks}"),
            Some((1, Refusal::FramingUnclear)),
        );
    }
    for length in ["x", "-1", "+1", "1,1", "1 1", "99999999999999999999"] {
        let request = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        check(&request, Some((0, Refusal::FramingUnclear)));
    }
}

#[test]
fn knows_whether_a_head_has_begun() {
    let mut scanner = Scanner::new();
    for (part, expected) in [
        ("", false),
        ("\r\n", false),
        ("GET / HT", true),
        ("TP/1.1\r\nContent-Le", true),
        ("ngth: 3\r\n\r\n", false),
        ("abc", false),
        ("G", true),
    ] {
        assert_eq!(scanner.read(part.as_bytes()), None);
        assert_eq!(scanner.in_head(), expected, "after {part:?}");
    }
}

/// Bytes put together at random from what matters must be read the same however they are split.
#[test]
fn splitting_changes_nothing() {
    const PARTS: [&str; 20] = [
        "GET / HTTP/1.1\r\n",
        "\r\n",
        "\n",
        "\r",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "content-length:",
        "Transfer-Encoding: chunked\r\n",
        "transfer-",
        "abc",
        "3\r\n",
        "0\r\n",
        "1;x\r\n",
        " ",
        "\t",
        "7",
        "c",
        "T",
        ":",
        "\u{e9}",
    ];
    // A xorshift generator: the cases are the same in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for _ in 0..20_000 {
        let mut input = String::new();
        for _ in 0..next(24) {
            input.push_str(PARTS[next(PARTS.len())]);
        }
        let whole = scan(input.as_bytes(), input.len().max(1));
        let step = 1 + next(5);
        assert_eq!(
            scan(input.as_bytes(), step),
            whole,
            "steps of {step}: {input:?}"
        );
    }
}
