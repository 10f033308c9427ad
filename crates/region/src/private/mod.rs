//! Backends in private networks, by way of connectors (docs/adr/0040).
//!
//! A connector is a process inside such a network. It dials region nodes and keeps the connections;
//! a region opens calls back over them. Both halves of that live here, because the far half is the
//! region's last step moved elsewhere: the same HTTP client with the same faults. `Connectors` is a
//! region node's half, `Connector` the far one.
//!
//! Who may connect under which name is decided by certificates, not here; and nobody here chooses
//! an address: a region only names an upstream, which the connector's own settings list.

mod calling;
mod choice;
mod connector;
mod connectors;
mod health;
mod message;
mod metrics;
mod offer;
mod path;

pub use connector::Connector;
pub use connectors::{Connectors, Elsewhere};
pub use health::HealthCheck;
pub use message::{ConnectorSight, OfferedUpstream, UpstreamHealth};
pub use offer::{ConnectorSettings, Upstream, UpstreamTls};

pub(crate) use calling::Whose;
