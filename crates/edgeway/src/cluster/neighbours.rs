//! Which other region node has a connector that is not connected to this one: from what region
//! nodes report each second. A call that goes there is answered there, never handed on again.

use std::sync::Arc;

use link::Peer;
use region::{ConnectorSight, Elsewhere, UpstreamHealth};
use tokio::sync::watch;

use super::{control::Control, directory::Seeds, fleet::Fleet};

/// The other region nodes.
pub(crate) struct Neighbours {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) control: Arc<Control>,
    pub(crate) seeds: watch::Receiver<Seeds>,
}

impl Elsewhere for Neighbours {
    fn nodes(&self, connectors: &[Box<str>], upstream: &str) -> Vec<Peer> {
        let mut found: Vec<(bool, u32, Peer)> = Vec::new();
        let seeds = Seeds::clone(&self.seeds.borrow());
        for (node, sight) in self.fleet.connectors() {
            let Some(unhealthy) = standing(&sight, connectors, upstream) else {
                continue;
            };
            let Some(seed) = seeds.iter().find(|seed| seed.node == node) else {
                continue;
            };
            let peer = self.control.peer_at(node, seed.link);
            if found
                .iter()
                .any(|(_, _, known)| known.addr() == peer.addr())
            {
                continue;
            }
            let rtt = peer.rtt().map_or(u32::MAX, |rtt| rtt.subsec_micros());
            found.push((unhealthy, rtt, peer));
        }
        found.sort_by_key(|(unhealthy, rtt, _)| (*unhealthy, *rtt));
        found.into_iter().map(|(_, _, peer)| peer).collect()
    }
}

/// Whether the upstream is said to be ill; none where it cannot be reached so.
fn standing(sight: &ConnectorSight, connectors: &[Box<str>], upstream: &str) -> Option<bool> {
    if sight.draining || connectors.iter().all(|name| **name != *sight.name) {
        return None;
    }
    let mut offers = sight.upstreams.iter();
    let offer = offers.find(|offer| offer.name == upstream)?;
    Some(offer.health == UpstreamHealth::Unhealthy)
}

#[cfg(test)]
mod tests {
    //! Who can stand in.

    use region::{ConnectorSight, OfferedUpstream, UpstreamHealth};

    use super::standing;

    #[test]
    fn a_connector_that_leaves_or_lacks_the_upstream_is_no_help() {
        let mut sight = ConnectorSight {
            node: 9,
            name: "office".to_owned(),
            draining: false,
            connections: 1,
            in_flight: 0,
            upstreams: vec![OfferedUpstream {
                name: "orders".to_owned(),
                health: UpstreamHealth::Unhealthy,
                reason: String::new(),
            }],
        };
        let office: [Box<str>; 2] = ["home".into(), "office".into()];
        assert_eq!(standing(&sight, &office, "orders"), Some(true));
        assert_eq!(standing(&sight, &office, "pay"), None);
        assert_eq!(standing(&sight, &office[..1], "orders"), None);
        sight.upstreams[0].health = UpstreamHealth::Unchecked;
        assert_eq!(standing(&sight, &office, "orders"), Some(false));
        sight.draining = true;
        assert_eq!(standing(&sight, &office, "orders"), None);
    }
}
