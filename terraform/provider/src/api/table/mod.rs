//! Resources that are one object behind one path, described by tables.
//!
//! A [`Piece`] says which attribute is which field, where the object is, and how it is made and
//! changed. Everything else is done here once. What does not fit has a hook, or is a resource of
//! its own kind.

mod blame;
mod field;
mod patch;
mod path;
mod piece;
mod revision;
pub(crate) mod tags;
mod wire;

pub(crate) use field::Field;
pub(crate) use patch::escaped;
pub(crate) use path::encoded;
pub(crate) use piece::{Left, Make, Piece, Shown, Style, merged};
pub(crate) use revision::revision;
