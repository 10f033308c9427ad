//! How a node enters the cluster, and how it keeps its certificate: the region's side answers, the
//! node's side asks.
//!
//! A token is spent by a replicated change, so it admits one node in the whole cluster; what the
//! node is comes from the token, never from the node. Nodes without one prove what they are
//! (`identity` at the region, `prove` at the node).

use std::{
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use bytes::Bytes;
use ledger::Ledger;
use link::{
    Authority, CertificateRequest, Credentials, JoinToken, NodeIdentity, PeerRole, RpcHandler,
    RpcRefusal,
};
use model::{
    Location, Node, NodeId, NodeRole, Op,
    codec::{Level, Since},
};
use region::Region;
use serve::BoxFuture;

mod identity;
pub(crate) mod prove;

use self::identity::Unfit;
use super::{
    directory, membership,
    message::{self, JoinAnswer, JoinRequest, Refusal, RenewAnswer, RenewRequest},
};
use crate::metrics::Metrics;

/// Life of a node's certificate; renewed at two thirds.
pub(crate) const NODE_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Answers nodes that ask to join.
pub(crate) struct Registrar {
    pub(crate) ledger: Ledger,
    /// Has the keys of tokens' issuers.
    pub(crate) region: Arc<Region>,
    pub(crate) metrics: Metrics,
}

/// Answers nodes that ask for a fresh certificate.
pub(crate) struct Renewer {
    pub(crate) ledger: Ledger,
}

/// What a joining node says of itself.
pub(crate) struct Applicant {
    pub(crate) link: std::net::SocketAddr,
    pub(crate) public: Vec<IpAddr>,
    pub(crate) management: Option<String>,
    pub(crate) location: Option<Location>,
}

/// The identity that a role and number stand for on links.
pub(crate) fn identity(
    cluster: &str,
    role: &NodeRole,
    node: NodeId,
) -> Result<NodeIdentity, link::IdentityError> {
    let (role, place) = match role {
        NodeRole::Region(name) => (PeerRole::Region, name.as_str()),
        NodeRole::Pop(name) => (PeerRole::Pop, name.as_str()),
        NodeRole::Dns => (PeerRole::Dns, "dns"),
        NodeRole::Connector(name) => (PeerRole::Connector, name.as_str()),
    };
    NodeIdentity::new(cluster, role, place, node.0)
}

// === the region's side ===

impl Registrar {
    async fn join(&self, request: JoinRequest) -> Result<JoinAnswer, Unfit> {
        let format = self.ledger.config().borrow().format();
        if request.format < format {
            // Its token stays unspent.
            let text = format!(
                "this cluster writes format {format}, and the node's build knows formats up to \
                 {}: install a newer build there",
                request.format
            );
            return Err(Unfit::rejected("format", text));
        }
        let node = Node {
            id: NodeId(0),
            // Overwritten by the token's or the policy's.
            role: NodeRole::Dns,
            link: request.link,
            public: request.public,
            management: request.management,
            joined_ms: 0,
        };
        let (id, by) = match request.offered.0 {
            Some(offered) => self.admit(offered, (node, &request.csr_der)).await?,
            None => (
                self.spend((&request.token, &request.secret), node).await?,
                "token",
            ),
        };
        self.metrics.joined(by);
        let config = Arc::clone(&self.ledger.config().borrow());
        let node = config
            .nodes
            .get(&id)
            .ok_or_else(|| Refusal::Internal.because("node gone"))?;
        let role = node.role.clone();
        if let Some(location) = request.location {
            self.place(&role, location).await?;
        }
        let (chain_der, ca_der) = sign(&config, &request.csr_der, &role, id)?;
        tracing::info!(node = %id, role = ?role, "a node has joined");
        Ok(JoinAnswer {
            node: id,
            role,
            chain_der,
            ca_der,
            regions: directory::of_config(&config),
        })
    }

    /// Spends a token.
    async fn spend(&self, (token, secret): (&str, &[u8; 32]), node: Node) -> Result<NodeId, Unfit> {
        let op = Op::Join {
            token: token.into(),
            secret_sha256: link::hash_secret(secret),
            node,
        };
        let outcome = self.propose(&format!("token-{token}"), op).await;
        let outcome = outcome.map_err(|refusal| Unfit {
            reason: "token",
            refusal,
        })?;
        let none = || Unfit::from(Refusal::Internal.because("no number given"));
        outcome.node.ok_or_else(none)
    }

    async fn place(&self, role: &NodeRole, location: Location) -> Result<(), RpcRefusal> {
        let location = Some(location);
        let op = match role.clone() {
            NodeRole::Region(name) => Op::PutRegion(model::Region { name, location }),
            NodeRole::Pop(name) => Op::PutPop(model::Pop { name, location }),
            NodeRole::Dns | NodeRole::Connector(_) => return Ok(()),
        };
        self.propose("join", op).await.map(|_| ())
    }

    async fn propose(&self, by: &str, op: Op) -> Result<model::Outcome, RpcRefusal> {
        let applied = self.ledger.propose(membership::change(by, op)).await;
        let applied = applied.map_err(|error| Refusal::Unavailable.because(error))?;
        applied
            .outcome
            .map_err(|rejection| Refusal::Rejected.because(rejection))
    }
}

impl RpcHandler for Registrar {
    fn rpc(
        &self,
        _: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        Box::pin(async move {
            let request = message::decode::<JoinRequest>(&body)
                .map_err(|error| Refusal::Malformed.because(error))?;
            let answer = self.join(request).await.map_err(|unfit| {
                self.metrics.join_refused(unfit.reason);
                let refusal = &unfit.refusal;
                tracing::warn!(reason = unfit.reason, %refusal, "a node was not let in");
                unfit.refusal
            })?;
            message::encode(&answer).map_err(|error| Refusal::Internal.because(error))
        })
    }
}

impl RpcHandler for Renewer {
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        Box::pin(async move {
            let from = from.ok_or_else(|| Refusal::Rejected.because("no certificate"))?;
            let request = message::decode::<RenewRequest>(&body)
                .map_err(|error| Refusal::Malformed.because(error))?;
            let config = Arc::clone(&self.ledger.config().borrow());
            let id = NodeId(from.node);
            // A node that was removed gets no new certificate.
            let node = config
                .nodes
                .get(&id)
                .ok_or_else(|| Refusal::Rejected.because(format!("node {id} was removed")))?;
            let (chain_der, ca_der) = sign(&config, &request.csr_der, &node.role, id)?;
            message::encode(&RenewAnswer { chain_der, ca_der })
                .map_err(|error| Refusal::Internal.because(error))
        })
    }
}

