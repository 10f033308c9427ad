//! DNS zones that the cluster answers for, and their records.
//!
//! The API knows a zone as a whole. Records of several resources are put into one zone by reading
//! it, altering it and putting it back; within one run of Terraform these take turns. Against other
//! runs and people, the zone is only put back if it still is what was read; otherwise it is read
//! again.

use std::time::Duration;

use async_trait::async_trait;
use rand::RngExt as _;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::{rdata, table::encoded};
use crate::{
    client::Kind,
    cty::{Type, Value, from_json},
    framework::{Attribute, Call, Check, Failure, Note, Path, Resource, Schema},
    session::WaitFor,
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(Zone), Box::new(Record)]
}

const LIST: &str = "/edgeway/v1/zones";

/// From this format on, a zone can be put on condition.
const CONDITIONS: i64 = 2;
/// How often a zone is altered again after somebody else was faster.
const TRIES_MAX: u32 = 40;
/// Longest pause before that, in milliseconds.
const PAUSE_MS_MAX: u64 = 400;

/// A zone as it was read.
struct Found {
    records: Vec<Json>,
    /// What putting it depends on; a cluster of an older format has none.
    etag: Option<Json>,
}

/// Whoever alters a zone holds this.
static TURN: Mutex<()> = Mutex::const_new(());

fn wait_for() -> Attribute {
    Attribute::text(
        "wait_for",
        "When a change is finished: `leader` or `pops`. The provider's unless given.",
    )
    .check(Check::OneOf(WaitFor::WORDS))
}

/// The zone's records as the API has them now; none if there is no such zone.
async fn zone(call: &Call<'_>, zone: &str) -> Result<Option<Found>, Note> {
    let path = format!("{LIST}/{}", encoded(zone));
    let found = call.session.client()?.find(&path).await;
    let found = found.map_err(|error| error.note("read the zone"))?;
    Ok(found.map(|zone| Found {
        records: zone["records"].as_array().cloned().unwrap_or_default(),
        etag: zone.get("etag").cloned(),
    }))
}

/// Puts the zone with these records. False: somebody else has altered it since it was read.
async fn put(call: &Call<'_>, zone: &str, found: Found, object: &Value) -> Result<bool, Note> {
    let path = format!("{LIST}/{}", encoded(zone));
    let mut body = json!({ "records": found.records });
    if let Some(etag) = found.etag {
        body["etag"] = etag;
    }
    match call.session.client()?.put_seen(&path, &body).await {
        Ok(written) => {
            call.session.settle(object, written).await?;
            Ok(true)
        }
        Err(error) if error.kind() == Kind::Concurrent => Ok(false),
        Err(error) => Err(error.note("write the zone")),
    }
}

/// Whether the cluster's format has conditions: without, there is no etag for a zone that is new.
async fn knows_conditions(call: &Call<'_>) -> Result<bool, Note> {
    let status = call.session.client()?.get("/edgeway/v1/status").await;
    let status = status.map_err(|error| error.note("read the cluster's status"))?;
    let format = status.pointer("/cluster/format").and_then(Json::as_i64);
    Ok(format.is_some_and(|format| format >= CONDITIONS))
}

/// A pause that is another one for each of those who were too late.
async fn step_back() {
    let pause = rand::rng().random_range(1..PAUSE_MS_MAX);
    tokio::time::sleep(Duration::from_millis(pause)).await;
}

fn lower(text: &str) -> Result<(), String> {
    let plain = !text.ends_with('.') && text == text.to_ascii_lowercase();
    let problem = || format!("Write {text:?} in lower case and without a final dot.");
    plain.then_some(()).ok_or_else(problem)
}

struct Zone;

#[async_trait]
impl Resource for Zone {
    fn name(&self) -> &'static str {
        "edgeway_dns_zone"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A DNS zone that the cluster answers for. Its records are `edgeway_dns_record`; \
             deleting the zone deletes whatever is in it.",
        )
        .with(Attribute::id("The zone's name."))
        .with(
            Attribute::text("name", "The name, in lower case.")
                .required()
                .replaces()
                .check(Check::Text(lower)),
        )
        .with(wait_for())
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        let _turn = TURN.lock().await;
        let name = planned.text("name").unwrap_or_default();
        let there = || {
            let detail = format!("Import {name:?} instead of making it.");
            Note::error("The zone is there already", detail)
        };
        if zone(call, name).await?.is_some() {
            return Err(there().into());
        }
        let new = Found {
            records: Vec::new(),
            etag: knows_conditions(call).await?.then(|| json!("none")),
        };
        if !put(call, name, new, planned).await? {
            return Err(there().into());
        }
        Ok(Value::object().with("id", name))
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let id = state.text("id").unwrap_or_default();
        let zones = call.session.client()?.list(LIST).await;
        let zones = zones.map_err(|error| error.note("read the zones"))?;
        let found = zones.iter().any(|zone| zone["name"] == id);
        Ok(found.then(|| Value::object().with("id", id).with("name", id)))
    }

    async fn update(
        &self,
        _call: &mut Call<'_>,
        prior: &Value,
        _planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        Ok(Value::object().with("id", prior.text("id")))
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let _turn = TURN.lock().await;
        let path = format!("{LIST}/{}", encoded(state.text("id").unwrap_or_default()));
        let removed = call.session.client()?.remove(&path).await;
        Ok(removed.map_err(|error| error.note("delete the zone"))?)
    }
}

struct Record;

/// Whether a record of the API is of the resource.
fn is_of(record: &Json, state: &Value) -> bool {
    record["name"].as_str() == state.text("name") && record["type"].as_str() == state.text("type")
}

