//! What a connector offers: upstreams by name, each at an address that only its own settings know.

use std::sync::Arc;

use plan::region::{Origin, OriginTls};

use super::HealthCheck;

/// Settings of a connector.
#[derive(Clone, Debug)]
pub struct ConnectorSettings {
    /// The allow-list: nothing else can be reached.
    pub upstreams: Vec<Upstream>,
    /// Calls in progress; one more is refused, and goes to another connector.
    pub in_flight_max: u32,
    /// Certificates (PEM) to trust beside the system's.
    pub extra_ca_pem: Option<Vec<u8>>,
}

/// An upstream.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// What links name.
    pub name: String,
    /// A name or an address, without port.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// When it is spoken to over TLS.
    pub tls: UpstreamTls,
    /// The name that its certificate must have, whatever an integration says.
    pub server_name: Option<String>,
    /// How it is watched; never unless given.
    pub health: Option<HealthCheck>,
}

/// When an upstream is spoken to over TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamTls {
    /// When the integration says so.
    #[default]
    Asked,
    /// Always.
    Always,
}

impl Upstream {
    /// The origin for a call; `asked` is the name of an integration that wants TLS.
    pub(super) fn origin(&self, asked: Option<&str>) -> Arc<Origin> {
        let https = asked.is_some() || self.tls == UpstreamTls::Always;
        let server_name = self.server_name.as_deref().or(asked);
        let host = self.host.to_ascii_lowercase();
        let bare = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let usual = if https { 443 } else { 80 };
        let authority = if self.port == usual {
            bare
        } else {
            format!("{bare}:{}", self.port)
        };
        Arc::new(Origin {
            https,
            host: host.into(),
            port: self.port,
            server_name: server_name.filter(|_| https).map(Into::into),
            authority: authority.into(),
            tls: OriginTls::default(),
            via: None,
        })
    }
}
