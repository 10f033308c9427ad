//! The smallest cluster that tests of this crate begin with; nothing of it reaches a build.

use std::collections::BTreeMap;

use crate::{
    AccessKey, Api, ApiKind, Authority, Cluster, EndpointType, HttpApi, IpAddressType, Node,
    NodeId, NodeRole, Op, Region, Revision,
};

/// Sets up one region with one node and one key.
pub(crate) fn bootstrap() -> Op {
    Op::Bootstrap {
        cluster: Cluster {
            name: "test".into(),
            base_domain: "edgeway.test".into(),
            account_id: "000000000000".into(),
            authority: Authority {
                certificate_der: vec![1],
                key_der: vec![2],
            },
            created_ms: 1,
            format: crate::codec::Level::OLDEST,
        },
        region: Region {
            name: "us-east-1".into(),
            location: None,
        },
        node: node(1, NodeRole::Region("us-east-1".into())),
        key: Box::new(key("AKIA1")),
    }
}

/// A node without public addresses.
pub(crate) fn node(id: u64, role: NodeRole) -> Node {
    Node {
        id: NodeId(id),
        role,
        link: "127.0.0.1:4000".parse().expect("an address"),
        public: vec![],
        management: None,
        joined_ms: 1,
    }
}

/// An active access key.
pub(crate) fn key(id: &str) -> AccessKey {
    AccessKey::unrestricted(id, "s", "admin", 1)
}

/// An HTTP API without content, for POPs.
pub(crate) fn http_api(id: &str) -> Api {
    Api {
        id: id.into(),
        name: "pets".into(),
        description: None,
        version: None,
        home: "us-east-1".into(),
        endpoint: EndpointType::Edge,
        created_ms: 1,
        served: Revision(0),
        disable_execute_api_endpoint: false,
        ip_address_type: IpAddressType::Ipv4,
        tags: BTreeMap::new(),
        kind: ApiKind::Http(HttpApi::default()),
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    }
}
