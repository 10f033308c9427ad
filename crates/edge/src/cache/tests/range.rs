//! Tests of ranges: what is asked for, and that every byte is the right one.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serve::{Body, Response};

use super::super::entry::Pieces;
use super::super::part::{Cut, cut_stored};
use super::super::range::{Ignored, Span, Wanted, wanted};
use super::map;

fn asks(range: &str, length: u64) -> Wanted {
    wanted(&map(&[("range", range)]), &HeaderMap::new(), length)
}

fn one(first: u64, last: u64) -> Wanted {
    Wanted::One(Span { first, last })
}

#[test]
fn ranges_are_read_by_the_book() {
    assert_eq!(asks("bytes=0-499", 1_000), one(0, 499));
    assert_eq!(asks("bytes=500-", 1_000), one(500, 999));
    assert_eq!(asks("bytes=-500", 1_000), one(500, 999));
    assert_eq!(asks("bytes=-5000", 1_000), one(0, 999));
    assert_eq!(asks("bytes=0-99999999999999999999999", 10), one(0, 9));
    assert_eq!(asks("bytes=99999999999999999999999-", 10), Wanted::Nothing);
    assert_eq!(asks("bytes=10-", 10), Wanted::Nothing);
    assert_eq!(asks("bytes=-0", 10), Wanted::Nothing);
    assert_eq!(asks("bytes=0-", 0), Wanted::Nothing);
    assert_eq!(asks("bytes=-1", 0), Wanted::Whole(Ignored::Empty));
    assert_eq!(asks("bytes=,0-1, ,", 10), one(0, 1));
    // Those that touch, and those beyond the end, leave one.
    assert_eq!(asks("bytes=0-4,5-9,7-8,20-", 10), one(0, 9));
    let spans = [(900, 999), (0, 9), (500, 599)];
    let spans = spans.map(|(first, last)| Span { first, last }).to_vec();
    let many = asks("bytes=900-999,0-4,500-599,5-9", 1_000);
    assert_eq!(many, Wanted::Many(spans));
    // A later one joins two earlier ones.
    assert_eq!(asks("bytes=0-9,500-509,10-499", 1_000), one(0, 509));
    for malformed in [
        "bytes=",
        "bytes=-",
        "bytes=1",
        "bytes=2-1",
        "bytes=+1-2",
        "bytes=1-2-3",
    ] {
        let wanted = asks(malformed, 10);
        assert_eq!(wanted, Wanted::Whole(Ignored::Malformed), "{malformed}");
    }
    let many = format!("bytes={}", ["0-1"; 33].join(","));
    assert_eq!(asks(&many, 10), Wanted::Whole(Ignored::TooMany));
}

#[test]
fn if_range_needs_a_strong_validator() {
    let modified = "Sat, 21 Nov 2026 08:00:00 GMT";
    let later = "Sat, 21 Nov 2026 08:00:01 GMT";
    let obeyed = |condition: &str, stored: &[(&str, &str)]| {
        let request = map(&[("range", "bytes=0-1"), ("if-range", condition)]);
        wanted(&request, &map(stored), 10) == one(0, 1)
    };
    assert!(obeyed("\"a\"", &[("etag", "\"a\"")]));
    assert!(!obeyed("\"a\"", &[("etag", "\"b\"")]));
    assert!(!obeyed("\"a\"", &[("etag", "W/\"a\"")]));
    assert!(!obeyed("W/\"a\"", &[("etag", "W/\"a\"")]));
    assert!(!obeyed("\"", &[("etag", "\"")]));
    assert!(!obeyed("\"a\"", &[]));
    assert!(obeyed(
        modified,
        &[("last-modified", modified), ("date", later)]
    ));
    assert!(!obeyed(
        modified,
        &[("last-modified", modified), ("date", modified)]
    ));
    assert!(!obeyed(
        later,
        &[("last-modified", modified), ("date", later)]
    ));
    assert!(!obeyed(modified, &[("last-modified", modified)]));
    assert!(!obeyed(
        "soon",
        &[("last-modified", modified), ("date", later)]
    ));
}

fn element() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..400_u64, 0..400_u64).prop_map(|(first, last)| format!("{first}-{last}")),
        (0..400_u64).prop_map(|first| format!("{first}-")),
        (0..400_u64).prop_map(|last| format!("-{last}")),
        "[-0-9, ]{0,6}",
    ]
}

