//! Keeps what follows from the configuration true, on the leader alone: Raft's members are the
//! region nodes that are configured, and the cluster has a valid certificate of its own for the
//! names of every region.
//!
//! Run again and again from the state found, so a leader that dies half-way leaves nothing behind
//! that the next one does not finish.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ledger::{Ledger, Role};
use link::{Authority, ServerNames};
use model::{Certificate, Change, ChangeId, Config, NodeId, NodeRole, Op, Revision};
use tokio::sync::watch;

/// Voters a cluster grows to by itself; further region nodes stay learners until promoted.
const VOTERS_MAX: usize = 5;
/// Between two looks without news.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The id of the cluster's own certificate.
const OWN_CERTIFICATE: &str = "base-domain";
/// The certificate of the DNS nodes' names.
const DNS_CERTIFICATE: &str = "name-servers";
/// Life of the cluster's own certificate.
const OWN_TTL: Duration = Duration::from_secs(90 * 24 * 3600);
/// Renewed when it has less than this left.
const OWN_RENEW_MS: u64 = 30 * 24 * 3600 * 1000;

/// A change of this process's own.
pub(crate) fn change(by: &str, op: Op) -> Change {
    Change {
        id: ChangeId(rand::random()),
        at_ms: now_ms(),
        by: by.to_owned(),
        origin: model::Origin::default(),
        spare_deployment: spare_deployment().into(),
        op,
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn spare_deployment() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let pick = |_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
    (0..6).map(pick).collect()
}

/// Runs until the process drains.
pub(crate) async fn keep(ledger: Ledger, drain: serve::Drain) {
    let mut config = ledger.config();
    let mut status = ledger.status();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            changed = config.changed() => if changed.is_err() { return },
            changed = status.changed() => if changed.is_err() { return },
            () = drain.begun() => return,
        }
        let status = Arc::clone(&status.borrow_and_update());
        if status.role == Role::Leader {
            let current = Arc::clone(&config.borrow_and_update());
            look(&ledger, &current, &status).await;
        }
    }
}

/// Begins `leaving` once the configuration says that `own` is to go. Other roles are told when
/// they report.
pub(crate) async fn leave_when_told(
    mut config: watch::Receiver<Arc<Config>>,
    own: NodeId,
    leaving: serve::Drain,
) {
    // The sender goes away with the ledger.
    if config
        .wait_for(|now| now.leaving.contains(&own))
        .await
        .is_ok()
    {
        leaving.begin();
    }
}

async fn look(ledger: &Ledger, config: &Config, status: &ledger::Status) {
    if let Err(error) = members(ledger, config, status).await {
        tracing::warn!(%error, "cannot adjust the Raft membership yet");
    }
    let clients = own_certificate(ledger, config, (OWN_CERTIFICATE, own_names(config)));
    let dns = own_certificate(ledger, config, (DNS_CERTIFICATE, config.name_servers()));
    if let Err(error) = clients.await.and(dns.await) {
        tracing::error!(%error, "cannot issue the cluster's own certificate");
    }
}

async fn members(
    ledger: &Ledger,
    config: &Config,
    status: &ledger::Status,
) -> Result<(), ledger::MemberError> {
    let is_region = |node: &&Arc<model::Node>| matches!(node.role, NodeRole::Region(_));
    let wanted: BTreeMap<NodeId, SocketAddr> = config
        .nodes
        .values()
        .filter(is_region)
        .map(|node| (node.id, node.link))
        .collect();
    let known = || status.voters.keys().chain(status.learners.keys());
    // One that was told to go is on its way out: it is taken from Raft before the configuration
    // forgets it, and must not come back in between.
    let stays = |node: &NodeId| !config.leaving.contains(node);
    for (node, link) in wanted.iter().filter(|(node, _)| stays(node)) {
        if !known().any(|member| member == node) {
            ledger.add_learner(*node, *link).await?;
            tell(*node, "added to Raft as a learner");
        }
    }
    for node in known().filter(|node| !wanted.contains_key(node)) {
        ledger.remove(*node).await?;
        tell(*node, "removed from Raft");
    }
    let learner = status
        .learners
        .keys()
        .find(|node| wanted.contains_key(node) && stays(node));
    if let Some(node) = learner.filter(|_| status.voters.len() < VOTERS_MAX) {
        ledger.promote(*node).await?;
        tell(*node, "promoted to voter");
    }
    Ok(())
}

fn tell(node: NodeId, what: &str) {
    tracing::info!(%node, "{what}");
}

/// The names clients use below the base domain, two wildcards for each region.
fn own_names(config: &Config) -> Vec<String> {
    let base = config.base_domain();
    let regions = config.regions.keys();
    let below = |region| {
        // The second is that of private endpoints.
        ["", "vpce."].map(|middle| format!("*.execute-api.{region}.{middle}{base}"))
    };
    let mut names: Vec<String> = regions.flat_map(below).collect();
    names.push(base.to_owned());
    names
}

async fn own_certificate(
    ledger: &Ledger,
    config: &Config,
    (id, names): (&str, Vec<String>),
) -> anyhow::Result<()> {
    let (Some(cluster), Some(region)) = (&config.cluster, config.regions.keys().next()) else {
        return Ok(());
    };
    let fresh = |certificate: &Certificate| {
        certificate.names == names && certificate.not_after_ms > now_ms() + OWN_RENEW_MS
    };
    if config
        .certificates
        .get(id)
        .is_some_and(|known| fresh(known))
    {
        return Ok(());
    }
    let authority = &cluster.authority;
    let authority = Authority::from_der(&authority.certificate_der, &authority.key_der)?;
    let wanted = ServerNames {
        dns: names.clone(),
        ips: Vec::new(),
    };
    let issued = authority.issue_server(&wanted, OWN_TTL, SystemTime::now())?;
    let life = u64::try_from(OWN_TTL.as_millis()).unwrap_or(u64::MAX);
    let certificate = Certificate {
        id: id.into(),
        region: region.clone(),
        names,
        chain_der: issued.chain.iter().map(|part| part.to_vec()).collect(),
        key_der: issued.key.secret_der().to_vec(),
        not_after_ms: now_ms() + life,
        own: true,
        acme: None,
        stored: Revision(0),
    };
    let applied = ledger
        .propose(change("leader", Op::PutCertificate(certificate)))
        .await?;
    applied.outcome?;
    tracing::info!(
        certificate = id,
        "issued a certificate of the cluster's own"
    );
    Ok(())
}
