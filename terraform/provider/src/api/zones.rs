//! DNS zones that the cluster answers for, and their records.
//!
//! The API knows a zone as a whole. Records of several resources are put into one zone by reading
//! it, altering it and putting it back; within one run of Terraform these take turns. Two runs at
//! the same time on one zone may undo each other's records, as the next plan shows.

use async_trait::async_trait;
use http::Method;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::{rdata, table::encoded};
use crate::{
    cty::{Type, Value, from_json},
    framework::{Attribute, Call, Check, Failure, Note, Resource, Schema},
    session::WaitFor,
};

pub(super) fn all() -> Vec<Box<dyn Resource>> {
    vec![Box::new(Zone), Box::new(Record)]
}

const LIST: &str = "/edgeway/v1/zones";

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
async fn records(call: &Call<'_>, zone: &str) -> Result<Option<Vec<Json>>, Note> {
    let path = format!("{LIST}/{}", encoded(zone));
    let found = call.session.client()?.find(&path).await;
    let found = found.map_err(|error| error.note("read the zone"))?;
    Ok(found.map(|zone| zone["records"].as_array().cloned().unwrap_or_default()))
}

/// Puts the zone with these records.
async fn put(call: &Call<'_>, zone: &str, records: Vec<Json>, object: &Value) -> Result<(), Note> {
    let path = format!("{LIST}/{}", encoded(zone));
    let body = json!({ "records": records });
    let written = call
        .session
        .client()?
        .send(Method::PUT, &path, Some(&body))
        .await;
    let written = written.map_err(|error| error.note("write the zone"))?;
    call.session.settle(object, written).await.map(drop)
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
        if records(call, name).await?.is_some() {
            let detail = format!("Import {name:?} instead of making it.");
            return Err(Note::error("The zone is there already", detail).into());
        }
        put(call, name, Vec::new(), planned).await?;
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
        let zone = known.text("zone").unwrap_or_default();
        let Some(mut all) = records(call, zone).await? else {
            if values.is_empty() {
                return Ok(());
            }
            let detail = format!("{zone:?} is no zone of the cluster.");
            return Err(Note::error("There is no such zone", detail));
        };
        all.retain(|one| !is_of(one, known));
        for value in values {
            all.push(json!({
                "name": known.text("name"),
                "type": known.text("type"),
                "ttl": known.whole("ttl"),
                "value": value,
            }));
        }
        let put = put(call, zone, all, known).await;
        // The zone is refused as a whole; which value it was is in what is said.
        put.map_err(|note| {
            let named = values.iter().any(|value| note.detail.contains(value));
            let at = || crate::framework::Path::of("values");
            if named { note.at(at()) } else { note }
        })
    }

    async fn write(&self, call: &mut Call<'_>, planned: &Value) -> Result<Value, Failure> {
        self.replace(call, planned, &planned.texts("values"))
            .await?;
        let zone = planned.text("zone").unwrap_or_default();
        let all = records(call, zone).await?.unwrap_or_default();
        let lost = || Note::error("The records are gone", "Somebody else alters the zone.");
        let state = Self::state(planned, &all).ok_or_else(lost)?;
        let (wanted, made) = (planned.texts("values"), state.texts("values"));
        if let Some(odd) = wanted.iter().find(|value| !made.contains(value)) {
            let detail = format!("Of {odd:?} the cluster has made one of {made:?}: write that.");
            let note = Note::error("The value is written in another way", detail);
            return Err(note.at(crate::framework::Path::of("values")).into());
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
        let note = || Note::error("No values", detail).at(crate::framework::Path::of("values"));
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
