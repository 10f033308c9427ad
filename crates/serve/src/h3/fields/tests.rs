//! Which sections are refused, written in each of the ways that a client may write them.

use proptest::prelude::*;

use super::{WRITTEN, pseudo_fields_fit};

/// A QPACK integer behind the flags in `first`.
fn integer(value: usize, bits: u32, first: u8) -> Vec<u8> {
    let limit = (1_usize << bits) - 1;
    let byte = |value: usize| u8::try_from(value).expect("a byte");
    if value < limit {
        return vec![first | byte(value)];
    }
    let mut out = vec![first | byte(limit)];
    let mut rest = value - limit;
    while rest >= 128 {
        out.push(byte(rest % 128) | 0x80);
        rest /= 128;
    }
    out.push(byte(rest));
    out
}

/// A field of the static table.
fn indexed(index: usize) -> Vec<u8> {
    integer(index, 6, 0xc0)
}

/// A value behind a name of the static table.
fn valued(index: usize, value: &[u8]) -> Vec<u8> {
    [integer(index, 4, 0x50), string(value)].concat()
}

fn literal(name: &[u8], huffman: bool, value: &[u8]) -> Vec<u8> {
    let first = if huffman { 0x28 } else { 0x20 };
    let length = integer(name.len(), 3, first);
    [length, name.to_vec(), string(value)].concat()
}

fn string(value: &[u8]) -> Vec<u8> {
    [integer(value.len(), 7, 0), value.to_vec()].concat()
}

#[track_caller]
fn check(fields: &[Vec<u8>], fits: bool) {
    let section = [vec![0, 0], fields.concat()].concat();
    assert_eq!(pseudo_fields_fit(&section), fits, "{section:02x?}");
}

/// `:method`, `:scheme`, `:authority`, `:path` as usual clients write them.
fn plain() -> Vec<Vec<u8>> {
    vec![
        indexed(17),
        indexed(23),
        valued(0, b"a.test"),
        valued(1, b"/x"),
    ]
}

#[test]
fn usual_requests_fit() {
    check(&[], true);
    check(&plain(), true);
    let long = vec![b'v'; 70_000];
    let more = [
        valued(5, &long),
        indexed(31),
        literal(b"x-a", false, b"b"),
        literal(b"x:y", false, b":path"),
    ];
    check(&[plain(), more.to_vec()].concat(), true);
}

#[test]
fn names_that_are_written_out_count_alike() {
    for (plain, coded, _) in WRITTEN {
        for (name, huffman) in [(plain, false), (coded, true)] {
            let field = literal(name, huffman, b"v");
            check(std::slice::from_ref(&field), true);
            check(&[field.clone(), field.clone()], false);
            check(&[literal(plain, false, b"w"), field.clone()], false);
            check(&[literal(b"x-a", false, b"b"), field], false);
        }
    }
}

#[test]
fn what_is_repeated_foreign_or_late_does_not_fit() {
    for again in [indexed(20), indexed(22), valued(0, b"b.test"), indexed(1)] {
        check(&[plain(), vec![again.clone()]].concat(), false);
        check(&[indexed(31), again], false);
    }
    for foreign in [
        indexed(25),
        indexed(71),
        valued(24, b"200"),
        literal(b":status", false, b"200"),
        literal(&[0xb8, 0x84, 0x8d, 0x36, 0xa3], true, b"200"),
        literal(b":unknown", false, b"v"),
        literal(b":", false, b""),
    ] {
        check(&[plain(), vec![foreign.clone()]].concat(), false);
        check(&[foreign], false);
    }
}

#[test]
fn what_cannot_be_read_is_left_to_the_library() {
    for strange in [
        vec![0x80],
        vec![0x10],
        vec![0x00, 0x00],
        vec![0xff],
        vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        vec![0x27, 0xff, 0xff, 0xff, 0x7f],
        literal(b"x-a", false, b"abc")[..6].to_vec(),
    ] {
        check(&[plain(), vec![strange]].concat(), true);
    }
    assert!(pseudo_fields_fit(b""));
    assert!(pseudo_fields_fit(b"\xff"));
}

proptest! {
    #[test]
    fn rubbish_does_no_harm(section in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = pseudo_fields_fit(&section);
    }

    /// Against the rule, put simply.
    #[test]
    fn any_order_is_judged_by_the_rule(kinds in proptest::collection::vec(0..6_usize, 0..8)) {
        let field = |kind: &usize| match kind {
            0 => indexed(17),
            1 => indexed(23),
            2 => valued(0, b"a.test"),
            3 => literal(b":path", false, b"/"),
            4 => indexed(31),
            _ => literal(b"x-a", false, b":path"),
        };
        let pseudo = kinds.iter().take_while(|kind| **kind < 4).count();
        let late = kinds[pseudo..].iter().any(|kind| *kind < 4);
        let repeated = (0..4).any(|one| kinds.iter().filter(|kind| **kind == one).count() > 1);
        let fields: Vec<Vec<u8>> = kinds.iter().map(field).collect();
        let section = [vec![0, 0], fields.concat()].concat();
        prop_assert_eq!(pseudo_fields_fit(&section), !late && !repeated);
    }
}
