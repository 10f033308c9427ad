//! Records of two formats, and values that only the newer one has a place for.

use serde::{Deserialize, Serialize};

use super::{CodecError, Kind, Level, Mode, Only, Since, content, decode, level, within, write};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Before {
    first: u32,
    last: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct After {
    first: u32,
    note: Since<2, Option<String>>,
    last: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Op {
    Old(u8),
    New(Only<2, u8>),
}

/// As `encode_at` and `decode` do it, for formats that this build need not know.
fn bytes<T: Serialize>(at: u8, value: &T) -> Result<Vec<u8>, CodecError> {
    let (at, mut bytes) = (Level::numbered(at), Vec::new());
    within(Mode::At(at), || write(value, &mut bytes, at)).map(|()| bytes)
}

fn value<T: serde::de::DeserializeOwned>(at: u8, bytes: &[u8]) -> Result<T, String> {
    let read = || bincode::serde::decode_from_slice(bytes, super::settings());
    let (value, used) =
        within(Mode::At(Level::numbered(at)), read).map_err(|error| error.to_string())?;
    assert_eq!(used, bytes.len());
    Ok(value)
}

fn after(note: Option<&str>) -> After {
    After {
        first: 7,
        note: Since(note.map(str::to_owned)),
        last: "end".to_owned(),
    }
}

const BEFORE: fn() -> Before = || Before {
    first: 7,
    last: "end".to_owned(),
};

#[test]
fn a_new_build_writes_what_an_old_one_reads_and_the_other_way() {
    let old = bytes(1, &BEFORE()).unwrap();
    assert_eq!(bytes(1, &after(None)).unwrap(), old);
    assert_eq!(value::<After>(1, &old).unwrap(), after(None));
    let new = bytes(2, &after(Some("x"))).unwrap();
    assert_eq!(value::<After>(2, &new).unwrap(), after(Some("x")));
    assert_ne!(bytes(2, &after(None)).unwrap(), old);
}

#[test]
fn what_an_old_format_has_no_place_for_is_refused_and_not_dropped() {
    let needs = |at| CodecError::Needs {
        needs: Level::numbered(2),
        at: Level::numbered(at),
    };
    assert_eq!(bytes(1, &after(Some("x"))), Err(needs(1)));
    assert_eq!(bytes(1, &Op::New(Only(3))), Err(needs(1)));
    let old = bytes(1, &Op::Old(3)).unwrap();
    assert_eq!(value::<Op>(1, &old).unwrap(), Op::Old(3));
    let new = bytes(2, &Op::New(Only(3))).unwrap();
    assert_eq!(value::<Op>(2, &new).unwrap(), Op::New(Only(3)));
    assert!(value::<Op>(1, &new).unwrap_err().contains("format 2"));
    // What failed before says nothing about what is written next.
    assert_eq!(level::take_needed(), None);
}

#[test]
fn digests_are_the_same_before_and_after_an_upgrade() {
    assert_eq!(content(&BEFORE()), content(&after(None)));
    assert_ne!(content(&after(None)), content(&after(Some(""))));
    assert_ne!(content(&after(Some("x"))), content(&after(Some("y"))));
}

#[test]
fn a_mode_ends_with_its_call() {
    let inner = || within(Mode::Content, || panic!("on the way"));
    let unwound = within(Mode::At(Level::numbered(2)), || {
        let unwound = std::panic::catch_unwind(inner).is_err();
        // Still at format 2: a field that it brought is written.
        (
            unwound,
            bincode::serde::encode_to_vec(after(Some("x")), super::settings()).is_ok(),
        )
    });
    assert_eq!(unwound, (true, true));
    assert!(bincode::serde::encode_to_vec(after(Some("x")), super::settings()).is_err());
    assert_eq!(level::take_needed(), Some(Level::numbered(2)));
}

#[test]
fn an_unknown_format_is_named() {
    let newer = Level::NEWEST.number() + 1;
    let refused = decode::<u8>(Kind::Other, &[Kind::Other as u8, newer, 0]).unwrap_err();
    assert_eq!(refused, CodecError::Format(Level::numbered(newer)));
    assert!(refused.to_string().contains(&format!("format {newer}")));
    let written = super::encode_at(Level::numbered(newer), Kind::Other, &1_u8);
    assert_eq!(written, Err(refused));
}
