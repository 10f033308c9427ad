//! The bytes of released formats, as the builds wrote them that brought them: this build reads them
//! as the same values, and writes the same bytes at that format.
//!
//! Each file of `tests/golden/codec` has a line for each record: its bytes, a space, and its value
//! as JSON, which names fields and variants (two that change places are not seen in the bytes).
//! With `UPDATE_GOLDEN` set, files that are not there are written; none is ever replaced.

use std::{fmt::Write as _, fs, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Kind, Level, Mode, decode, encode_at, shapes::Shapes, within};
use crate::{
    Backup, Change, ChangeId, EdgeDelta, EdgeView, FeedFrame, FeedHello, Machine, Op, Origin,
    Outcome, Rejection, ZoneDelta, ZoneView,
};

/// Formats that a release has, and that must stay as they are.
const RELEASED: [u8; 1] = [1];

/// A file of records of one type.
#[derive(Clone, Copy)]
struct File {
    level: Level,
    name: &'static str,
    kind: Kind,
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the files are is no input of this crate"
)]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

impl File {
    /// Asked for when the test runs: a build cache may come from another checkout.
    fn path(&self) -> PathBuf {
        let package = PathBuf::from(variable("CARGO_MANIFEST_DIR").expect("cargo runs tests"));
        let name = format!("../../tests/golden/codec/{}-{}.txt", self.level, self.name);
        package.join(name)
    }

    /// Checks what the file holds. If it is made anew, `shapes` does not show in it again what it
    /// has shown before.
    fn check<T: Serialize + DeserializeOwned>(self, shapes: &mut Shapes) {
        self.check_these(|| within(Mode::At(self.level), || shapes.all::<T>(1_000)));
    }

    /// Checks what the file holds; if it is made anew, these.
    fn check_these<T: Serialize + DeserializeOwned>(self, values: impl FnOnce() -> Vec<T>) {
        let path = self.path();
        if variable("UPDATE_GOLDEN").is_some() && !path.exists() {
            let values = values();
            fs::write(&path, self.text(&values)).unwrap();
        }
        self.read::<T>(&fs::read_to_string(path).unwrap());
    }

    fn text<T: Serialize>(&self, values: &[T]) -> String {
        values.iter().fold(String::new(), |mut text, value| {
            for byte in encode_at(self.level, self.kind, value).unwrap() {
                write!(text, "{byte:02x}").unwrap();
            }
            writeln!(text, " {}", serde_json::to_string(value).unwrap()).unwrap();
            text
        })
    }

    fn read<T: Serialize + DeserializeOwned>(&self, text: &str) {
        let (level, name) = (self.level, self.name);
        assert!(!text.is_empty(), "{level}-{name} has no record");
        for (line, record) in (1..).zip(text.lines()) {
            let (hex, json) = record.split_once(' ').unwrap();
            let bytes = bytes(hex);
            let value: T = decode(self.kind, &bytes)
                .unwrap_or_else(|error| panic!("{level}-{name}:{line}: {error}"));
            let json: Value = serde_json::from_str(json).unwrap();
            let found = serde_json::to_value(&value).unwrap();
            if let Err(at) = holds(&found, &json) {
                panic!("{level}-{name}:{line}: differs at {at}: {found}");
            }
            let again = encode_at(level, self.kind, &value);
            assert!(
                again == Ok(bytes),
                "{level}-{name}:{line}: is written otherwise"
            );
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// Whether `found` is `wanted`, and maybe more: what a later format brought is empty here, or the
/// bytes would not be the same again. Says where it is not.
fn holds(found: &Value, wanted: &Value) -> Result<(), String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                let found = found
                    .get(name)
                    .ok_or_else(|| format!(".{name} (not there)"))?;
                holds(found, wanted).map_err(|at| format!(".{name}{at}"))?;
            }
            Ok(())
        }
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            for (at, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                holds(found, wanted).map_err(|rest| format!("[{at}]{rest}"))?;
            }
            Ok(())
        }
        _ if found == wanted => Ok(()),
        _ => Err(format!(": {found} and not {wanted}")),
    }
}

#[test]
fn released_formats_are_read_and_written_as_ever() {
    for level in RELEASED.map(Level::numbered) {
        let file = |name, kind| File { level, name, kind };
        let shapes = &mut Shapes::default();
        file("change", Kind::Change).check::<Change>(shapes);
        file("applied", Kind::Applied).check::<Result<Outcome, Rejection>>(shapes);
        file("machine", Kind::Machine).check::<Machine>(shapes);
        file("backup", Kind::Backup).check::<Backup>(shapes);
        let alone = Shapes::default;
        file("edge-view", Kind::EdgeView).check::<EdgeView>(&mut alone());
        file("zone-view", Kind::ZoneView).check::<ZoneView>(&mut alone());
        file("edge-delta", Kind::Feed).check::<EdgeDelta>(&mut alone());
        file("zone-delta", Kind::Feed).check::<ZoneDelta>(&mut alone());
        file("feed-hello", Kind::Feed).check::<FeedHello>(&mut alone());
        file("feed-frame", Kind::Feed).check::<FeedFrame>(&mut alone());
    }
}

#[test]
fn format_2_has_a_place_for_a_reason() {
    let change = |reason: Option<&str>| Change {
        id: ChangeId(7),
        at_ms: 1_763_700_000_000,
        by: "AKIA1".to_owned(),
        origin: Origin {
            operation: "DeleteApi".to_owned(),
            resource: "/apis/a1".to_owned(),
            peer: Some("192.0.2.1:5000".parse().unwrap()),
            request: "r-1".to_owned(),
            reason: reason.map(str::to_owned).into(),
        },
        spare_deployment: "d1".into(),
        op: Op::DeleteApi("a1".into()),
    };
    let file = File {
        level: Level::numbered(2),
        name: "unreleased-change",
        kind: Kind::Change,
    };
    file.check_these(|| vec![change(Some("nobody calls it")), change(None)]);
    let refused = encode_at(Level::numbered(1), Kind::Change, &change(Some("x")));
    assert!(refused.unwrap_err().to_string().contains("needs format 2"));
    assert!(encode_at(Level::numbered(1), Kind::Change, &change(None)).is_ok());
}

#[test]
fn a_file_shows_every_variant() {
    let mut shapes = Shapes::default();
    let values: Vec<Change> = within(Mode::At(Level::NEWEST), || shapes.all(1_000));
    assert!(values.len() > 100, "{}", values.len());
    // A type that refuses some of what it reads may never be made.
    assert_eq!(shapes.missing(), []);
}

#[test]
fn a_value_under_another_name_is_seen() {
    let json = |text| serde_json::from_str::<Value>(text).unwrap();
    let wanted = json(r#"{"a": [{"b": 1}], "c": "x"}"#);
    let differs = |text| holds(&json(text), &wanted).unwrap_err();
    assert_eq!(
        holds(
            &json(r#"{"a": [{"b": 1, "new": null}], "c": "x"}"#),
            &wanted
        ),
        Ok(())
    );
    assert_eq!(
        differs(r#"{"a": [{"b": 2}], "c": "x"}"#),
        ".a[0].b: 2 and not 1"
    );
    assert_eq!(differs(r#"{"a": [{"b": 1}], "d": "x"}"#), ".c (not there)");
    assert!(differs(r#"{"a": [], "c": "x"}"#).starts_with(".a: []"));
}
