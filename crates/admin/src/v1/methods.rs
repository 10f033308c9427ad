//! `Method` and `MethodResponse`.

use std::collections::BTreeSet;

use http::StatusCode;
use model::{
    AuthorizerId, Config, ResourceId, ValidatorId,
    rest::{
        AuthorizationType, Method, MethodResponse, MethodSettings, RestKey, RestPart, Seen, Verb,
    },
};
use serde_json::{Map, Value};

use super::{
    checks, integrations,
    kind::{self, Key, Kind, Part},
    patch::{AD, ARD, Absent, Holds, R, Rule, rule},
    resources,
    rest_apis::texts,
    view::{View, object},
};
use crate::{
    call::Call,
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const METHOD: &str = "/restapis/{api}/resources/{resource}/methods/{verb}";
const RESPONSE: &str = "/restapis/{api}/resources/{resource}/methods/{verb}/responses/{status}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetMethod", METHOD, kind::show::<Methods>),
    write("PutMethod", "PUT", METHOD, kind::put::<Methods>),
    write("UpdateMethod", "PATCH", METHOD, kind::update::<Methods>),
    write("DeleteMethod", "DELETE", METHOD, kind::delete::<Methods>),
    read("GetMethodResponse", RESPONSE, kind::show::<Responses>),
    write("PutMethodResponse", "PUT", RESPONSE, kind::put::<Responses>),
    write(
        "UpdateMethodResponse",
        "PATCH",
        RESPONSE,
        kind::update::<Responses>,
    ),
    write(
        "DeleteMethodResponse",
        "DELETE",
        RESPONSE,
        kind::delete::<Responses>,
    ),
];

struct Methods;

impl Kind for Methods {
    type Item = MethodSettings;

    const RULES: &'static [Rule] = &[
        rule("/authorizationScopes", AD, Holds::List),
        rule("/authorizationType", R, Holds::Text),
        rule("/authorizerId", R, Holds::Text),
        rule("/apiKeyRequired", R, Holds::Flag),
        rule("/operationName", R, Holds::Text),
        rule("/requestValidatorId", R, Holds::Text),
        rule("/requestParameters/*", ARD, Holds::FlagEntry),
        rule("/requestModels/*", ARD, Holds::Entry(Absent::ContentType)),
    ];
    const PUT: Seen = Seen::Nothing;
    const DELETED: StatusCode = StatusCode::NO_CONTENT;

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let (resource, verb) = place(call)?;
        Ok(Key::Rest(
            call.argument(0).into(),
            RestKey::Method(resource, verb),
        ))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        missing()
    }

    fn item(part: Part) -> Option<MethodSettings> {
        match part {
            Part::Rest(RestPart::Method(settings)) => Some(*settings),
            _ => None,
        }
    }

    fn part(settings: MethodSettings) -> Part {
        Part::Rest(RestPart::Method(settings.into()))
    }

    fn view(settings: &MethodSettings) -> Value {
        request(settings).done()
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        _old: Option<&MethodSettings>,
    ) -> Result<MethodSettings, Refusal> {
        let kind = input.text("authorizationType")?.unwrap_or_default();
        let authorization = AuthorizationType::parse(&kind).ok_or_else(|| {
            let known = AuthorizationType::WORDS.join(",");
            Refusal::bad(format!(
                "Invalid authorization type specified. Valid options are {known}"
            ))
        })?;
        let parameters = input.flags("requestParameters")?.unwrap_or_default();
        checks::targets(
            parameters.keys(),
            "method.request",
            &["path", "querystring", "header"],
        )?;
        let mut names = BTreeSet::new();
        let name = |key: &String| key.splitn(4, '.').nth(3).unwrap_or_default().to_owned();
        if !parameters.keys().all(|key| names.insert(name(key))) {
            return Err(Refusal::bad(
                "Parameter names must be unique across querystring, header and path",
            ));
        }
        let models = input.map("requestModels")?.unwrap_or_default();
        checks::media_types(models.keys())?;
        let authorizer = checks::optional(input, "authorizerId")?;
        Ok(MethodSettings {
            authorization,
            // One that nothing asks is forgotten.
            authorizer: authorizer
                .filter(|_| authorization.needs_authorizer())
                .map(AuthorizerId::from),
            scopes: input.texts("authorizationScopes")?.unwrap_or_default(),
            api_key_required: input.flag("apiKeyRequired")?.unwrap_or(false),
            operation_name: checks::optional(input, "operationName")?,
            validator: checks::optional(input, "requestValidatorId")?.map(ValidatorId::from),
            request_parameters: parameters,
            request_models: models,
        })
    }

    fn shown(config: &Config, key: &Key, _item: &MethodSettings) -> Value {
        let Key::Rest(api, RestKey::Method(id, verb)) = key else {
            return Value::Null;
        };
        let shown = config.rest_api(api.as_str()).and_then(|(_, rest)| {
            let method = rest.content.resources.get(id)?.methods.get(verb)?;
            Some(shape(*verb, method))
        });
        shown.unwrap_or(Value::Null)
    }
}

