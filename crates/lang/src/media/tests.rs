//! The tables of template choice, content handling and codings, row by row.

use std::collections::BTreeMap;

use super::{
    BinaryTypes, Choice, Coding, Conversion, Handling, UnknownCoding, Unmatched, answer_coding,
    answer_conversion, choose, compressible, for_answer, for_request, request_codings,
    request_conversion,
};

fn by_type(keys: &[&str]) -> BTreeMap<String, String> {
    keys.iter()
        .map(|key| ((*key).to_owned(), (*key).to_owned()))
        .collect()
}

fn request(keys: &[&str], content_type: Option<&str>, expected: Option<&str>) {
    let found = by_type(keys);
    let found = for_request(&found, content_type).map(String::as_str);
    assert_eq!(found, expected, "{keys:?} {content_type:?}");
}

#[test]
fn request_templates_are_chosen_by_content_type() {
    let keys = ["application/json", "text/plain", "$default"];
    request(&keys, None, Some("application/json"));
    request(
        &keys,
        Some("application/json; charset=utf-8"),
        Some("application/json"),
    );
    request(&keys, Some("Text/Plain"), Some("text/plain"));
    request(&keys, Some("image/png"), Some("$default"));
    request(&["application/json"], Some("image/png"), None);
    request(&["application/json"], Some(""), None);
    request(
        &["text/plain; charset=utf-8"],
        Some("text/plain"),
        Some("text/plain; charset=utf-8"),
    );
    request(&[], None, None);
}

#[test]
fn bodies_without_a_template_follow_the_passthrough_rule() {
    let none = by_type(&[]);
    let json = by_type(&["application/json"]);
    for (unmatched, without, other) in [
        (Unmatched::Pass, Choice::Pass, Choice::Pass),
        (
            Unmatched::PassWithoutTemplates,
            Choice::Pass,
            Choice::Refuse,
        ),
        (Unmatched::Refuse, Choice::Refuse, Choice::Refuse),
    ] {
        assert_eq!(choose(&none, Some("text/plain"), unmatched), without);
        assert_eq!(choose(&json, Some("text/plain"), unmatched), other);
        let matched = choose(&json, None, unmatched);
        assert_eq!(matched, Choice::Template(&"application/json".to_owned()));
    }
}

fn answer(keys: &[&str], accept: Option<&str>, expected: Option<&str>) {
    let found = by_type(keys);
    let found = for_answer(&found, accept).map(|(key, _)| key);
    assert_eq!(found, expected, "{keys:?} {accept:?}");
}

#[test]
fn answer_templates_are_chosen_by_accept() {
    let keys = ["application/json", "application/xml", "text/plain"];
    answer(
        &keys,
        Some("text/plain, application/xml"),
        Some("text/plain"),
    );
    answer(
        &keys,
        Some("application/xml;q=0.1"),
        Some("application/xml"),
    );
    answer(
        &keys,
        Some("image/png, text/plain"),
        Some("application/json"),
    );
    answer(&keys, Some("*/*"), Some("application/json"));
    answer(&keys, None, Some("application/json"));
    answer(
        &["text/plain", "application/xml"],
        None,
        Some("application/xml"),
    );
    answer(&[], Some("text/plain"), None);
}

#[test]
fn binary_types_are_exact_or_wild() {
    let check = |list: &[&str], media: Option<&str>, expected: bool| {
        let types = BinaryTypes::new(list.iter().copied());
        assert_eq!(types.has(media), expected, "{list:?} {media:?}");
    };
    check(&["image/png"], Some("image/png"), true);
    check(&["image/png"], Some("IMAGE/PNG; q=1"), true);
    check(&["image/png"], Some("image/jpeg"), false);
    check(&["image/*"], Some("image/jpeg"), true);
    check(&["image/*"], Some("imagery/jpeg"), false);
    check(&["*/*"], Some("application/json"), true);
    check(&["*/*"], None, true);
    check(&["image/*"], None, false);
    check(&["image/png"], Some("text/html, image/png"), false);
    check(&["image/png"], Some("*/*"), false);
    check(&[], Some("image/png"), false);
    check(&[""], Some(""), false);
    assert!(BinaryTypes::new([" "]).is_empty());
}

