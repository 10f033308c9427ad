//! Format levels: how a cluster of two builds keeps one layout, and what a newer layout adds.
//!
//! A build writes every level from [`Level::OLDEST`] to [`Level::NEWEST`]. A cluster has one level,
//! part of its configuration, at which all nodes write; an operator raises it once every node runs
//! a build that knows the next one. Until then the former build can take over again at any time.
//!
//! A field that a level brings is a [`Since`]: below its level it takes no bytes, reads as its
//! default, and refuses to be written as anything else, so that nothing is lost in silence. An
//! operation that a level brings carries an [`Only`]. Neither says how levels are agreed on.

use std::{
    cell::Cell,
    fmt,
    ops::{Deref, DerefMut},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// The level of a format; the second byte of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Level(u8);

impl Level {
    /// The oldest level that this build reads and writes.
    pub const OLDEST: Self = Self(1);
    /// The newest one.
    pub const NEWEST: Self = Self(2);

    /// A level by its number, known to this build or not.
    #[must_use]
    pub const fn numbered(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether this build can read and write it.
    #[must_use]
    pub fn is_known(self) -> bool {
        (Self::OLDEST..=Self::NEWEST).contains(&self)
    }
}

impl Default for Level {
    /// What a cluster begins with whose first change says nothing else.
    fn default() -> Self {
        Self::OLDEST
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the value at hand is being written or read on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As a record of this level.
    At(Level),
    /// For its digest and size only, which must be the same in every build that knows the value.
    Content,
}

thread_local! {
    // serde hands nothing down to the types it visits, so the level waits here while a record is
    // made or read. It is set by this module alone, and only within one call.
    static MODE: Cell<Mode> = const { Cell::new(Mode::At(Level::OLDEST)) };
    static NEEDED: Cell<Option<Level>> = const { Cell::new(None) };
}

/// Does `work` in `mode`.
pub(super) fn within<T>(mode: Mode, work: impl FnOnce() -> T) -> T {
    /// Puts the former mode back, also when `work` unwinds.
    struct Former(Mode);
    impl Drop for Former {
        fn drop(&mut self) {
            MODE.set(self.0);
        }
    }
    let _former = Former(MODE.replace(mode));
    work()
}

/// The level that the last failed write on this thread would have needed.
pub(super) fn take_needed() -> Option<Level> {
    NEEDED.take()
}

fn refuse<E: ser::Error>(needed: u8) -> E {
    NEEDED.set(Some(Level(needed)));
    E::custom(format_args!("needs format {needed}"))
}

/// A field that exists since a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Since<const LEVEL: u8, T>(pub T);

impl<const LEVEL: u8, T> Deref for Since<LEVEL, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<const LEVEL: u8, T> DerefMut for Since<LEVEL, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<const LEVEL: u8, T> From<T> for Since<LEVEL, T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<const LEVEL: u8, T: Serialize + Default + PartialEq> Serialize for Since<LEVEL, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        // A unit takes no bytes in a record.
        match MODE.get() {
            Mode::At(level) if level.0 >= LEVEL => self.0.serialize(serializer),
            _ if self.0 == T::default() => serializer.serialize_unit(),
            Mode::Content => (LEVEL, &self.0).serialize(serializer),
            Mode::At(_) => Err(refuse(LEVEL)),
        }
    }
}

impl<'de, const LEVEL: u8, T: Deserialize<'de> + Default> Deserialize<'de> for Since<LEVEL, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let there = deserializer.is_human_readable()
            || matches!(MODE.get(), Mode::At(level) if level.0 >= LEVEL);
        if there {
            T::deserialize(deserializer).map(Self)
        } else {
            Ok(Self::default())
        }
    }
}

/// What an operation carries that exists since a level: below it, it cannot be written at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Only<const LEVEL: u8, T>(pub T);

impl<const LEVEL: u8, T: Serialize> Serialize for Only<LEVEL, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match MODE.get() {
            Mode::At(level) if level.0 < LEVEL => Err(refuse(LEVEL)),
            _ => self.0.serialize(serializer),
        }
    }
}

impl<'de, const LEVEL: u8, T: Deserialize<'de>> Deserialize<'de> for Only<LEVEL, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match MODE.get() {
            Mode::At(level) if level.0 < LEVEL => Err(de::Error::custom(format_args!(
                "exists since format {LEVEL}, and this record is of format {level}"
            ))),
            _ => T::deserialize(deserializer).map(Self),
        }
    }
}
