//! Renews this node's certificate at two thirds of its life, from any region.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use link::{CertificateRequest, CredentialStore, Credentials, Service};
use tokio::sync::watch;

use super::{
    control::Control,
    directory::Seeds,
    message::{self, RenewAnswer, RenewRequest},
};

const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(60);

/// Keeps the certificate fresh until the process drains.
pub(crate) async fn keep_fresh(
    credentials: CredentialStore,
    folder: PathBuf,
    control: Arc<Control>,
    seeds: watch::Receiver<Seeds>,
    drain: serve::Drain,
) {
    loop {
        let due = credentials.current().renew_at();
        let wait = due.duration_since(SystemTime::now()).unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = drain.begun() => return,
        }
        if renew_and_tell(&credentials, &folder, &control, &seeds).await {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = drain.begun() => return,
        }
    }
}

async fn renew_and_tell(
    credentials: &CredentialStore,
    folder: &std::path::Path,
    control: &Control,
    seeds: &watch::Receiver<Seeds>,
) -> bool {
    let renewed = renew(credentials, folder, control, seeds).await;
    match &renewed {
        Ok(()) => tracing::info!("the node's certificate is renewed"),
        Err(error) => {
            tracing::error!(%error, "cannot renew the node's certificate; trying again");
        }
    }
    renewed.is_ok()
}

async fn renew(
    credentials: &CredentialStore,
    folder: &std::path::Path,
    control: &Control,
    seeds: &watch::Receiver<Seeds>,
) -> anyhow::Result<()> {
    let request = CertificateRequest::fresh()?;
    let body = message::encode(&RenewRequest {
        csr_der: request.csr_der().to_vec(),
    })?;
    let mut last = anyhow::anyhow!("no region is known");
    let known = Seeds::clone(&seeds.borrow());
    for seed in known.iter() {
        let peer = control.peer_at(seed.node, seed.link);
        match peer.rpc(Service::Renew, body.clone(), TIMEOUT).await {
            Ok(answer) => {
                let answer: RenewAnswer = message::decode(&answer)?;
                let fresh = Credentials::from_csr(&request, answer.chain_der, answer.ca_der)?;
                fresh.store(folder)?;
                credentials.replace(fresh)?;
                return Ok(());
            }
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}
