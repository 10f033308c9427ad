//! Who may come in at a listener, before a byte of TLS or HTTP is read: by which network device,
//! from which networks, and what a balancer in front may say about its clients.
//!
//! A header of the PROXY protocol is believed from named peers alone. On a listener that expects
//! one, everybody else is cut off, and so is who sends none: a client must never be able to say
//! itself where it is or by which endpoint it came.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::policy::TlsPolicy;
use crate::proxy::{self, FIXED_BYTES, Flaw, Named};

/// Conditions on connections to a listener. The default lets everybody in.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Only what arrives by this network device; its name.
    pub device: Option<String>,
    /// Networks of clients; empty for all.
    pub allowed: Vec<IpNet>,
    /// A balancer in front says who the client is.
    pub proxy: Option<ProxyProtocol>,
    /// The listener is a way in for private networks: every connection belongs to an endpoint.
    pub private: Option<Endpoints>,
    /// Clients must have certificates of these authorities. Needs TLS.
    pub client_roots: Option<ClientRoots>,
}

/// The PROXY protocol, version 2, on a listener. Every connection must begin with its header.
#[derive(Clone, Debug, Default)]
pub struct ProxyProtocol {
    /// Peers that are believed; all others are cut off.
    pub trusted: Vec<IpNet>,
}

/// The endpoints that connections to a private listener may belong to.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Of connections that say nothing else; without one, those are cut off.
    pub own: Option<Arc<str>>,
    /// Which a balancer may name as well, by the id in Amazon's item of its header.
    pub named: Vec<Arc<str>>,
    /// The same by the number of the link in Azure's item.
    pub azure: HashMap<u32, Arc<str>>,
}

/// Authorities of client certificates.
#[derive(Clone, Debug)]
pub struct ClientRoots(Arc<RootCertStore>);

/// Why authorities cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("reading certificate authorities of clients: {0}")]
pub struct RootsError(String);

/// Why a connection was cut off: its label in `edgeway_serve_connections_closed_total`.
pub(crate) type Refused = &'static str;

/// Who has come in.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) peer: SocketAddr,
    pub(crate) endpoint: Option<Arc<str>>,
}

impl ClientRoots {
    /// Reads PEM text.
    ///
    /// # Errors
    /// It holds no certificate, or one that cannot be an authority.
    pub fn from_pem(text: &[u8]) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(|error| RootsError(error.to_string()))?;
            let added = roots.add(certificate);
            added.map_err(|error| RootsError(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(RootsError("no certificate in the text".to_owned()));
        }
        Ok(Self(Arc::new(roots)))
    }

    /// What checks certificates in handshakes bound by `policy`.
    pub(crate) fn verifier(
        &self,
        policy: TlsPolicy,
    ) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        let provider = Arc::new(policy.provider());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.0), provider);
        let built = builder.build();
        built.map_err(|error| rustls::Error::General(error.to_string()))
    }
}

impl Door {
    /// Lets a connection in, or says why not. Reads nothing beyond a header of the PROXY protocol,
    /// and that only from peers that are believed.
    pub(crate) async fn enter<S: AsyncRead + Unpin>(
        &self,
        socket: &mut S,
        peer: SocketAddr,
        patience: Duration,
    ) -> Result<Entered, Refused> {
        let mut entered = Entered {
            peer,
            endpoint: None,
        };
        let mut named = None;
        if let Some(proxy) = &self.proxy {
            if !contains(&proxy.trusted, peer.ip()) {
                return Err("proxy_untrusted");
            }
            let reading = tokio::time::timeout(patience, read(socket));
            let header = reading.await.map_err(|_elapsed| "proxy_timed_out")?;
            let header = header?;
            entered.peer = header.source.unwrap_or(peer);
            named = header.endpoint;
        }
        if !self.allowed.is_empty() && !contains(&self.allowed, entered.peer.ip()) {
            return Err("not_allowed");
        }
        if let Some(endpoints) = &self.private {
            entered.endpoint = Some(endpoints.of(named)?);
        }
        Ok(entered)
    }
}

impl Endpoints {
    /// The endpoint of a connection whose balancer named `named`.
    fn of(&self, named: Option<Named>) -> Result<Arc<str>, Refused> {
        let known = match &named {
            None => return self.own.clone().ok_or("endpoint_missing"),
            Some(Named::Aws(id)) => {
                let mut all = self.own.iter().chain(&self.named);
                all.find(|known| ***known == **id)
            }
            Some(Named::Azure(link)) => self.azure.get(link),
        };
        known.cloned().ok_or("endpoint_unknown")
    }
}

/// Reads one header and not a byte more: what follows is TLS's or HTTP's.
async fn read<S: AsyncRead + Unpin>(socket: &mut S) -> Result<proxy::Header, Refused> {
    let mut fixed = [0; FIXED_BYTES];
    let mut filled = 0;
    while let Some(room) = fixed.get_mut(filled..).filter(|room| !room.is_empty()) {
        match socket.read(room).await {
            Ok(0) | Err(_) => return Err("proxy_incomplete"),
            Ok(read) => filled += read,
        }
        proxy::begins(fixed.get(..filled).unwrap_or_default()).map_err(Flaw::reason)?;
    }
    let length = proxy::rest_length(&fixed).map_err(Flaw::reason)?;
    let mut header = fixed.to_vec();
    header.resize(FIXED_BYTES + length, 0);
    let rest = header.get_mut(FIXED_BYTES..).unwrap_or_default();
    let read = socket.read_exact(rest).await;
    read.map_err(|_| "proxy_incomplete")?;
    proxy::parse(&header).map_err(Flaw::reason)
}

/// IPv4 addresses stay so when they come mapped into IPv6.
fn contains(nets: &[IpNet], ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    nets.iter().any(|net| net.contains(&ip))
}

#[cfg(test)]
mod tests;
