//! `RouteResponse` of v2: how clients of a WebSocket API are answered.

use std::collections::BTreeMap;

use model::{
    ResourceKind, RouteResponseId,
    v2::{RouteResponse, V2Key, V2Part},
};
use serde_json::Value;

use super::{
    content, kept,
    piece::{self, Piece},
    routes, socket_only,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
    v1::view::{View, object},
};

const ALL: &str = "/v2/apis/{api}/routes/{id}/routeresponses";
const ONE: &str = "/v2/apis/{api}/routes/{id}/routeresponses/{response}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetRouteResponses", ALL, list),
    write("CreateRouteResponse", "POST", ALL, create),
    read("GetRouteResponse", ONE, piece::show::<Responses>),
    write(
        "UpdateRouteResponse",
        "PATCH",
        ONE,
        piece::update::<Responses>,
    ),
    write(
        "DeleteRouteResponse",
        "DELETE",
        ONE,
        piece::delete::<Responses>,
    ),
];

struct Responses;

impl Piece for Responses {
    type Item = RouteResponse;

    const KIND: ResourceKind = ResourceKind::RouteResponse;

    fn key(call: &Call<'_>) -> Result<V2Key, Refusal> {
        there(call)?;
        let (route, id) = (call.argument(1), call.argument(2));
        Ok(V2Key::RouteResponse(route.into(), id.into()))
    }

    fn item(part: V2Part) -> Option<RouteResponse> {
        match part {
            V2Part::RouteResponse(response) => Some(*response),
            _ => None,
        }
    }

    fn part(response: RouteResponse) -> V2Part {
        V2Part::RouteResponse(response.into())
    }

    fn read(call: &Call<'_>, old: Option<RouteResponse>) -> Result<RouteResponse, Refusal> {
        let document = &call.document;
        let before = old.unwrap_or_else(|| RouteResponse {
            id: RouteResponseId::from(ids::short()),
            key: String::new(),
            model_selection: None,
            models: BTreeMap::new(),
            parameters: BTreeMap::new(),
        });
        let key = document
            .sized("routeResponseKey", 1, 512)?
            .unwrap_or(before.key);
        if key != "$default" {
            return Err(Refusal::bad(format!(
                "Invalid routeResponseKey {key}: it must be $default"
            )));
        }
        Ok(RouteResponse {
            id: before.id,
            key,
            model_selection: kept(document, "modelSelectionExpression", before.model_selection)?,
            models: document.map("responseModels")?.unwrap_or(before.models),
            parameters: match document.object("responseParameters")? {
                Some(given) => routes::constraints(&given)?,
                None => before.parameters,
            },
        })
    }

    fn shape(response: &RouteResponse) -> Value {
        View::default()
            .maybe(
                "modelSelectionExpression",
                response.model_selection.as_deref(),
            )
            .filled("responseModels", object(&response.models))
            .filled(
                "responseParameters",
                routes::constraints_shape(&response.parameters),
            )
            .put("routeResponseId", response.id.as_str())
            .put("routeResponseKey", response.key.as_str())
            .done()
    }
}

/// The route must be there.
fn there(call: &Call<'_>) -> Result<(), Refusal> {
    let id = call.argument(1);
    let known = content(call.config, call.argument(0))?
        .routes
        .contains_key(id);
    known
        .then_some(())
        .ok_or_else(|| Refusal::not_found(ResourceKind::Route, id))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    there(call)?;
    let found = content(call.config, call.argument(0))?
        .routes
        .get(call.argument(1));
    let all = found
        .into_iter()
        .flat_map(|one| one.rules.responses.values());
    piece::list::<Responses>(call, all.map(|one| (one.id.as_str(), &**one)))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    there(call)?;
    socket_only(call, "Route responses")?;
    let route = call.argument(1).into();
    piece::create::<Responses>(call, |one| V2Key::RouteResponse(route, one.id.clone()))
}
