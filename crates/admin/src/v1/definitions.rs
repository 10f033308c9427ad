//! A REST API as an OpenAPI file: import, replacement, export.
//!
//! What a file means is in `openapi`; here is what the calls around it ask for and get.

use std::{collections::BTreeMap, sync::Arc};

use super::{kind, rest_apis};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
    openapi::{
        self, Substitutions,
        read::{BasePath, Dialect, Mode, Read, Wanted},
        write::{Extensions, Source},
    },
    operation::{Operation, read, upload},
    refusal::Refusal,
};
use http::StatusCode;
use model::{
    Api, ApiId, ApiKind, Config, Content, EndpointType, IpAddressType, Op, Revision,
    rest::{
        ApiKeySource, Definition, DocumentationVersion, RestApi, RestChange, RestKey, RestPart,
        Seen, Settings,
    },
};

pub(super) const OPERATIONS: &[Operation] = &[
    upload("ImportRestApi", "POST", "/restapis?mode=import", import),
    upload("PutRestApi", "PUT", "/restapis/{api}", put),
    read(
        "GetExport",
        "/restapis/{api}/stages/{stage}/exports/{type}",
        export,
    ),
];

fn import(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = ApiId::from(ids::long());
    let rest = RestApi::empty(ids::long().into());
    let endpoint = endpoint_asked(call)?.unwrap_or(EndpointType::Edge);
    let before = Definition {
        settings: Settings {
            name: String::new(),
            description: None,
            version: None,
            endpoint,
            ip_address_type: usual_addresses(endpoint),
            disable_execute_api_endpoint: false,
            security_policy: usual_policy(endpoint).to_owned(),
            endpoint_access_mode: None,
            vpc_endpoints: Vec::new(),
            binary_media_types: Vec::new(),
            minimum_compression_size: None,
            api_key_source: ApiKeySource::Header,
            policy: None,
        },
        content: Arc::clone(&rest.content),
    };
    let found = file(call, before, id.as_str(), Mode::Overwrite)?;
    let mut api = Api {
        id: id.clone(),
        name: String::new(),
        description: None,
        version: None,
        home: call.settings.region.clone(),
        endpoint,
        created_ms: call.now_ms,
        served: Revision(0),
        disable_execute_api_endpoint: false,
        ip_address_type: IpAddressType::Ipv4,
        tags: BTreeMap::new(),
        kind: ApiKind::Rest(RestApi {
            content: Arc::clone(&found.definition.content),
            ..rest
        }),
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    };
    found.definition.settings.put_into(&mut api);
    let first = Op::CreateRestApi(Box::new(api));
    Ok(writing(
        call,
        first,
        id,
        (found.documentation_version, found.warnings),
        StatusCode::CREATED,
    ))
}

fn put(call: &Call<'_>) -> Result<Write, Refusal> {
    let (api, _) = kind::api(call)?;
    let mode = match call.query("mode") {
        None | Some("merge") => Mode::Merge,
        Some("overwrite") => Mode::Overwrite,
        Some(other) => {
            return Err(Refusal::bad(format!(
                "mode must be merge or overwrite, not {other:?}"
            )));
        }
    };
    let Some(RestPart::Definition(mut before)) = api.part(&RestKey::Definition) else {
        return Err(kind::unknown_api(call.config, call.argument(0)));
    };
    let seen = Seen::of(Some(&RestPart::Definition(before.clone())));
    if let Some(endpoint) = endpoint_asked(call)?.filter(|new| *new != before.settings.endpoint) {
        before.settings.endpoint = endpoint;
        before.settings.ip_address_type = usual_addresses(endpoint);
    }
    let found = file(call, *before, api.id.as_str(), mode)?;
    let change = RestChange {
        key: RestKey::Definition,
        seen,
        put: Some(RestPart::Definition(Box::new(found.definition))),
    };
    Ok(writing(
        call,
        Op::Rest(api.id.clone(), Box::new(change)),
        api.id.clone(),
        (found.documentation_version, found.warnings),
        StatusCode::OK,
    ))
}

/// Reads the call's file.
pub(super) fn file(
    call: &Call<'_>,
    before: Definition,
    api: &str,
    mode: Mode,
) -> Result<Read, Refusal> {
    let account = call.config.cluster.as_ref();
    let known = Substitutions {
        account: account.map_or("", |cluster| &cluster.account_id),
        region: call.settings.region.as_str(),
    };
    let root = openapi::parse(call.body, &known)?;
    let wanted = Wanted {
        api,
        mode,
        base_path: BasePath::asked(call.query("basepath"))?,
        ignore_documentation: call.query("ignore") == Some("documentation"),
        fail_on_warnings: call.query("failonwarnings") == Some("true"),
    };
    openapi::read::definition(&root, before, wanted)
}