impl Record {
    fn state(known: &Value, records: &[Json]) -> Option<Value> {
        let own: Vec<&Json> = records.iter().filter(|one| is_of(one, known)).collect();
        let first = own.first()?;
        let part = |name: &str| known.text(name).unwrap_or_default();
        // As it was written, if that means the same as what the API shows.
        let written = known.texts("values");
        let values = own.iter().map(|one| {
            let shown = one["value"].as_str().unwrap_or_default();
            let same = |way: &&String| rdata::is_same(part("type"), way, shown);
            written.iter().find(same).map_or_else(
                || from_json(&one["value"], &Type::String),
                |way| Value::from(way.as_str()),
            )
        });
        let id = format!("{}/{}/{}", part("zone"), part("name"), part("type"));
        Some(
            Value::object()
                .with("id", id)
                .with("ttl", from_json(&first["ttl"], &Type::Number))
                .with("values", Value::List(values.collect())),
        )
    }

    /// Puts the resource's records in the place of those that are there.
    async fn replace(&self, call: &Call<'_>, known: &Value, values: &[String]) -> Result<(), Note> {
        let _turn = TURN.lock().await;
        let name = known.text("zone").unwrap_or_default();
        for _ in 0..TRIES_MAX {
            let Some(mut found) = zone(call, name).await? else {
                if values.is_empty() {
                    return Ok(());
                }
                let detail = format!("{name:?} is no zone of the cluster.");
                let note = Note::error("There is no such zone", detail);
                return Err(note.at(Path::of("zone")));
            };
            found.records.retain(|one| !is_of(one, known));
            for value in values {
                found.records.push(json!({
                    "name": known.text("name"),
                    "type": known.text("type"),
                    "ttl": known.whole("ttl"),
                    "value": value,
                }));
            }
            let put = put(call, name, found, known).await;
            // The zone is refused as a whole; which value it was is in what is said.
            let put = put.map_err(|note| {
                let named = values.iter().any(|value| note.detail.contains(value));
                let at = || Path::of("values");
                if named { note.at(at()) } else { note }
            })?;
            if put {
                return Ok(());
            }
            step_back().await;
        }
        let detail = format!("Others altered {name:?} {TRIES_MAX} times in the meantime.");
        Err(Note::error("The zone could not be altered", detail))
    }

    async fn write(&self, call: &mut Call<'_>, planned: &Value) -> Result<Value, Failure> {
        self.replace(call, planned, &planned.texts("values"))
            .await?;
        let found = zone(call, planned.text("zone").unwrap_or_default()).await?;
        let all = found.map(|found| found.records).unwrap_or_default();
        let lost = || Note::error("The records are gone", "Somebody else alters the zone.");
        let state = Self::state(planned, &all).ok_or_else(lost)?;
        let (wanted, made) = (planned.texts("values"), state.texts("values"));
        if let Some(odd) = wanted.iter().find(|value| !made.contains(value)) {
            let detail = format!("Of {odd:?} the cluster has made one of {made:?}: write that.");
            let note = Note::error("The value is written in another way", detail);
            return Err(note.at(Path::of("values")).into());
        }
        Ok(state)
    }
}

#[async_trait]
impl Resource for Record {
    fn name(&self) -> &'static str {
        "edgeway_dns_record"
    }

    fn schema(&self) -> Schema {
        Schema::new("All records of one name and type in a zone.")
            .with(Attribute::id("Zone, name and type, as it is imported."))
            .with(
                Attribute::text("zone", "The zone's name.")
                    .required()
                    .replaces(),
            )
            .with(
                Attribute::text("name", "The whole name, in lower case.")
                    .required()
                    .replaces()
                    .check(Check::Text(lower)),
            )
            .with(
                Attribute::text("type", "The type, such as `A`, `CNAME` or `TXT`.")
                    .required()
                    .replaces(),
            )
            .with(
                Attribute::number("ttl", "How long resolvers keep it, seconds.")
                    .or(300)
                    .check(Check::Range(0, 0x7fff_ffff)),
            )
            .with(Attribute::text_set("values", "The values, as in a zone file.").required())
            .with(wait_for())
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let values = config.attribute("values");
        let detail = "A record without values is none: leave the resource out.";
        let note = || Note::error("No values", detail).at(Path::of("values"));
        let none = values.is_set() && values.is_empty();
        none.then(note).into_iter().collect()
    }

    async fn create(
        &self,
        call: &mut Call<'_>,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        self.write(call, planned).await
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let zones = call.session.client()?.list(LIST).await;
        let zones = zones.map_err(|error| error.note("read the zones"))?;
        let wanted = state.text("zone");
        let zone = zones.iter().find(|zone| zone["name"].as_str() == wanted);
        let records = zone.and_then(|zone| zone["records"].as_array());
        Ok(records.and_then(|records| Self::state(state, records)))
    }

    async fn update(
        &self,
        call: &mut Call<'_>,
        _prior: &Value,
        planned: &Value,
        _config: &Value,
    ) -> Result<Value, Failure> {
        self.write(call, planned).await
    }

    async fn delete(&self, call: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        Ok(self.replace(call, state, &[]).await?)
    }

    async fn import(&self, _call: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        let parts: Vec<&str> = id.split('/').collect();
        let [zone, name, kind] = parts.as_slice() else {
            let detail = format!("{id:?} is not of the form {}.", self.import_form());
            return Err(Note::error("That names no records", detail).into());
        };
        let state = Value::object().with("zone", *zone).with("name", *name);
        Ok(state.with("type", *kind))
    }

    fn import_form(&self) -> &'static str {
        "ZONE/NAME/TYPE"
    }
}
