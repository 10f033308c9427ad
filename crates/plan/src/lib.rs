//! Compiles a configuration into immutable plans that the roles execute.
//!
//! Compiling never fails: what cannot be compiled becomes a node that answers an error, and a
//! `Diagnostic` says why. Plans are never serialised; every node compiles its own. Nothing here
//! does I/O, reads a clock or touches a socket.

mod diagnostic;
pub mod edge;
pub mod join;
pub mod region;
mod shards;
pub mod zone;

pub use diagnostic::Diagnostic;