/// The endpoint type that a call asks for.
fn endpoint_asked(call: &Call<'_>) -> Result<Option<EndpointType>, Refusal> {
    let Some(text) = call.query("endpointConfigurationTypes") else {
        return Ok(None);
    };
    let types: Vec<String> = text.split(',').map(str::to_owned).collect();
    rest_apis::endpoint_type(&types, "Cannot create an api with multiple Endpoint Types.")
}

const fn usual_addresses(endpoint: EndpointType) -> IpAddressType {
    match endpoint {
        EndpointType::Private => IpAddressType::Dualstack,
        EndpointType::Edge | EndpointType::Regional => IpAddressType::Ipv4,
    }
}

const fn usual_policy(endpoint: EndpointType) -> &'static str {
    match endpoint {
        EndpointType::Private => "TLS_1_2",
        EndpointType::Edge | EndpointType::Regional => "TLS_1_0",
    }
}

/// The change, the documentation version that the file makes, and the API with the file's warnings.
fn writing(
    call: &Call<'_>,
    first: Op,
    id: ApiId,
    (version, warnings): (Option<String>, Vec<String>),
    status: StatusCode,
) -> Write {
    let mut ops = vec![first];
    let known = call.config.rest_api(id.as_str());
    let new = |version: &String| {
        known.is_none_or(|(_, rest)| !rest.documentation_versions.contains_key(version))
    };
    if let Some(version) = version.filter(new) {
        let part = DocumentationVersion {
            version: version.clone(),
            created_ms: call.now_ms,
            description: None,
            parts: BTreeMap::new(),
        };
        let change = RestChange {
            key: RestKey::DocumentationVersion(version),
            seen: Seen::Anything,
            put: Some(RestPart::DocumentationVersion(Box::new(part))),
        };
        ops.push(Op::Rest(id.clone(), Box::new(change)));
    }
    Write {
        ops,
        render: Box::new(move |config: &Config| {
            let mut shown = rest_apis::shown(config, &id)?;
            if let Some(fields) = shown.as_object_mut().filter(|_| !warnings.is_empty()) {
                fields.insert("warnings".to_owned(), warnings.into());
            }
            Answer::json(status, &shown)
        }),
    }
}

fn export(call: &Call<'_>) -> Result<Answer, Refusal> {
    let (api, _) = kind::api(call)?;
    let missing = || Refusal::Missing("Invalid stage identifier specified".to_owned());
    let stage = api.stages.get(call.argument(1)).ok_or_else(missing)?;
    let deployment = stage.deployment.as_ref();
    let deployment = deployment.and_then(|id| api.deployments.get(id));
    let Some(Content::Rest(content)) = deployment.map(|found| &found.content) else {
        return Err(missing());
    };
    let dialect = match call.argument(2) {
        "oas30" => Dialect::Three,
        "swagger" => Dialect::Two,
        other => {
            return Err(Refusal::bad(format!(
                "Invalid export type {other:?}. Must be one of: [oas30, swagger]"
            )));
        }
    };
    let mut settings = Settings::of(api).ok_or_else(missing)?;
    // As deployed, not as edited since.
    settings
        .binary_media_types
        .clone_from(&content.binary_media_types);
    settings.minimum_compression_size = content.minimum_compression_size;
    settings.api_key_source = content.api_key_source;
    settings.policy.clone_from(&content.policy);
    let base = call.config.base_domain();
    let source = Source {
        settings: &settings,
        content,
        host: &format!("{}.execute-api.{}.{base}", api.id, api.home),
        stage: stage.name.as_str(),
        created: &clock::iso(api.created_ms),
        documentation_version: stage
            .rest()
            .and_then(|rest| rest.documentation_version.as_deref()),
    };
    let file = openapi::write::document(&source, dialect, extensions(call)?);
    let yaml = call.accept.contains("yaml");
    let (kind, bytes) = openapi::bytes(&file, yaml)?;
    let ending = if yaml { "yaml" } else { "json" };
    let name = format!("{}-{}-{}.{ending}", api.id, stage.name, call.argument(2));
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(Answer::bytes(kind, bytes).with("content-disposition", &disposition))
}

fn extensions(call: &Call<'_>) -> Result<Extensions, Refusal> {
    let mut wanted = Extensions::default();
    let names = call.query("extensions").unwrap_or_default().split(',');
    for name in names.map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "apigateway" => {
                wanted.integrations = true;
                wanted.authorizers = true;
                wanted.gateway = true;
            }
            "integrations" => wanted.integrations = true,
            "authorizers" => wanted.authorizers = true,
            "documentation" => wanted.documentation = true,
            "postman" => return Err(Refusal::unsupported("extensions postman")),
            other => {
                return Err(Refusal::bad(format!(
                    "extensions {other:?} is none of apigateway, integrations, authorizers, \
                     documentation"
                )));
            }
        }
    }
    Ok(wanted)
}
