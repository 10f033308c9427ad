//! The POP: terminates clients (through `serve`), answers from a cache, and forwards the rest over
//! QUIC to the lowest-latency healthy region.
//!
//! `pop` tells the life of a request. A POP holds no secrets of a region, routes nothing (a region
//! does), and keeps serving what it has with every region down. Getting the configuration and
//! probing the regions is wired in `edgeway`.

mod answer;
mod cache;
mod clock;
mod edge;
mod failure;
mod fetch;
mod forward;
mod heads;
mod hedge;
mod ident;
mod lane;
mod latency;
mod marks;
mod metrics;
mod outage;
mod paths;
mod pop;
mod ranged;
mod record;
mod relaying;
mod settings;
mod shared;
mod steering;
#[cfg(test)]
mod tests;
mod turn;

pub use cache::{Purge, fuzz};
pub use edge::{Edge, EdgeError, EdgeParts};
pub use settings::EdgeSettings;
