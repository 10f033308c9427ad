//! Two nodes in one process, over real UDP and TCP on loopback.

mod back;
mod between;
mod bodies;
mod calls;
mod fallback;
mod harness;
mod roles;
mod trust;
mod upkeep;
mod wires;