type Signed = (Vec<Vec<u8>>, Vec<u8>);

fn sign(
    config: &model::Config,
    csr_der: &[u8],
    role: &NodeRole,
    node: NodeId,
) -> Result<Signed, RpcRefusal> {
    let cluster = config
        .cluster
        .as_ref()
        .ok_or_else(|| Refusal::Unavailable.because("no cluster yet"))?;
    let known = &cluster.authority;
    let authority = Authority::from_der(&known.certificate_der, &known.key_der)
        .map_err(|error| Refusal::Internal.because(error))?;
    let identity =
        identity(&cluster.name, role, node).map_err(|error| Refusal::Rejected.because(error))?;
    let chain = authority
        .sign_csr(csr_der, &identity, NODE_TTL, SystemTime::now())
        .map_err(|error| Refusal::Rejected.because(error))?;
    Ok((
        chain.iter().map(|part| part.to_vec()).collect(),
        known.certificate_der.clone(),
    ))
}

/// Makes join tokens that lead to every region node known now.
pub(crate) struct Mint {
    pub(crate) ledger: Ledger,
}

impl admin::TokenMint for Mint {
    fn mint(&self) -> Result<admin::MintedToken, String> {
        let config = Arc::clone(&self.ledger.config().borrow());
        let cluster = config
            .cluster
            .as_ref()
            .ok_or("the cluster is not set up yet")?;
        let addrs = directory::of_config(&config)
            .iter()
            .map(|seed| seed.link)
            .collect();
        let ca_sha256 = link::fingerprint(&cluster.authority.certificate_der);
        let token = JoinToken::fresh(ca_sha256, addrs).map_err(|error| error.to_string())?;
        Ok(admin::MintedToken {
            id: token.id.as_str().into(),
            secret_sha256: token.secret_hash(),
            text: token.to_string(),
        })
    }
}

// === the node's side ===

/// Spends `token` and stores the identity under `identity_dir`.
pub(crate) async fn join(
    token: &str,
    applicant: Applicant,
    data_dir: &Path,
    identity_dir: &Path,
) -> anyhow::Result<Credentials> {
    let token: JoinToken = token.trim().parse().context("the join token")?;
    let request = CertificateRequest::fresh()?;
    let body = message::encode(&JoinRequest {
        format: Level::NEWEST,
        token: token.id.clone(),
        secret: token.secret,
        csr_der: request.csr_der().to_vec(),
        link: applicant.link,
        public: applicant.public,
        management: applicant.management,
        location: applicant.location,
        offered: Since(None),
    })?;
    let mut last = anyhow::anyhow!("the join token names no region");
    for addr in &token.addrs {
        match link::join(*addr, token.ca_sha256, body.clone(), JOIN_TIMEOUT).await {
            Ok(answer) => return keep(&answer, &request, data_dir, identity_dir),
            // The token may be spent: another region would only say so again.
            Err(refused @ link::RpcError::Refused(_)) => {
                return Err(anyhow::Error::new(refused).context(format!("joining at {addr}")));
            }
            Err(error) => last = anyhow::Error::new(error).context(format!("joining at {addr}")),
        }
    }
    Err(last)
}

/// Stores what a region answered.
fn keep(
    answer: &[u8],
    request: &CertificateRequest,
    data_dir: &Path,
    identity_dir: &Path,
) -> anyhow::Result<Credentials> {
    let answer: JoinAnswer = message::decode(answer)?;
    directory::save(data_dir, &answer.regions)?;
    let credentials = Credentials::from_csr(request, answer.chain_der, answer.ca_der)?;
    credentials.store(identity_dir)?;
    tracing::info!(node = %answer.node, role = ?answer.role, "joined the cluster");
    Ok(credentials)
}

#[cfg(test)]
mod tests;
