//! `RestApi`.

use std::{collections::BTreeMap, sync::Arc};

use http::StatusCode;
use lang::policy::{Kind as PolicyKind, Policy};
use model::{
    Api, ApiId, ApiKind, Config, EndpointType, IpAddressType, Op,
    rest::{ApiKeySource, Content, Model, RestApi, RestKey, RestPart, Settings},
};
use serde_json::Value;

use super::{
    checks, input,
    kind::{self, Key, Kind, Part},
    patch::{AD, ARD, Holds, R, Rule, rule},
    view::{View, object, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetRestApis", "/restapis", list),
    write("CreateRestApi", "POST", "/restapis", create),
    read("GetRestApi", "/restapis/{api}", kind::show::<RestApis>),
    write(
        "UpdateRestApi",
        "PATCH",
        "/restapis/{api}",
        kind::update::<RestApis>,
    ),
    write("DeleteRestApi", "DELETE", "/restapis/{api}", delete),
];

struct RestApis;

impl Kind for RestApis {
    type Item = Settings;

    const RULES: &'static [Rule] = &[
        rule("/apiKeySource", R, Holds::Text),
        rule("/disableExecuteApiEndpoint", R, Holds::Flag),
        rule("/endpointAccessMode", R, Holds::Text),
        rule("/minimumCompressionSize", R, Holds::Whole),
        rule("/name", R, Holds::Text),
        rule("/policy", R, Holds::Text),
        rule("/securityPolicy", R, Holds::Text),
        rule("/version", R, Holds::Text),
        rule("/binaryMediaTypes", ARD, Holds::List),
        rule("/description", ARD, Holds::Text),
        rule("/endpointConfiguration/types", R, Holds::List),
        rule("/endpointConfiguration/vpcEndpointIds", AD, Holds::List),
        rule("/endpointConfiguration/ipAddressType", R, Holds::Text),
    ];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        Ok(Key::Rest(kind::api(call)?.0.id.clone(), RestKey::Settings))
    }

    fn missing(call: &Call<'_>) -> Refusal {
        kind::unknown_api(call.config, call.argument(0))
    }

    fn item(part: Part) -> Option<Settings> {
        match part {
            Part::Rest(RestPart::Settings(settings)) => Some(*settings),
            _ => None,
        }
    }

    fn part(settings: Settings) -> Part {
        Part::Rest(RestPart::Settings(settings.into()))
    }

    fn view(settings: &Settings) -> Value {
        face(settings).done()
    }

    fn read(
        _call: &Call<'_>,
        input: &Document,
        old: Option<&Settings>,
    ) -> Result<Settings, Refusal> {
        if old.is_none() && input.text("description")?.as_deref() == Some("") {
            return Err(Refusal::bad("Description cannot be an empty string"));
        }
        let (endpoint, ip_address_type, vpc_endpoints) = endpoint(input, old)?;
        let binary_media_types = input.texts("binaryMediaTypes")?.unwrap_or_default();
        checks::media_types(binary_media_types.iter())?;
        let policy = checks::optional(input, "policy")?;
        // One that is there already, of an import or of former times, stays.
        if let Some(text) = policy
            .as_ref()
            .filter(|_| old.map(|old| &old.policy) != Some(&policy))
        {
            Policy::parse(text, PolicyKind::Resource).map_err(|error| {
                Refusal::bad(format!(
                    "Invalid policy document. Please check the policy syntax and ensure that \
                     Principals are valid. {error}"
                ))
            })?;
        }
        let private = endpoint == EndpointType::Private;
        let usual = if private { "TLS_1_2" } else { "TLS_1_0" };
        let security = checks::security_policy(input)?.map(|policy| policy.as_str().to_owned());
        let modes = ["BASIC", "STRICT"];
        let known_mode = |word: &str| ["BASIC", "STRICT"].contains(&word).then(|| word.to_owned());
        let source = input.word("apiKeySource", ApiKeySource::parse, ApiKeySource::WORDS)?;
        Ok(Settings {
            name: checks::name(input, "Name cannot be empty")?,
            description: checks::optional(input, "description")?,
            version: checks::optional(input, "version")?,
            endpoint,
            ip_address_type,
            disable_execute_api_endpoint: input.flag("disableExecuteApiEndpoint")?.unwrap_or(false),
            security_policy: security.unwrap_or_else(|| usual.to_owned()),
            endpoint_access_mode: input.word("endpointAccessMode", known_mode, &modes)?,
            vpc_endpoints,
            binary_media_types,
            minimum_compression_size: compression(input)?,
            api_key_source: source.unwrap_or(ApiKeySource::Header),
            policy,
        })
    }

    fn shown(config: &Config, key: &Key, settings: &Settings) -> Value {
        let Key::Rest(id, _) = key else {
            return Value::Null;
        };
        let view = face(settings)
            .put("id", id.as_str())
            .put("apiStatus", "AVAILABLE");
        let Some((api, rest)) = config.rest_api(id.as_str()) else {
            return view.done();
        };
        view.put("createdDate", seconds(api.created_ms))
            .put("rootResourceId", rest.content.root.as_str())
            .filled("tags", object(&api.tags))
            .done()
    }
}

