//! `IntegrationResponse` of v2: what is made of an answer of a WebSocket API's backend.

use model::{
    IntegrationResponseId, ResourceKind,
    rest::ContentHandling,
    v2::{IntegrationResponse, V2Key, V2Part},
};
use serde_json::Value;

use super::{
    content, kept,
    piece::{self, Piece},
    socket_only, word,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
    v1::view::{View, object},
};

const ALL: &str = "/v2/apis/{api}/integrations/{id}/integrationresponses";
const ONE: &str = "/v2/apis/{api}/integrations/{id}/integrationresponses/{response}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetIntegrationResponses", ALL, list),
    write("CreateIntegrationResponse", "POST", ALL, create),
    read("GetIntegrationResponse", ONE, piece::show::<Responses>),
    write(
        "UpdateIntegrationResponse",
        "PATCH",
        ONE,
        piece::update::<Responses>,
    ),
    write(
        "DeleteIntegrationResponse",
        "DELETE",
        ONE,
        piece::delete::<Responses>,
    ),
];

struct Responses;

impl Piece for Responses {
    type Item = IntegrationResponse;

    const KIND: ResourceKind = ResourceKind::IntegrationResponse;

    fn key(call: &Call<'_>) -> Result<V2Key, Refusal> {
        there(call)?;
        let (integration, id) = (call.argument(1), call.argument(2));
        Ok(V2Key::IntegrationResponse(integration.into(), id.into()))
    }

    fn item(part: V2Part) -> Option<IntegrationResponse> {
        match part {
            V2Part::IntegrationResponse(response) => Some(*response),
            _ => None,
        }
    }

    fn part(response: IntegrationResponse) -> V2Part {
        V2Part::IntegrationResponse(response.into())
    }

    fn read(
        call: &Call<'_>,
        old: Option<IntegrationResponse>,
    ) -> Result<IntegrationResponse, Refusal> {
        let document = &call.document;
        let before = old.unwrap_or_else(|| IntegrationResponse {
            id: IntegrationResponseId::from(ids::short()),
            key: String::new(),
            content_handling: None,
            parameters: [].into(),
            templates: [].into(),
            template_selection: None,
        });
        let key = document.sized("integrationResponseKey", 1, 512)?;
        let word = word(
            document,
            "contentHandlingStrategy",
            ContentHandling::parse,
            ContentHandling::WORDS,
        )?;
        let response = IntegrationResponse {
            id: before.id,
            key: key.unwrap_or(before.key),
            content_handling: word.or(before.content_handling),
            parameters: document
                .map("responseParameters")?
                .unwrap_or(before.parameters),
            templates: document
                .map("responseTemplates")?
                .unwrap_or(before.templates),
            template_selection: kept(
                document,
                "templateSelectionExpression",
                before.template_selection,
            )?,
        };
        let key = response.key.as_str();
        let pattern = key.len() > 2 && key.starts_with('/') && key.ends_with('/');
        if key == "$default" || pattern {
            return Ok(response);
        }
        Err(Refusal::bad(format!(
            "Invalid integrationResponseKey {key}: it must be $default or /a regular expression/"
        )))
    }

    fn shape(response: &IntegrationResponse) -> Value {
        let handling = response.content_handling.map(ContentHandling::as_str);
        View::default()
            .maybe("contentHandlingStrategy", handling)
            .put("integrationResponseId", response.id.as_str())
            .put("integrationResponseKey", response.key.as_str())
            .filled("responseParameters", object(&response.parameters))
            .filled("responseTemplates", object(&response.templates))
            .maybe(
                "templateSelectionExpression",
                response.template_selection.as_deref(),
            )
            .done()
    }
}

/// The integration must be there.
fn there(call: &Call<'_>) -> Result<(), Refusal> {
    let id = call.argument(1);
    let known = content(call.config, call.argument(0))?
        .integrations
        .contains_key(id);
    known
        .then_some(())
        .ok_or_else(|| Refusal::not_found(ResourceKind::Integration, id))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    there(call)?;
    let found = content(call.config, call.argument(0))?
        .integrations
        .get(call.argument(1));
    let all = found
        .into_iter()
        .flat_map(|one| one.mapping.responses.values());
    piece::list::<Responses>(call, all.map(|one| (one.id.as_str(), &**one)))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    there(call)?;
    socket_only(call, "Integration responses")?;
    let integration = call.argument(1).into();
    piece::create::<Responses>(call, |one| {
        V2Key::IntegrationResponse(integration, one.id.clone())
    })
}