#[test]
fn request_bodies_are_converted_as_the_table_says() {
    use Conversion::{Decode, Encode, Keep};
    use Handling::{ToBinary, ToText};
    for (binary, handling, expected) in [
        (false, None, Keep),
        (false, Some(ToText), Keep),
        (false, Some(ToBinary), Decode),
        (true, None, Keep),
        (true, Some(ToBinary), Keep),
        (true, Some(ToText), Encode),
    ] {
        assert_eq!(
            request_conversion(binary, handling),
            expected,
            "{binary} {handling:?}"
        );
    }
}

#[test]
fn answer_bodies_are_converted_as_the_table_says() {
    use Conversion::{Decode, Encode, Keep};
    for (binary, wanted, unset, to_binary, to_text) in [
        (false, false, Keep, Decode, Keep),
        (false, true, Decode, Decode, Keep),
        (true, false, Encode, Keep, Encode),
        (true, true, Keep, Keep, Encode),
    ] {
        let found = |handling| answer_conversion(binary, wanted, handling);
        assert_eq!(found(None), unset, "{binary} {wanted}");
        assert_eq!(
            found(Some(Handling::ToBinary)),
            to_binary,
            "{binary} {wanted}"
        );
        assert_eq!(found(Some(Handling::ToText)), to_text, "{binary} {wanted}");
    }
}

#[test]
fn codings_follow_the_client() {
    let check = |accept: Option<&str>, expected: Coding| {
        assert_eq!(answer_coding(accept), expected, "{accept:?}");
    };
    check(None, Coding::Identity);
    check(Some(""), Coding::Identity);
    check(Some("gzip, deflate, br"), Coding::Gzip);
    check(Some("deflate, gzip"), Coding::Gzip);
    check(Some("gzip;q=0.5, deflate;q=0.8"), Coding::Deflate);
    check(Some("gzip;q=0"), Coding::Identity);
    check(Some("gzip;q=0.2, identity;q=0.5"), Coding::Identity);
    check(Some("identity, gzip"), Coding::Gzip);
    check(Some("GZIP ; Q=0.001"), Coding::Gzip);
    check(Some("*"), Coding::Gzip);
    check(Some("*, gzip;q=0"), Coding::Deflate);
    check(Some("*;q=0"), Coding::Identity);
    check(Some("br"), Coding::Identity);
    check(Some("gzip;q=nan, deflate;q=2"), Coding::Identity);
    check(Some("x-gzip"), Coding::Gzip);
}

#[test]
fn requests_are_decoded_from_the_outside_in() {
    use Coding::{Deflate, Gzip};
    let check = |text: &str, expected: Result<Vec<Coding>, UnknownCoding>| {
        assert_eq!(request_codings(text), expected, "{text}");
    };
    check("gzip", Ok(vec![Gzip]));
    check("identity", Ok(vec![]));
    check("", Ok(vec![]));
    check("deflate, GZIP", Ok(vec![Gzip, Deflate]));
    check("br", Err(UnknownCoding));
    check("gzip, br", Err(UnknownCoding));
    check("gzip,gzip,gzip,gzip,gzip", Err(UnknownCoding));
}

#[test]
fn text_is_compressible() {
    for media in [
        None,
        Some("application/json; charset=utf-8"),
        Some("text/html"),
        Some("image/svg+xml"),
        Some("application/problem+json"),
        Some("Application/X-Amz-Json-1.1"),
    ] {
        assert!(compressible(media), "{media:?}");
    }
    for media in [
        "image/png",
        "video/mp4",
        "application/zip",
        "application/octet-stream",
        "x",
    ] {
        assert!(!compressible(Some(media)), "{media}");
    }
}
