//! `IntegrationResponse`: how a backend's answer becomes the client's.

use http::StatusCode;
use model::{
    Config,
    rest::{ContentHandling, IntegrationResponse, RestKey, RestPart},
};
use serde_json::Value;

use super::{
    checks,
    kind::{self, Key, Kind, Part},
    methods,
    patch::{ARD, Absent, Holds, R, Rule, rule},
    view::{View, object},
};
use crate::{
    call::Call,
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ONE: &str =
    "/restapis/{api}/resources/{resource}/methods/{verb}/integration/responses/{status}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetIntegrationResponse", ONE, kind::show::<Responses>),
    write("PutIntegrationResponse", "PUT", ONE, kind::put::<Responses>),
    write(
        "UpdateIntegrationResponse",
        "PATCH",
        ONE,
        kind::update::<Responses>,
    ),
    write(
        "DeleteIntegrationResponse",
        "DELETE",
        ONE,
        kind::delete::<Responses>,
    ),
];

struct Responses;

impl Kind for Responses {
    type Item = IntegrationResponse;

    const RULES: &'static [Rule] = &[
        rule("/contentHandling", R, Holds::Text),
        rule("/selectionPattern", R, Holds::Text),
        rule(
            "/responseParameters/*",
            ARD,
            Holds::Entry(Absent::Parameter),
        ),
        rule(
            "/responseTemplates/*",
            ARD,
            Holds::Entry(Absent::ContentType),
        ),
    ];
    const DELETED: StatusCode = StatusCode::NO_CONTENT;

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let status = checks::status_code(call.argument(3))?;
        let (id, verb, _) = methods::found(call)?;
        let key = RestKey::IntegrationResponse(id, verb, status);
        Ok(Key::Rest(call.argument(0).into(), key))
    }

    fn missing(call: &Call<'_>) -> Refusal {
        let method = methods::found(call);
        let text = match method.map(|(_, _, method)| method.integration.is_some()) {
            Ok(true) => "Invalid Response status code specified",
            _ => "Invalid Integration identifier specified",
        };
        Refusal::Missing(text.to_owned())
    }

    fn item(part: Part) -> Option<IntegrationResponse> {
        match part {
            Part::Rest(RestPart::IntegrationResponse(response)) => Some(*response),
            _ => None,
        }
    }

    fn part(response: IntegrationResponse) -> Part {
        Part::Rest(RestPart::IntegrationResponse(response.into()))
    }

    fn view(response: &IntegrationResponse) -> Value {
        fields(response).done()
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        _old: Option<&IntegrationResponse>,
    ) -> Result<IntegrationResponse, Refusal> {
        let parameters = input.map("responseParameters")?.unwrap_or_default();
        checks::targets(parameters.keys(), "method.response", &["header"])?;
        checks::sources(&parameters, "integration.response")?;
        let templates = input.map("responseTemplates")?.unwrap_or_default();
        checks::media_types(templates.keys())?;
        let words = ContentHandling::WORDS;
        Ok(IntegrationResponse {
            // An empty pattern is kept: clients see it again.
            selection_pattern: input.text("selectionPattern")?,
            parameters,
            templates,
            content_handling: input.word("contentHandling", ContentHandling::parse, words)?,
        })
    }

    fn shown(_config: &Config, key: &Key, response: &IntegrationResponse) -> Value {
        match key {
            Key::Rest(_, RestKey::IntegrationResponse(_, _, status)) => shape(*status, response),
            _ => Value::Null,
        }
    }
}

fn fields(response: &IntegrationResponse) -> View {
    View::default()
        .maybe("selectionPattern", response.selection_pattern.as_deref())
        .filled("responseParameters", object(&response.parameters))
        .filled("responseTemplates", object(&response.templates))
        .maybe(
            "contentHandling",
            response.content_handling.map(ContentHandling::as_str),
        )
}

pub(super) fn shape(status: u16, response: &IntegrationResponse) -> Value {
    fields(response)
        .put("statusCode", status.to_string())
        .done()
}
