//! `GatewayResponse`: what clients get instead of the gateway's own words.

use model::{
    Config,
    rest::{GatewayResponse, GatewayResponseType, RestApi, RestKey, RestPart},
};
use serde_json::Value;

use super::{
    checks,
    kind::{self, Key, Kind, Part, api},
    patch::{ARD, Absent, Holds, R, Rule, rule},
    view::{View, object},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/restapis/{api}/gatewayresponses";
const ONE: &str = "/restapis/{api}/gatewayresponses/{type}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetGatewayResponses", ALL, list),
    read("GetGatewayResponse", ONE, show),
    write("PutGatewayResponse", "PUT", ONE, kind::put::<Responses>),
    write("UpdateGatewayResponse", "PATCH", ONE, update),
    write(
        "DeleteGatewayResponse",
        "DELETE",
        ONE,
        kind::delete::<Responses>,
    ),
];

/// The order in which Amazon lists the types.
const WORDS: [&str; 21] = [
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "MISSING_AUTHENTICATION_TOKEN",
    "BAD_REQUEST_BODY",
    "INVALID_SIGNATURE",
    "INVALID_API_KEY",
    "BAD_REQUEST_PARAMETERS",
    "AUTHORIZER_FAILURE",
    "UNAUTHORIZED",
    "INTEGRATION_TIMEOUT",
    "ACCESS_DENIED",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "WAF_FILTERED",
    "QUOTA_EXCEEDED",
    "THROTTLED",
    "API_CONFIGURATION_ERROR",
    "UNSUPPORTED_MEDIA_TYPE",
    "INTEGRATION_FAILURE",
    "EXPIRED_TOKEN",
];

struct Responses;

impl Kind for Responses {
    type Item = GatewayResponse;

    const RULES: &'static [Rule] = &[
        rule("/statusCode", R, Holds::Text),
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

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let kind = named(call)?;
        Ok(Key::Rest(
            api(call)?.0.id.clone(),
            RestKey::GatewayResponse(kind),
        ))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Gateway response type not defined on api".to_owned())
    }

    fn item(part: Part) -> Option<GatewayResponse> {
        match part {
            Part::Rest(RestPart::GatewayResponse(response)) => Some(*response),
            _ => None,
        }
    }

    fn part(response: GatewayResponse) -> Part {
        Part::Rest(RestPart::GatewayResponse(response.into()))
    }

    fn view(response: &GatewayResponse) -> Value {
        fields(response).done()
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        _old: Option<&GatewayResponse>,
    ) -> Result<GatewayResponse, Refusal> {
        let status = checks::optional(input, "statusCode")?;
        let parameters = input.map("responseParameters")?.unwrap_or_default();
        let templates = input.map("responseTemplates")?.unwrap_or_default();
        for (name, map) in [
            ("responseParameters", &parameters),
            ("responseTemplates", &templates),
        ] {
            if map.values().any(String::is_empty) {
                return Err(Refusal::bad(format!(
                    "Invalid null or empty value in {name}"
                )));
            }
        }
        let places = ["header", "path", "querystring"];
        checks::targets(parameters.keys(), "gatewayresponse", &places)?;
        checks::sources(&parameters, "method.request")?;
        checks::media_types(templates.keys())?;
        Ok(GatewayResponse {
            status: status.as_deref().map(checks::status_code).transpose()?,
            parameters,
            templates,
        })
    }

    fn shown(_config: &Config, key: &Key, response: &GatewayResponse) -> Value {
        match key {
            Key::Rest(_, RestKey::GatewayResponse(kind)) => own(*kind, response),
            _ => Value::Null,
        }
    }
}

fn fields(response: &GatewayResponse) -> View {
    View::default()
        .maybe(
            "statusCode",
            response.status.map(|status| status.to_string()),
        )
        .put("responseParameters", object(&response.parameters))
        .put("responseTemplates", object(&response.templates))
}

fn own(kind: GatewayResponseType, response: &GatewayResponse) -> Value {
    let usual = kind.usual_status();
    let status = response.status.or(usual).map(|status| status.to_string());
    fields(response)
        .maybe("statusCode", status)
        .put("responseType", kind.as_str())
        .put("defaultResponse", false)
        .done()
}

/// What the gateway says by itself.
fn usual(kind: GatewayResponseType) -> GatewayResponse {
    let template = "{\"message\":$context.error.messageString}".to_owned();
    GatewayResponse {
        status: kind.usual_status(),
        templates: [("application/json".to_owned(), template)].into(),
        ..GatewayResponse::default()
    }
}

fn shape(rest: &RestApi, kind: GatewayResponseType) -> Value {
    match rest.content.gateway_responses.get(&kind) {
        Some(response) => own(kind, response),
        None => fields(&usual(kind))
            .put("responseType", kind.as_str())
            .put("defaultResponse", true)
            .done(),
    }
}

fn named(call: &Call<'_>) -> Result<GatewayResponseType, Refusal> {
    let word = call.argument(1);
    GatewayResponseType::parse(word)
        .ok_or_else(|| Refusal::not_in_set(word, "responseType", &WORDS))
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let rest = api(call)?.1;
    let mut kinds = GatewayResponseType::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.as_str());
    kind::list(
        call,
        kinds
            .into_iter()
            .map(|kind| (kind.as_str(), shape(rest, kind))),
    )
}

fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let kind = named(call)?;
    Answer::ok(&shape(api(call)?.1, kind))
}

/// A patch of what the gateway says by itself makes it the API's own.
fn update(call: &Call<'_>) -> Result<Write, Refusal> {
    let kind = named(call)?;
    let (api, rest) = api(call)?;
    if rest.content.gateway_responses.contains_key(&kind) {
        return kind::update::<Responses>(call);
    }
    let key = Key::Rest(api.id.clone(), RestKey::GatewayResponse(kind));
    kind::update_from::<Responses>(call, key, usual(kind), model::rest::Seen::Nothing)
}
