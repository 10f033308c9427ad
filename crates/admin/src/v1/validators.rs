//! `RequestValidator`: which parts of a request are checked.

use model::{
    Config, ValidatorId,
    rest::{RequestValidator, RestKey, RestPart},
};
use serde_json::Value;

use super::{
    kind::{self, Key, Kind, Part, api},
    patch::{Holds, R, Rule, rule},
    view::View,
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ALL: &str = "/restapis/{api}/requestvalidators";
const ONE: &str = "/restapis/{api}/requestvalidators/{validator}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetRequestValidators", ALL, list),
    write("CreateRequestValidator", "POST", ALL, create),
    read("GetRequestValidator", ONE, kind::show::<Validators>),
    write(
        "UpdateRequestValidator",
        "PATCH",
        ONE,
        kind::update::<Validators>,
    ),
    write(
        "DeleteRequestValidator",
        "DELETE",
        ONE,
        kind::delete::<Validators>,
    ),
];

struct Validators;

impl Kind for Validators {
    type Item = RequestValidator;

    const RULES: &'static [Rule] = &[
        rule("/name", R, Holds::Text),
        rule("/validateRequestBody", R, Holds::Flag),
        rule("/validateRequestParameters", R, Holds::Flag),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = api(call)?.0.id.clone();
        Ok(Key::Rest(id, RestKey::Validator(call.argument(1).into())))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Request Validator identifier specified".to_owned())
    }

    fn item(part: Part) -> Option<RequestValidator> {
        match part {
            Part::Rest(RestPart::Validator(validator)) => Some(*validator),
            _ => None,
        }
    }

    fn part(validator: RequestValidator) -> Part {
        Part::Rest(RestPart::Validator(validator.into()))
    }

    fn view(validator: &RequestValidator) -> Value {
        shape(validator)
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        old: Option<&RequestValidator>,
    ) -> Result<RequestValidator, Refusal> {
        let name = input.text("name")?;
        if name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return Err(Refusal::bad("Request Validator name cannot be blank"));
        }
        Ok(RequestValidator {
            id: old.map_or_else(
                || ValidatorId::from(ids::deployment()),
                |old| old.id.clone(),
            ),
            name,
            body: input.flag("validateRequestBody")?.unwrap_or(false),
            parameters: input.flag("validateRequestParameters")?.unwrap_or(false),
        })
    }

    fn shown(_config: &Config, _key: &Key, validator: &RequestValidator) -> Value {
        shape(validator)
    }
}

fn shape(validator: &RequestValidator) -> Value {
    View::default()
        .put("id", validator.id.as_str())
        .maybe("name", validator.name.as_deref())
        .put("validateRequestBody", validator.body)
        .put("validateRequestParameters", validator.parameters)
        .done()
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let validators = api(call)?.1.content.validators.values();
    kind::list(call, validators.map(|one| (one.id.as_str(), shape(one))))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let known = api(call);
    let (api, _) = known.map_err(|_| Refusal::bad("Invalid REST API identifier specified"))?;
    let id = api.id.clone();
    kind::create::<Validators>(call, |one| {
        Key::Rest(id, RestKey::Validator(one.id.clone()))
    })
}