/// An API as clients see it.
pub(super) fn shown(config: &Config, id: &ApiId) -> Result<Value, Refusal> {
    let unknown = || kind::unknown_api(config, id.as_str());
    let (api, _) = config.rest_api(id.as_str()).ok_or_else(unknown)?;
    let settings = Settings::of(api).ok_or_else(unknown)?;
    let key = Key::Rest(id.clone(), RestKey::Settings);
    Ok(RestApis::shown(config, &key, &settings))
}

/// What is said of an API but for what it is given by us.
fn face(settings: &Settings) -> View {
    let types: Vec<Value> = vec![endpoint_text(settings.endpoint).into()];
    let endpoints: Vec<Value> = texts(&settings.vpc_endpoints);
    let configuration = View::default()
        .put("types", types)
        .put("ipAddressType", address_text(settings.ip_address_type))
        .filled("vpcEndpointIds", endpoints.into());
    View::default()
        .put("name", settings.name.as_str())
        .maybe("description", settings.description.as_deref())
        .maybe("version", settings.version.as_deref())
        .filled(
            "binaryMediaTypes",
            texts(&settings.binary_media_types).into(),
        )
        .maybe("minimumCompressionSize", settings.minimum_compression_size)
        .put("apiKeySource", settings.api_key_source.as_str())
        .put("endpointConfiguration", configuration)
        .maybe("policy", settings.policy.as_deref())
        .put(
            "disableExecuteApiEndpoint",
            settings.disable_execute_api_endpoint,
        )
        .put("securityPolicy", settings.security_policy.as_str())
        .maybe(
            "endpointAccessMode",
            settings.endpoint_access_mode.as_deref(),
        )
}

pub(super) fn texts(items: &[String]) -> Vec<Value> {
    items.iter().map(|item| item.as_str().into()).collect()
}

pub(super) const fn endpoint_text(endpoint: EndpointType) -> &'static str {
    match endpoint {
        EndpointType::Edge => "EDGE",
        EndpointType::Regional => "REGIONAL",
        EndpointType::Private => "PRIVATE",
    }
}

pub(super) const fn address_text(kind: IpAddressType) -> &'static str {
    match kind {
        IpAddressType::Ipv4 => "ipv4",
        IpAddressType::Dualstack => "dualstack",
    }
}

/// Endpoint type, address families and private endpoints.
fn endpoint(
    input: &Document,
    old: Option<&Settings>,
) -> Result<(EndpointType, IpAddressType, Vec<String>), Refusal> {
    let configuration = input.object("endpointConfiguration")?.unwrap_or_default();
    let types = configuration.texts("types")?.unwrap_or_default();
    let endpoint = endpoint_type(&types, "Cannot create an api with multiple Endpoint Types.")?
        .unwrap_or(EndpointType::Edge);
    let private = endpoint == EndpointType::Private;
    let moved = old.is_some_and(|old| old.endpoint != endpoint);
    let given = address_type(&configuration)?.filter(|_| !(moved && private));
    let address = match given {
        Some(IpAddressType::Ipv4) if private => {
            return Err(Refusal::bad(
                "Only dualstack ipAddressType is supported for Private APIs.",
            ));
        }
        Some(given) => given,
        None if private => IpAddressType::Dualstack,
        None => IpAddressType::Ipv4,
    };
    let endpoints = configuration.texts("vpcEndpointIds")?.unwrap_or_default();
    if !private && !endpoints.is_empty() {
        return Err(Refusal::bad(
            "Cannot specify VPC endpoint ids for a non-private endpoint type",
        ));
    }
    // They are parts of host names.
    let is_new = |id: &&String| old.is_none_or(|old| !old.vpc_endpoints.contains(id));
    for id in endpoints.iter().filter(is_new) {
        ids::check_private_endpoint(id)?;
    }
    Ok((endpoint, address, endpoints))
}

