//! Phase: required parameters are there, and the body fits its model.
//!
//! Only presence of parameters is checked, never their type, and all that are missing are named at
//! once. Nothing is said to the client about what is wrong with a body; its owner's gateway
//! responses and logs have the sentences.

use lang::{
    json::{Document, Notes},
    json_schema::Schema,
    media,
};
use model::rest::GatewayResponseType as Kind;
use plan::region::rest::{BodyModel, MethodPlan, Place, Required};

use crate::{
    fault::Fault,
    rest::{Exchange, Refusal, body::Noted},
};

/// Lets a request go on that has what its method wants.
pub(crate) async fn run(exchange: &mut Exchange<'_>) -> Result<(), Fault> {
    let plan: &MethodPlan = exchange.matched()?.method;
    let wanted = &plan.validation;
    // Where the method itself is broken, nobody can do anything about a parameter.
    if wanted.is_empty() || plan.broken.is_some() {
        return Ok(());
    }
    parameters(exchange, &wanted.parameters)?;
    let content_type = exchange.header("content-type");
    let bodies = wanted.bodies.as_ref();
    match bodies.and_then(|bodies| media::for_request(bodies, content_type)) {
        None | Some(BodyModel::Anything) => Ok(()),
        Some(BodyModel::Schema(schema)) => {
            let schema = std::sync::Arc::clone(schema);
            let body = exchange.body.whole().await?.clone();
            let notes = check(&schema, &body)?;
            exchange.noted = notes.map(|notes| Noted::new(body, notes));
            Ok(())
        }
    }
}

fn parameters(exchange: &Exchange<'_>, required: &[Required]) -> Result<(), Fault> {
    let missing: Vec<&str> = required
        .iter()
        .filter(|one| !is_there(exchange, one))
        .map(|one| one.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let words = format!(
        "Missing required request parameters: [{}]",
        missing.join(", ")
    );
    let refusal = Refusal::of(Kind::BadRequestParameters, "missing_parameters");
    Err(refusal.with_message(words).into())
}

/// A blank value counts as none.
fn is_there(exchange: &Exchange<'_>, wanted: &Required) -> bool {
    let parameters = &exchange.parameters;
    let name = wanted.name.as_str();
    match wanted.place {
        Place::Header => {
            let values = exchange.headers.get_all(name);
            values
                .iter()
                .any(|value| !value.as_bytes().trim_ascii().is_empty())
        }
        Place::Query => parameters
            .querystring
            .iter()
            .any(|(found, value)| found == name && !value.trim().is_empty()),
        Place::Path => parameters
            .path
            .iter()
            .any(|(found, value)| found == name && !value.is_empty()),
    }
}

/// An absent body is checked as an empty object. What was found out about another is given back,
/// for templates to use.
fn check(schema: &Schema, body: &[u8]) -> Result<Option<Notes>, Fault> {
    let body = if body.is_empty() { b"{}" } else { body };
    let not_json = |error: &dyn std::fmt::Display| vec![format!("body is not JSON: {error}")];
    let text = std::str::from_utf8(body).map_err(|error| not_json(&error));
    let found = text.and_then(|text| {
        let document = Document::read(text).map_err(|error| not_json(&error))?;
        schema.check(document.root())?;
        Ok(document.into_notes())
    });
    found.map_err(|sentences| {
        let sentences = format!("[{}]", sentences.join(", "));
        let mut refusal = Refusal::of(Kind::BadRequestBody, "invalid_body");
        refusal.validation = Some(sentences.clone());
        refusal.saying(sentences).into()
    })
}