/// The method request but for its verb.
fn request(settings: &MethodSettings) -> View {
    let authorizer = settings.authorizer.as_ref().map(AuthorizerId::as_str);
    let validator = settings.validator.as_ref().map(ValidatorId::as_str);
    View::default()
        .put("authorizationType", settings.authorization.as_str())
        .maybe("authorizerId", authorizer)
        .put("apiKeyRequired", settings.api_key_required)
        .maybe("requestValidatorId", validator)
        .maybe("operationName", settings.operation_name.as_deref())
        .filled("requestParameters", object(&settings.request_parameters))
        .filled("requestModels", object(&settings.request_models))
        .filled("authorizationScopes", texts(&settings.scopes).into())
}

/// The method with everything that belongs to it.
pub(super) fn shape(verb: Verb, method: &Method) -> Value {
    let responses = method.responses.iter();
    let responses: Map<String, Value> = responses
        .map(|(status, response)| (status.to_string(), response_shape(*status, response)))
        .collect();
    request(&method.settings)
        .put("httpMethod", verb.as_str())
        .filled("methodResponses", responses.into())
        .maybe(
            "methodIntegration",
            method.integration.as_ref().map(integrations::shape),
        )
        .done()
}

/// Resource and verb that the path names; the resource is there.
pub(super) fn place(call: &Call<'_>) -> Result<(ResourceId, Verb), Refusal> {
    let id = resources::found(call)?.1.id.clone();
    Ok((id, checks::verb(call.argument(2))?))
}

/// The method that the path names.
pub(super) fn found<'c>(call: &Call<'c>) -> Result<(ResourceId, Verb, &'c Method), Refusal> {
    let (id, verb) = place(call)?;
    let method = resources::found(call)?.1.methods.get(&verb);
    Ok((id, verb, method.ok_or_else(missing)?))
}

fn missing() -> Refusal {
    Refusal::Missing("Invalid Method identifier specified".to_owned())
}

struct Responses;

impl Kind for Responses {
    type Item = MethodResponse;

    const RULES: &'static [Rule] = &[
        rule("/responseModels/*", ARD, Holds::Entry(Absent::ContentType)),
        rule("/responseParameters/*", ARD, Holds::FlagEntry),
    ];
    const PUT: Seen = Seen::Nothing;
    const UPDATED: StatusCode = StatusCode::CREATED;
    const DELETED: StatusCode = StatusCode::NO_CONTENT;

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let status = checks::status_code(call.argument(3))?;
        let (id, verb, _) = found(call)?;
        let key = RestKey::MethodResponse(id, verb, status);
        Ok(Key::Rest(call.argument(0).into(), key))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Response status code specified".to_owned())
    }

    fn item(part: Part) -> Option<MethodResponse> {
        match part {
            Part::Rest(RestPart::MethodResponse(response)) => Some(*response),
            _ => None,
        }
    }

    fn part(response: MethodResponse) -> Part {
        Part::Rest(RestPart::MethodResponse(response.into()))
    }

    fn view(response: &MethodResponse) -> Value {
        fields(response).done()
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        _old: Option<&MethodResponse>,
    ) -> Result<MethodResponse, Refusal> {
        let parameters = input.flags("responseParameters")?.unwrap_or_default();
        checks::targets(parameters.keys(), "method.response", &["header"])?;
        let models = input.map("responseModels")?.unwrap_or_default();
        checks::media_types(models.keys())?;
        Ok(MethodResponse { parameters, models })
    }

    fn shown(_config: &Config, key: &Key, response: &MethodResponse) -> Value {
        match key {
            Key::Rest(_, RestKey::MethodResponse(_, _, status)) => {
                response_shape(*status, response)
            }
            _ => Value::Null,
        }
    }
}

fn fields(response: &MethodResponse) -> View {
    View::default()
        .filled("responseParameters", object(&response.parameters))
        .filled("responseModels", object(&response.models))
}

fn response_shape(status: u16, response: &MethodResponse) -> Value {
    fields(response)
        .put("statusCode", status.to_string())
        .done()
}