/// The one type of a list of endpoint types.
pub(super) fn endpoint_type(
    types: &[String],
    several: &str,
) -> Result<Option<EndpointType>, Refusal> {
    match types {
        [] => Ok(None),
        [one] => match one.as_str() {
            "EDGE" => Ok(Some(EndpointType::Edge)),
            "REGIONAL" => Ok(Some(EndpointType::Regional)),
            "PRIVATE" => Ok(Some(EndpointType::Private)),
            other => Err(Refusal::not_in_set(
                &format!("[{other}]"),
                "createRestApiInput.endpointConfiguration.types",
                &["PRIVATE", "EDGE", "REGIONAL"],
            )),
        },
        [..] => Err(Refusal::bad(several)),
    }
}

pub(super) fn address_type(configuration: &Document) -> Result<Option<IpAddressType>, Refusal> {
    match configuration.text("ipAddressType")?.as_deref() {
        None => Ok(None),
        Some("ipv4") => Ok(Some(IpAddressType::Ipv4)),
        Some("dualstack") => Ok(Some(IpAddressType::Dualstack)),
        Some(_) => Err(Refusal::bad(
            "ipAddressType must be either ipv4 or dualstack.",
        )),
    }
}

fn compression(input: &Document) -> Result<Option<u32>, Refusal> {
    let size = input.integer("minimumCompressionSize", i64::MIN, i64::MAX)?;
    let Some(size) = size else { return Ok(None) };
    let known = u32::try_from(size).ok().filter(|size| *size <= 10_485_760);
    known.map(Some).ok_or_else(|| {
        Refusal::bad("Invalid minimum compression size, must be between 0 and 10485760")
    })
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let config = call.config;
    let apis = config.apis.values().filter_map(|api| {
        let key = Key::Rest(api.id.clone(), RestKey::Settings);
        let settings = Settings::of(api)?;
        Some((api.id.as_str(), RestApis::shown(config, &key, &settings)))
    });
    kind::list(call, apis)
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    let input = input(call);
    let settings = RestApis::read(call, &input, None)?;
    let id = ApiId::from(ids::long());
    let mut rest = RestApi::empty(ids::long().into());
    rest.content = match checks::optional(&input, "cloneFrom")? {
        Some(from) => {
            let known = call.config.rest_api(&from);
            let (_, known) =
                known.ok_or_else(|| Refusal::bad("Invalid Rest API identifier specified"))?;
            Arc::clone(&known.content)
        }
        None => Arc::new(with_models(Content::clone(&rest.content))),
    };
    let mut api = Api {
        id: id.clone(),
        name: String::new(),
        description: None,
        version: None,
        home: call.settings.region.clone(),
        endpoint: settings.endpoint,
        created_ms: call.now_ms,
        served: model::Revision(0),
        disable_execute_api_endpoint: false,
        ip_address_type: settings.ip_address_type,
        tags: checks::tags(&input)?,
        kind: ApiKind::Rest(rest),
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    };
    settings.put_into(&mut api);
    let key = Key::Rest(id, RestKey::Settings);
    let op = Op::CreateRestApi(Box::new(api));
    Ok(Write::showing(op, move |config| {
        kind::rendered::<RestApis>(config, &key, StatusCode::CREATED)
    }))
}

/// Adds the two models that every new API has.
pub(crate) fn with_models(mut content: Content) -> Content {
    let draft = "http://json-schema.org/draft-04/schema#";
    let models = [
        (
            "Empty",
            "This is a default empty schema model",
            format!(
                "{{\n  \"$schema\": \"{draft}\",\n  \"title\" : \"Empty Schema\",\n  \
                     \"type\" : \"object\"\n}}"
            ),
        ),
        (
            "Error",
            "This is a default error schema model",
            format!(
                "{{\n  \"$schema\" : \"{draft}\",\n  \"title\" : \"Error Schema\",\n  \
                     \"type\" : \"object\",\n  \"properties\" : {{\n    \"message\" : \
                     {{ \"type\" : \"string\" }}\n  }}\n}}"
            ),
        ),
    ];
    for (name, description, schema) in models {
        let model = Model {
            id: ids::deployment().into(),
            name: name.to_owned(),
            description: Some(description.to_owned()),
            schema: Some(schema),
            content_type: "application/json".to_owned(),
        };
        content.models.insert(name.to_owned(), Arc::new(model));
    }
    content
}

fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = kind::api(call)?.0.id.clone();
    Ok(Write::showing(Op::DeleteApi(id), |_| {
        Ok(Answer::empty(StatusCode::ACCEPTED))
    }))
}