/// Reads `multipart/byteranges` back, strictly.
fn split(body: &[u8], boundary: &str) -> Vec<(usize, usize, Vec<u8>)> {
    let mut rest = body;
    let mut parts = Vec::new();
    let begin = format!("--{boundary}\r\n").into_bytes();
    while let Some(after) = rest.strip_prefix(&*begin) {
        let text = String::from_utf8_lossy(after).into_owned();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let (_, range) = head.split_once("Content-Range: bytes ").unwrap();
        let (range, _) = range.split_once('/').unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        let from = head.len() + 4;
        let data = &after[from..=from + last - first];
        parts.push((first, last, data.to_vec()));
        rest = after[from + data.len()..].strip_prefix(b"\r\n").unwrap();
    }
    assert_eq!(rest, format!("--{boundary}--\r\n").as_bytes());
    parts
}

proptest! {
    /// Whatever is asked for, each byte sent is the one at its place, and what was asked for and
    /// exists is sent.
    #[test]
    fn every_byte_is_at_its_place(
        elements in prop::collection::vec(element(), 1..8),
        lengths in prop::collection::vec(0..90_usize, 0..5),
    ) {
        let length: usize = lengths.iter().sum();
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut left = Bytes::from(bytes.clone());
        let pieces = lengths.iter().map(|length| left.split_to(*length)).collect();
        let pieces = Pieces::of(pieces);
        let range = format!("bytes={}", elements.join(","));
        let request = map(&[("range", &range)]);
        let mut response = Response::new(Body::empty());
        let cut = cut_stored(&mut response, &request, &pieces);
        let (head, body) = response.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(body.collect()).unwrap().to_bytes();
        let sent: Vec<(usize, usize, Vec<u8>)> = match cut {
            Cut::Whole(_) => {
                prop_assert_eq!(head.status, StatusCode::OK);
                prop_assert_eq!(&body[..], &bytes[..]);
                return Ok(());
            }
            Cut::Nothing => {
                prop_assert_eq!(head.status, StatusCode::RANGE_NOT_SATISFIABLE);
                vec![]
            }
            Cut::Part => {
                prop_assert_eq!(head.status, StatusCode::PARTIAL_CONTENT);
                let range = head.headers["content-range"].to_str().unwrap();
                let range = range.strip_prefix("bytes ").unwrap();
                let (range, total) = range.split_once('/').unwrap();
                prop_assert_eq!(total, length.to_string());
                let (first, last) = range.split_once('-').unwrap();
                vec![(first.parse().unwrap(), last.parse().unwrap(), body.to_vec())]
            }
            Cut::Parts => {
                let kind = head.headers["content-type"].to_str().unwrap();
                split(&body, kind.split_once("boundary=").unwrap().1)
            }
        };
        if cut != Cut::Nothing {
            let length = head.headers["content-length"].to_str().unwrap();
            prop_assert_eq!(length, body.len().to_string());
        }
        let mut had = vec![false; length];
        for (first, last, data) in sent {
            prop_assert_eq!(&bytes[first..=last], &data[..]);
            had[first..=last].iter_mut().for_each(|had| *had = true);
        }
        for element in elements.iter().flat_map(|text| text.split(',')) {
            let Some((first, last)) = element.trim().split_once('-') else { continue };
            let asked = match (first.parse::<usize>(), last.parse::<usize>()) {
                (Ok(first), Ok(last)) => first..(last + 1).min(length),
                (Ok(first), Err(_)) => first..length,
                (Err(_), Ok(last)) => length.saturating_sub(last)..length,
                _ => continue,
            };
            prop_assert!(asked.clone().all(|at| had[at]), "{element} of {range}");
        }
    }

    #[test]
    fn no_bytes_break_the_reader_of_ranges(range in ".{0,60}", tag in ".{0,10}", length: u64) {
        let mut request = HeaderMap::new();
        let bytes = format!("bytes={range}");
        for (name, text) in [("range", bytes), ("range", range), ("if-range", tag)] {
            if let Ok(value) = http::HeaderValue::from_str(&text) {
                request.insert(name, value);
            }
            if let Wanted::Many(spans) = wanted(&request, &HeaderMap::new(), length) {
                let inside = |span: &Span| span.first <= span.last && span.last < length;
                prop_assert!(spans.iter().all(inside));
            }
        }
    }
}
