//! What is heard of whom.

use std::sync::Arc;

use link::{NodeIdentity, PeerRole};
use model::{Config, Node, NodeId, NodeRole, Revision, Tally, Trial, codec::Level};
use region::ConnectorSight;

use super::{NodeReport, WORDS_BYTES_MAX, is_removed, within_role};

fn report() -> NodeReport {
    NodeReport {
        revision: Revision(7),
        draining: true,
        link: "127.0.0.1:1".parse().unwrap(),
        refused: Some((Revision(8), "ä".repeat(WORDS_BYTES_MAX))),
        trials: vec![Trial {
            api: "a1".into(),
            id: Revision(3),
            new: Tally::default(),
            old: Tally::default(),
        }],
        over_h2: vec![NodeId(1); 5_000],
        load_per_mille: 5,
        connectors: vec![ConnectorSight {
            node: 9,
            name: "office".to_owned(),
            draining: false,
            connections: 1,
            in_flight: 0,
            upstreams: Vec::new(),
        }],
        format: Level::NEWEST,
        build: "x".repeat(5_000),
    }
}

#[test]
fn only_regions_tell_of_rollouts_and_connectors() {
    for role in [PeerRole::Pop, PeerRole::Dns, PeerRole::Connector] {
        let kept = within_role(role, report());
        assert!(
            kept.trials.is_empty() && kept.connectors.is_empty(),
            "{role}"
        );
        assert_eq!((kept.revision, kept.draining), (Revision(7), true));
    }
    let kept = within_role(PeerRole::Region, report());
    assert_eq!((kept.trials.len(), kept.connectors.len()), (1, 1));
    // Cut within a letter of two bytes, it would be no text.
    assert_eq!(kept.refused.unwrap().1.len(), WORDS_BYTES_MAX);
    assert_eq!((kept.build.len(), kept.over_h2.len()), (1_024, 1_024));
}

#[test]
fn a_number_that_was_given_and_is_gone_is_removed() {
    let node = |id| Node {
        id: NodeId(id),
        role: NodeRole::Connector("office".into()),
        link: "127.0.0.1:1".parse().unwrap(),
        public: Vec::new(),
        management: None,
        joined_ms: 0,
    };
    let mut config = Config {
        last_node: NodeId(5),
        ..Config::default()
    };
    config.nodes.insert(NodeId(4), Arc::new(node(4)));
    let removed = |config: &Config, role, node| {
        is_removed(
            config,
            &NodeIdentity::new("c", role, "office", node).unwrap(),
        )
    };
    for role in [PeerRole::Pop, PeerRole::Dns, PeerRole::Connector] {
        assert!(!removed(&config, role, 4));
        assert!(removed(&config, role, 5));
        // It joined at another region a moment ago.
        assert!(!removed(&config, role, 6));
        // A region node that has just begun knows of nobody.
        assert!(!removed(&Config::default(), role, 5));
    }
    assert!(!removed(&config, PeerRole::Region, 5));
}
