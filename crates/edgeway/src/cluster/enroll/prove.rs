//! A node without a token enters the cluster by what it can prove.
//!
//! Regions that cannot be reached, or cannot decide now, are asked again with a fresh proof and the
//! same request for a certificate, so that an answer that was lost is given once more. A refusal is
//! final: what is wrong then is for somebody to mend.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::anyhow;
use bytes::Bytes;
use link::{CertificateRequest, Credentials};
use model::codec::{Level, Since};
use tokio::time::Instant;

use super::{Applicant, JOIN_TIMEOUT, keep};
use crate::{
    cluster::{
        message::{self, JoinRequest, OfferedProof, Refusal},
        proof,
    },
    settings::{Identity, Join},
};

/// Between two rounds; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// Why a round has failed.
enum Failed {
    /// It may be otherwise in a moment.
    ForNow(anyhow::Error),
    ForGood(anyhow::Error),
}

/// Proves what settings say, and stores the identity under `identity_dir`.
pub(crate) async fn join(
    (settings, identity): (&Join, &Identity),
    (role, applicant): (&str, Applicant),
    data_dir: &Path,
    identity_dir: &Path,
) -> anyhow::Result<Credentials> {
    let request = CertificateRequest::fresh()?;
    let give_up = Instant::now() + Duration::from_secs(settings.patience_s);
    let mut pause = PAUSE_MIN;
    loop {
        let error = match round((settings, identity), (role, &applicant), &request).await {
            Ok(answer) => return keep(&answer, &request, data_dir, identity_dir),
            Err(Failed::ForGood(error)) => return Err(error),
            Err(Failed::ForNow(error)) => error,
        };
        if Instant::now() + pause >= give_up {
            let waited = settings.patience_s;
            return Err(error.context(format!("could not join within {waited} s")));
        }
        tracing::warn!(error = format!("{error:#}"), "not joined yet; tries again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Asks each region once.
async fn round(
    (settings, identity): (&Join, &Identity),
    (role, applicant): (&str, &Applicant),
    request: &CertificateRequest,
) -> Result<Bytes, Failed> {
    let authority = settings.authority();
    let authority = authority.map_err(|error| Failed::ForGood(error.into()))?;
    let proof = proof::obtain(identity).await.map_err(Failed::ForNow)?;
    let offered = OfferedProof {
        policy: settings.policy.clone().unwrap_or_default(),
        role: role.to_owned(),
        place: settings.place.clone(),
        proof,
    };
    let body = JoinRequest {
        format: Level::NEWEST,
        token: String::new(),
        secret: [0; 32],
        csr_der: request.csr_der().to_vec(),
        link: applicant.link,
        public: applicant.public.clone(),
        management: applicant.management.clone(),
        location: applicant.location,
        offered: Since(Some(offered)),
    };
    let body = message::encode_proof(&body);
    let body = body.map_err(|error| Failed::ForGood(error.into()))?;
    let mut last = anyhow!("settings key 'join.regions' names no region");
    for region in &settings.regions {
        let addrs: Vec<SocketAddr> = match tokio::net::lookup_host(region).await {
            Ok(addrs) => addrs.collect(),
            Err(error) => {
                last = anyhow::Error::new(error).context(format!("looking up {region}"));
                continue;
            }
        };
        for addr in addrs {
            match link::join(addr, authority, body.clone(), JOIN_TIMEOUT).await {
                Ok(answer) => return Ok(answer),
                Err(link::RpcError::Refused(refused))
                    if refused.code != Refusal::Unavailable as u16 =>
                {
                    let refused = anyhow::Error::new(refused);
                    return Err(Failed::ForGood(
                        refused.context(format!("joining at {region}")),
                    ));
                }
                Err(error) => {
                    last = anyhow::Error::new(error).context(format!("joining at {addr}"));
                }
            }
        }
    }
    Err(Failed::ForNow(last))
}
