//! Clusters: their secrets, places, nodes and tokens, and nodes that run on this machine.
//!
//! What belongs to APIs is in `api`. Making machines in clouds is for the clouds' own providers:
//! here is what those machines are given, and how the cluster learns of them.

mod bootstrap;
mod health;
mod issued;
mod join_policy;
mod leave;
mod local;
mod node;
mod node_config;
mod places;
mod render;
mod secrets;
mod token;

use serde_json::Value as Json;

use crate::{
    client::{CallError, Kind},
    cty::Value,
    framework::{Attribute, Call, DataSource, EphemeralResource, Note, Resource},
};

pub(crate) fn resources() -> Vec<Box<dyn Resource>> {
    vec![
        Box::new(bootstrap::ClusterBootstrap),
        Box::new(issued::IssuedCertificate),
        Box::new(join_policy::JoinPolicy),
        Box::new(local::LocalNode),
        Box::new(node::ClusterNode),
        Box::new(places::REGION),
        Box::new(places::POP),
        Box::new(secrets::ClusterSecrets),
        Box::new(token::EnrollmentToken),
    ]
}

pub(crate) fn data_sources() -> Vec<Box<dyn DataSource>> {
    vec![
        Box::new(health::ClusterHealth),
        Box::new(node_config::NodeConfig),
    ]
}

pub(crate) fn ephemerals() -> Vec<Box<dyn EphemeralResource>> {
    vec![
        Box::new(secrets::FreshSecrets),
        Box::new(token::PassingToken),
    ]
}

/// Degrees, both or none.
fn location() -> [Attribute; 2] {
    [
        Attribute::number("latitude", "Degrees, -90 to 90."),
        Attribute::number("longitude", "Degrees, -180 to 180."),
    ]
}

/// What `read` gives for an object that was looked for. While no endpoint answers, the last known
/// state stays: after a restart of the machine the local nodes could otherwise not be planned, and
/// so never be started again.
fn found(
    call: &mut Call<'_>,
    known: &Value,
    answer: Result<Option<Value>, CallError>,
    what: &str,
) -> Result<Option<Value>, Note> {
    match answer {
        Ok(found) => Ok(found),
        Err(error) if error.kind() == Kind::NotSent => {
            let detail = format!(
                "{error}. The last known state is taken for the present one. If the cluster's own \
                 nodes are down, apply what starts them first, such as `-target=module.cluster`."
            );
            call.notes
                .push(Note::warning("No endpoint answers", detail));
            Ok(Some(known.clone()))
        }
        Err(error) => Err(error.note(what)),
    }
}

/// The object of a list in which `name` is `value`. Lists are read once for all objects of a run.
async fn listed(
    call: &Call<'_>,
    list: &str,
    name: &str,
    value: &Value,
) -> Result<Result<Option<Json>, CallError>, Note> {
    let items = call.session.client()?.list(list).await;
    let is = |item: &&Json| text(item, name) == *value || whole(item, name) == *value;
    Ok(items.map(|items| items.iter().find(is).cloned()))
}

/// A text of an answer.
fn text(json: &Json, name: &str) -> Value {
    json.get(name).and_then(Json::as_str).into()
}

/// A whole number of an answer.
fn whole(json: &Json, name: &str) -> Value {
    json.get(name).and_then(Json::as_i64).into()
}

fn flag(json: &Json, name: &str) -> Value {
    json.get(name).and_then(Json::as_bool).into()
}
