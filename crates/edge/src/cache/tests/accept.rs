//! Tests of `Accept-Encoding`: what is chosen, and who is alike.

use http::HeaderMap;
use proptest::prelude::*;

use super::super::accept::{Choice, choice, normal};
use super::super::coding::Coding;
use super::map;

fn chosen(value: &str) -> (Option<Coding>, bool) {
    let Choice {
        coding,
        plain_refused,
    } = choice(&map(&[("accept-encoding", value)]));
    (coding, plain_refused)
}

#[test]
fn the_best_coding_is_chosen() {
    let (br, gzip) = (Some(Coding::Brotli), Some(Coding::Gzip));
    for (value, coding, plain_refused) in [
        ("", None, false),
        ("gzip", gzip, false),
        ("gzip, deflate, br, zstd", br, false),
        ("br;q=0.5, gzip;q=0.8", gzip, false),
        ("br;q=0.8,gzip; Q=0.80", br, false),
        ("BR", br, false),
        ("x-gzip", gzip, false),
        ("*", br, false),
        ("*, br;q=0", gzip, false),
        ("gzip;q=0, br;q=0.000", None, false),
        ("identity, gzip;q=0.5", None, false),
        ("identity;q=0.5, gzip", gzip, false),
        ("identity;q=0, gzip", gzip, true),
        ("gzip, *;q=0", gzip, true),
        ("*;q=0", None, true),
        ("identity, *;q=0", None, false),
        ("zstd, deflate", None, false),
        // Malformed weights refuse.
        ("gzip;q=2", None, false),
        ("gzip;q=1.001", gzip, false),
        ("gzip;q=0.0001", None, false),
        ("gzip;q=", None, false),
        ("gzip;x=1", None, false),
        ("gzip;q=x", None, false),
    ] {
        assert_eq!(chosen(value), (coding, plain_refused), "{value}");
    }
    assert_eq!(choice(&HeaderMap::new()).coding, None);
}

#[test]
fn requests_that_accept_the_same_are_alike() {
    let text = |value: &str| normal(&map(&[("accept-encoding", value)])).unwrap();
    for (one, other, same) in [
        ("gzip, br", "br,gzip", true),
        ("gzip;q=0.1, br", "br;q=0.2, GZIP", true),
        ("gzip, x-gzip", "gzip", true),
        ("gzip, identity", "gzip", true),
        ("gzip, deflate;q=0", "gzip", true),
        ("*, gzip", "*", true),
        ("*;q=0, gzip", "*;q=0, gzip, br;q=0", true),
        ("gzip", "gzip, br", false),
        ("gzip, zstd", "gzip", false),
        ("*", "*, gzip;q=0", false),
        ("gzip", "gzip, identity;q=0", false),
        ("gzip", "gzip, *;q=0", false),
        ("gzip, *;q=0", "gzip, identity, *;q=0", false),
        ("", "identity", true),
    ] {
        assert_eq!(text(one) == text(other), same, "{one} | {other}");
    }
    assert_eq!(normal(&HeaderMap::new()), None);
    let long = (0..17)
        .map(|n| format!("c{n}"))
        .collect::<Vec<_>>()
        .join(",");
    assert_eq!(normal(&map(&[("accept-encoding", &long)])), None);
}

/// Whether a header allows a coding, by the text of section 12.5.3.
fn allows(listed: &[(&str, bool)], coding: &str) -> bool {
    let own = listed.iter().find(|(name, _)| *name == coding);
    let any = listed.iter().find(|(name, _)| *name == "*");
    match (own, any) {
        (Some((_, accepted)), _) | (None, Some((_, accepted))) => *accepted,
        (None, None) => coding == "identity",
    }
}

proptest! {
    /// Alike are exactly those that allow the same codings.
    #[test]
    fn alike_means_the_same_codings(
        one in prop::collection::btree_map("br|gzip|zstd|identity|\\*", any::<bool>(), 0..5),
        other in prop::collection::btree_map("br|gzip|zstd|identity|\\*", any::<bool>(), 0..5),
    ) {
        let write = |listed: &std::collections::BTreeMap<String, bool>| {
            let texts = listed.iter().map(|(name, accepted)| {
                format!("{name};q={}", u8::from(*accepted))
            });
            let text = texts.collect::<Vec<_>>().join(", ");
            let headers = map(&[("accept-encoding", &text)]);
            let choice = choice(&headers);
            let listed: Vec<(&str, bool)> =
                listed.iter().map(|(name, accepted)| (name.as_str(), *accepted)).collect();
            let allowed = ["br", "gzip", "zstd", "identity", "unknown"]
                .map(|coding| allows(&listed, coding));
            if let Some(coding) = choice.coding {
                assert!(allows(&listed, coding.as_str()), "{text}");
            }
            assert_eq!(choice.plain_refused, !allows(&listed, "identity"), "{text}");
            (normal(&headers), allowed)
        };
        let (one, other) = (write(&one), write(&other));
        if one.0 == other.0 {
            prop_assert_eq!(one.1, other.1);
        }
    }

    #[test]
    fn no_bytes_break_the_reader(value in "[ -~]{0,60}") {
        let headers = map(&[("accept-encoding", value.trim())]);
        let _ = (choice(&headers), normal(&headers));
    }
}
