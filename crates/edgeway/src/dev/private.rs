//! The private endpoint of each region of a `dev` cluster: listeners on loopback, which stands for
//! a private network here.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::ports::Ports;
use crate::settings::Private;

/// A private endpoint of a region, and where its listener is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PrivateEntry {
    pub(super) endpoint_id: String,
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
    pub(super) dns: SocketAddr,
}

impl PrivateEntry {
    pub(super) fn plan(ports: &mut Ports) -> anyhow::Result<Self> {
        let number = rand::random::<u64>();
        Ok(Self {
            endpoint_id: format!("vpce-0{number:016x}"),
            http: ports.next()?,
            https: ports.next()?,
            dns: ports.next()?,
        })
    }

    /// As settings have it.
    pub(super) fn listener(&self) -> Private {
        Private {
            endpoint_id: Some(self.endpoint_id.clone()),
            http: vec![self.http],
            https: vec![self.https],
            dns: vec![self.dns],
            ..Private::default()
        }
    }
}
