//! Two nodes in one process, over real UDP on loopback.

mod bodies;
mod calls;
mod harness;
mod trust;
mod upkeep;
mod wires;
