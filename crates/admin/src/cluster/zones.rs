//! DNS zones and their fixed records.

use http::StatusCode;
use model::{
    Config, Op, Record, ResourceKind, Zone, ZoneReplacement,
    codec::{Level, Only},
    rest::Seen,
};
use serde::Serialize;

use super::{list as list_of, rdata};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    refusal::Refusal,
};

/// Seconds.
const TTL_S: i64 = 300;
/// What a writer says who saw no zone.
const NONE: &str = "none";
/// From which format on a change can depend on what its writer saw.
const CONDITIONS: Level = Level::numbered(2);
/// RFC 2181, section 8.
const TTL_S_MAX: i64 = 0x7fff_ffff;

#[derive(Serialize)]
struct ZoneShape<'a> {
    name: &'a str,
    records: Vec<RecordShape<'a>>,
    /// Another one for other records.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

#[derive(Serialize)]
struct RecordShape<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    ttl: u32,
    value: String,
}

/// As it stands in answers; nothing where a change could not depend on it.
fn etag(config: &Config, zone: &Zone) -> Option<String> {
    match Seen::of(Some(&zone.records)) {
        Seen::This(digest) if config.format() >= CONDITIONS => Some(format!("{digest:016x}")),
        _ => None,
    }
}

/// What the caller saw, if it says so.
fn seen(document: &Document) -> Result<Option<Seen>, Refusal> {
    let Some(text) = document.text("etag")? else {
        return Ok(None);
    };
    if text == NONE {
        return Ok(Some(Seen::Nothing));
    }
    let digest = u64::from_str_radix(&text, 16);
    let wrong = || Refusal::bad(format!("etag must be that of an answer, or {NONE}"));
    Ok(Some(Seen::This(digest.map_err(|_| wrong())?)))
}

fn shape<'z>(config: &Config, zone: &'z Zone) -> ZoneShape<'z> {
    let records = zone.records.iter().map(|one| {
        let (kind, value) = rdata::show(&one.value);
        RecordShape {
            name: &one.name,
            kind,
            ttl: one.ttl,
            value,
        }
    });
    ZoneShape {
        name: &zone.name,
        records: records.collect(),
        etag: etag(config, zone),
    }
}

fn render(config: &Config, name: &str, status: StatusCode) -> Result<Answer, Refusal> {
    let found = config.zones.get(name);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Zone, name))?;
    Answer::json(status, &shape(config, found))
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let zones = call.config.zones.values();
    list_of(zones.map(|zone| shape(call.config, zone)))
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    render(call.config, &dns_name(call.argument(0))?, StatusCode::OK)
}

pub(super) fn put(call: &Call<'_>) -> Result<Write, Refusal> {
    let name = dns_name(call.argument(0))?;
    let records = call.document.objects("records")?.unwrap_or_default();
    let records = records.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    // The cluster answers names of endpoints itself.
    let generated = |record: &&Record| record.name.split('.').any(|label| label == "execute-api");
    if let Some(record) = records.iter().find(generated) {
        let name = &record.name;
        return Err(Refusal::bad(format!(
            "{name} is a name that the cluster gives out itself"
        )));
    }
    let zone = Zone {
        name: name.clone(),
        records,
        // Kept as they are by whoever applies this.
        keys: Vec::new(),
    };
    let op = match seen(&call.document)? {
        Some(seen) => Op::ReplaceZone(Box::new(Only(ZoneReplacement { zone, seen }))),
        None => Op::PutZone(zone),
    };
    Ok(Write::showing(op, move |config| {
        render(config, &name, StatusCode::OK)
    }))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteZone(dns_name(call.argument(0))?)))
}

fn record(document: &Document) -> Result<Record, Refusal> {
    let name = dns_name(&document.required("name", 254)?)?;
    let ttl = document.integer("ttl", 0, TTL_S_MAX)?.unwrap_or(TTL_S);
    let value = document.required("value", rdata::VALUE_BYTES_MAX)?;
    let kind = document.required("type", 16)?;
    let Some(value) = rdata::read(&kind, &value)? else {
        let kinds = rdata::KINDS;
        return Err(Refusal::bad(format!("type must be {kinds}, not {kind}")));
    };
    Ok(Record {
        name,
        ttl: u32::try_from(ttl).unwrap_or_default(),
        value,
    })
}

/// Lower case without a final dot; labels of letters, digits, `-`, `_`, or `*` alone.
pub(super) fn dns_name(text: &str) -> Result<String, Refusal> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let label =
        |label: &str| label == "*" || ((1..=63).contains(&label.len()) && label.chars().all(plain));
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(name);
    }
    Err(Refusal::bad(format!("{text} is no DNS name")))
}
