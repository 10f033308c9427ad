//! Tests of structured fields, and of what `CDN-Cache-Control` means.

use proptest::prelude::*;

use super::super::control::CacheControl;
use super::super::structured::{Item, dictionary};
use super::super::verdict::NoStore;
use super::{check, judged, map};

#[test]
fn dictionaries_are_read_strictly() {
    let parsed =
        dictionary(b" a=1, b;x=\"y\";z, c=?0,\td=(1 \"x\";q=tok :aGk=:);p , e=\"q\\\"\\\\\"");
    let expected = vec![
        (b"a".to_vec(), Item::Integer(1)),
        (b"b".to_vec(), Item::Boolean(true)),
        (b"c".to_vec(), Item::Boolean(false)),
        (b"d".to_vec(), Item::Other),
        (b"e".to_vec(), Item::Text(b"q\"\\".to_vec())),
    ];
    assert_eq!(parsed, Some(expected));
    let twice = vec![
        (b"a".to_vec(), Item::Integer(-3)),
        (b"b".to_vec(), Item::Token(b"x/y".to_vec())),
    ];
    assert_eq!(dictionary(b"a=1,b=x/y,a=-3"), Some(twice));
    assert_eq!(dictionary(b""), Some(vec![]));
    assert_eq!(
        dictionary(b"*k=1.5"),
        Some(vec![(b"*k".to_vec(), Item::Other)])
    );
    for malformed in [
        "a,",
        "a b",
        ",a",
        "A=1",
        "a=",
        "a==1",
        "a=1;",
        "a=?2",
        "a=\"x",
        "a=\"\\x\"",
        "a=(1",
        "a=(1 2",
        "a=(1,2)",
        "a=(1\"x\")",
        "a=1234567890123456",
        "a=1.",
        "a=.5",
        "a=1.2345",
        "a=-",
        "a=:x",
        "a=1;B",
        "a=1;b=",
        "1=a",
        "a\u{1}",
        "a=\"\u{e9}\"",
        "a=@1",
    ] {
        assert_eq!(dictionary(malformed.as_bytes()), None, "{malformed}");
    }
}

#[test]
fn the_targeted_field_counts_alone_if_it_is_well_formed() {
    let both = |targeted| {
        [
            ("cdn-cache-control", targeted),
            ("cache-control", "max-age=10"),
        ]
    };
    check(&both("max-age=60"), Ok(59_500));
    check(&both("max-age=60;hint=1"), Ok(59_500));
    check(&both("max-age=60, max-age=90"), Ok(89_500));
    check(&both("public"), Err(NoStore::NoFreshness));
    check(&both("max-age=60, no-store"), Err(NoStore::Forbidden));
    check(&both("max-age=60, no-store=?0"), Ok(59_500));
    check(&both("max-age=60, private"), Err(NoStore::Private));
    // Of the wrong type: as little as possible is cached.
    check(&both("max-age=\"60\""), Ok(59_500));
    check(&both("max-age=6.5"), Err(NoStore::Expired));
    check(&both("max-age=soon"), Err(NoStore::Expired));
    check(&both("max-age=-1"), Err(NoStore::Expired));
    // Malformed or empty: as if it were not there.
    check(&both("max-age=60,"), Ok(9_500));
    check(&both("Max-Age=60"), Ok(9_500));
    check(&both("max-age=60 no-store"), Ok(9_500));
    check(&both(""), Ok(9_500));
    // Several lines are one field.
    let lines = |second| {
        [
            ("cdn-cache-control", "max-age=60"),
            ("cdn-cache-control", second),
        ]
    };
    check(&lines("s-maxage=90"), Ok(89_500));
    check(&lines("no-store, ?"), Err(NoStore::NoFreshness));
    let fields = [
        (
            "cdn-cache-control",
            "max-age=60, private=\"set-cookie, x-secret\"",
        ),
        ("set-cookie", "a=b"),
    ];
    let fresh = judged(200, &fields, false).unwrap();
    assert_eq!(fresh.withheld, ["set-cookie", "x-secret"]);
}

proptest! {
    #[test]
    fn no_bytes_break_the_readers(
        text in "[-a-z0-9=,;:?()\" \\\\.*]{0,40}",
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = dictionary(&bytes);
        let parsed = dictionary(text.as_bytes());
        let found = CacheControl::of_response(&map(&[("cdn-cache-control", &text)]));
        prop_assert_eq!(found.targeted, parsed.is_some_and(|members| !members.is_empty()));
    }
}
