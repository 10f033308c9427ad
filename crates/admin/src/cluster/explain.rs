//! Why a client is sent where it is sent.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::{
    answer::Answer,
    call::Call,
    ports::{Candidate, ExplainRow},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationShape<'a> {
    name: &'a str,
    from: String,
    /// `pop` or `region`.
    kind: &'static str,
    /// `measured`, `coordinates`, `database`, or `name` where nothing is known of the client.
    because: &'static str,
    chosen: Option<String>,
    addresses: Vec<IpAddr>,
    /// A place that would have suited better, but is over its load cap.
    spilled: Option<SpilledShape>,
    scope: u8,
    map_epoch: u64,
    row: Option<RowShape>,
    candidates: Vec<CandidateShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpilledShape {
    from: String,
    share_per_mille: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowShape {
    prefix: String,
    home: String,
    /// Chosen by this prefix's own samples.
    own: bool,
    explore: Option<String>,
    challenger: Option<String>,
    challenger_epochs: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateShape {
    name: String,
    health: &'static str,
    estimate_ms: Option<f64>,
    samples: u32,
    /// By coordinates alone.
    expected_ms: Option<f64>,
    /// Which part of its clients the place takes.
    share_per_mille: u16,
}

pub(super) fn dns(call: &Call<'_>) -> Result<Answer, Refusal> {
    let need = |name: &str| {
        let value = call.query(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::bad(format!("query parameter '{name}' is missing")))
    };
    let (name, from) = (need("name")?, prefix(need("from")?)?);
    let found = call.ports.explain.dns(call.config, name, from);
    let found = found.map_err(Refusal::bad)?;
    Answer::ok(&ExplanationShape {
        name,
        from: found.from.to_string(),
        kind: found.kind,
        because: found.because,
        chosen: found.chosen,
        addresses: found.addresses,
        spilled: found.spilled.map(|(from, share_per_mille)| SpilledShape {
            from,
            share_per_mille,
        }),
        scope: found.scope,
        map_epoch: found.map_epoch,
        row: found.row.map(row),
        candidates: found.candidates.into_iter().map(candidate).collect(),
    })
}

/// A prefix, or an address that stands for what resolvers send of it.
fn prefix(text: &str) -> Result<IpNet, Refusal> {
    if let Ok(prefix) = text.parse::<IpNet>() {
        return Ok(prefix.trunc());
    }
    let bad = |_| Refusal::bad(format!("from '{text}' is neither an address nor a prefix"));
    let address: IpAddr = text.parse().map_err(bad)?;
    let length = if address.is_ipv4() { 24 } else { 56 };
    let prefix = IpNet::new(address, length);
    let prefix = prefix.map_err(|_| Refusal::bad(format!("from '{text}' has no prefix")))?;
    Ok(prefix.trunc())
}

fn row(row: ExplainRow) -> RowShape {
    let (challenger, challenger_epochs) = row.challenger.unzip();
    RowShape {
        prefix: row.prefix.to_string(),
        home: row.home,
        own: row.own,
        explore: row.explore,
        challenger,
        challenger_epochs: challenger_epochs.unwrap_or_default(),
    }
}

fn candidate(candidate: Candidate) -> CandidateShape {
    let ms = |us: u32| f64::from(us) / 1_000.0;
    CandidateShape {
        name: candidate.name,
        health: candidate.health,
        estimate_ms: candidate.estimate_us.map(ms),
        samples: candidate.samples,
        expected_ms: candidate.expected_us.map(ms),
        share_per_mille: candidate.share,
    }
}
