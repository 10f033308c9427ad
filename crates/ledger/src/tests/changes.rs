//! Changes for tests: a bootstrap, and POPs, whose number tells how many changes were applied.

use std::net::{Ipv4Addr, SocketAddr};

use model::{
    AccessKey, Authority, Change, ChangeId, Cluster, Config, DeploymentId, Node, NodeId, NodeRole,
    Op, Pop, PopName, Region,
};

/// A change with this number as its id.
pub(crate) fn change(id: u128, op: Op) -> Change {
    Change {
        id: ChangeId(id),
        at_ms: 1,
        by: "test".to_owned(),
        origin: model::Origin::default(),
        spare_deployment: DeploymentId::from("dddddd"),
        op,
    }
}

pub(crate) fn node(id: u64, link: SocketAddr) -> Node {
    Node {
        id: NodeId(id),
        role: NodeRole::Region("here-1".into()),
        link,
        public: Vec::new(),
        management: None,
        joined_ms: 1,
    }
}

pub(crate) fn bootstrap(link: SocketAddr) -> Change {
    let authority = Authority {
        certificate_der: vec![1],
        key_der: vec![2],
    };
    let cluster = Cluster {
        name: "test".to_owned(),
        base_domain: "edgeway.test".to_owned(),
        account_id: "000000000000".to_owned(),
        authority,
        created_ms: 1,
        format: model::codec::Level::OLDEST,
    };
    let key = AccessKey::unrestricted("AKIATEST", "secret", "admin", 1);
    let region = Region {
        name: "here-1".into(),
        location: None,
    };
    change(
        1,
        Op::Bootstrap {
            cluster,
            region,
            node: node(1, link),
            key: Box::new(key),
        },
    )
}

/// Adds the POP with this number: applied twice it counts as two revisions and one POP.
pub(crate) fn pop(number: u128) -> Change {
    change(
        1000 + number,
        Op::PutPop(Pop {
            name: pop_name(number),
            location: None,
        }),
    )
}

pub(crate) fn pop_name(number: u128) -> PopName {
    PopName::from(format!("pop-{number}"))
}

/// Fails if any `pop` change was applied twice.
pub(crate) fn none_twice(config: &Config) {
    assert_eq!(
        config.revision.0,
        1 + config.pops.len() as u64,
        "a change was applied twice"
    );
}

/// An address nobody listens at; the hub goes by node ids.
pub(crate) fn nowhere(node: u64) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(10_000 + node).unwrap()))
}
