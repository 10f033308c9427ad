//! Where clients are when the configuration does not say: a source that the node has besides it,
//! such as a database of locations. What it says counts least, after measured latency and
//! configured coordinates.

use std::net::IpAddr;

use model::Location;
use steer::place::{Point, Whereabouts};

/// A database of locations. Asked while answering, so it must be quick and must not wait.
pub trait Geo: std::fmt::Debug + Send + Sync + 'static {
    /// Where an address is, if known, and how many leading bits it shares with all others of
    /// which the same is said.
    fn find(&self, address: IpAddr) -> (Option<Location>, u8);
}

/// What `geo` says of the first `source` bits of `address`, of which nothing else is known for
/// all that share `scope` bits of it.
pub fn whereabouts(geo: &dyn Geo, address: IpAddr, source: u8, scope: u8) -> Whereabouts {
    let (location, length) = geo.find(address);
    Whereabouts {
        point: location.map(Point::of),
        // The asker may hide bits that matter: what the shown ones lead to is as good as any.
        scope: length.min(source).max(scope),
    }
}
