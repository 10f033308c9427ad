//! HTTP APIs as OpenAPI files: import, replacement, export.
//!
//! What a file means is in `openapi`; here is what the calls around it ask for and get.

use std::collections::BTreeMap;

use model::{
    Api, ApiId, ApiKind, Config, Content, CreateHttpApi, EndpointType, HttpApi, HttpContent,
    HttpReplacement, IpAddressType, Op, ResourceKind, Revision, rest::Seen,
};

use super::{api, apis, content, route_settings};
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
    openapi::{self, HttpRead, Substitutions, http_api, http_document, read::BasePath},
    refusal::Refusal,
};

pub(super) fn import(call: &Call<'_>) -> Result<Write, Refusal> {
    let found = file(call, &HttpContent::default())?;
    let id = ApiId::from(ids::long());
    let http = HttpApi {
        content: found.content,
        api_key_selection_expression: None,
        route_selection_expression: None,
    };
    let new = Api {
        id: id.clone(),
        name: found.name,
        description: found.description,
        version: found.version,
        home: call.settings.region.clone(),
        endpoint: EndpointType::Edge,
        created_ms: call.now_ms,
        served: Revision::default(),
        disable_execute_api_endpoint: found.disable_execute_api_endpoint,
        ip_address_type: IpAddressType::Ipv4,
        tags: BTreeMap::new(),
        kind: ApiKind::Http(http),
        stages: BTreeMap::new(),
        deployments: BTreeMap::new(),
    };
    let op = Op::CreateHttpApi(Box::new(CreateHttpApi {
        api: new,
        quick: None,
    }));
    Ok(showing(op, id, found.warnings))
}

pub(super) fn reimport(call: &Call<'_>) -> Result<Write, Refusal> {
    http_only(call)?;
    let before = content(call.config, call.argument(0))?;
    let found = file(call, before)?;
    let id = ApiId::from(call.argument(0));
    let replacement = HttpReplacement {
        seen: Seen::of(Some(before)),
        name: found.name,
        description: found.description,
        version: found.version,
        disable_execute_api_endpoint: found.disable_execute_api_endpoint,
        content: found.content,
    };
    let op = Op::ReplaceHttpApi(id.clone(), Box::new(replacement));
    Ok(showing(op, id, found.warnings))
}

/// OpenAPI has no words for WebSocket APIs.
fn http_only(call: &Call<'_>) -> Result<(), Refusal> {
    if route_settings::is_socket(call)? {
        return Err(Refusal::bad(
            "Import and export are supported only for HTTP APIs",
        ));
    }
    Ok(())
}

fn file(call: &Call<'_>, before: &HttpContent) -> Result<HttpRead, Refusal> {
    let body = call.document.text("body")?;
    let body = body.ok_or_else(|| Refusal::bad("body must be given"))?;
    let cluster = call.config.cluster.as_ref();
    let known = Substitutions {
        account: cluster.map_or("", |cluster| &cluster.account_id),
        region: call.settings.region.as_str(),
    };
    let root = openapi::parse(body.as_bytes(), &known)?;
    let base_path = BasePath::asked(call.query("basepath"))?;
    let strict = call.query("failOnWarnings") == Some("true");
    http_api(&root, before, base_path, strict)
}

fn showing(op: Op, id: ApiId, warnings: Vec<String>) -> Write {
    Write::showing(op, move |config: &Config| {
        apis::imported(config, id.as_str(), &warnings)
    })
}

pub(super) fn export(call: &Call<'_>) -> Result<Answer, Refusal> {
    http_only(call)?;
    let api = api(call.config, call.argument(0))?;
    let mut frozen = content(call.config, call.argument(0))?;
    if !call.argument(1).eq_ignore_ascii_case("OAS30") {
        return Err(Refusal::bad("specification must be OAS30"));
    }
    let asked = call.query("stageName").filter(|name| !name.is_empty());
    if let Some(name) = asked {
        let missing = || Refusal::not_found(ResourceKind::Stage, name);
        let stage = api.stages.get(name).ok_or_else(missing)?;
        let deployment = stage.deployment.as_ref();
        let deployment = deployment.and_then(|id| api.deployments.get(id));
        let Some(Content::Http(content)) = deployment.map(|found| &found.content) else {
            return Err(missing());
        };
        frozen = content;
    }
    let yaml = match call.query("outputType") {
        Some("JSON") => false,
        Some("YAML") => true,
        _ => return Err(Refusal::bad("outputType must be JSON or YAML")),
    };
    let extensions = call.query("includeExtensions") != Some("false");
    let base = call.config.base_domain();
    let host = format!("{}.execute-api.{}.{base}", api.id, api.home);
    let created = clock::iso(api.created_ms);
    let file = http_document(api, frozen, (&host, asked, &created), extensions);
    let (kind, bytes) = openapi::bytes(&file, yaml)?;
    Ok(Answer::bytes(kind, bytes))
}
