//! Tags: given when an object is made, altered by calls of their own.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::{
    field::{Field, How},
    path::encoded,
};
use crate::{
    cty::{Value, to_json},
    framework::{Attribute, Call, Note},
};

/// The `tags` of an object.
pub(super) fn field() -> Field {
    Field {
        // Sent with the whole, never with a change.
        once: true,
        how: How::Plain,
        ..Field::plain(
            Attribute::texts_by_name("tags", "Tags by their names."),
            "tags",
        )
    }
}

/// Brings the tags of the object at `resource` from one state to the other.
pub(crate) async fn update(
    call: &Call<'_>,
    resource: &str,
    prior: &Value,
    planned: &Value,
) -> Result<(), Note> {
    let none = BTreeMap::new();
    let (old, new) = (prior.attribute("tags"), planned.attribute("tags"));
    if old == new || new.is_unknown() {
        return Ok(());
    }
    let (old, new) = (old.map().unwrap_or(&none), new.map().unwrap_or(&none));
    let client = call.session.client()?;
    let arn = format!("arn:aws:apigateway:us-east-1::{resource}");
    let path = format!("/tags/{}", encoded(&arn));
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let gone: Vec<String> = gone
        .map(|name| format!("tagKeys={}", encoded(name)))
        .collect();
    if !gone.is_empty() {
        let path = format!("{path}?{}", gone.join("&"));
        let removed = client.send(Method::DELETE, &path, None).await;
        removed.map_err(|error| error.note("remove tags"))?;
    }
    let set = new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value));
    let set: serde_json::Map<_, _> = set
        .map(|(name, value)| (name.clone(), to_json(value)))
        .collect();
    if !set.is_empty() {
        let body = json!({ "tags": set });
        let put = client.send(Method::PUT, &path, Some(&body)).await;
        put.map_err(|error| error.note("set tags"))?;
    }
    Ok(())
}
