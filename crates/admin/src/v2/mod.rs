//! API Gateway v2: HTTP and WebSocket APIs, custom domains, VPC links and tags in Amazon's shapes.
//!
//! One file per kind of resource: its JSON shape, and its operations as pure functions from a call
//! to an answer or to changes.

mod absent;
mod apis;
mod authorizers;
mod checks;
mod cors;
mod definitions;
mod deployments;
mod domains;
mod integration_responses;
mod integration_rules;
mod integrations;
mod mappings;
mod models;
mod piece;
mod route_responses;
mod route_settings;
mod routes;
mod routing_rules;
mod stages;
mod tags;
mod vpc_links;

pub(crate) use absent::ABSENT;
pub(crate) use authorizers::http_authorizer;
pub(crate) use checks::{domain_name, mapping_key, stage_variables, tags as tags_allowed};
pub(crate) use domains::certificate;
pub(crate) use integrations::integration;
pub(crate) use tags::{show as show_tags, tag, untag};

use model::{Api, Config, Cors, HttpContent, ResourceKind};

use crate::{
    call::Call,
    document::Document,
    operation::{Operation, read, write},
    refusal::Refusal,
};

/// Every operation, those that are refused by name last.
pub(crate) const TABLES: &[&[Operation]] = &[
    OPERATIONS,
    integrations::OPERATIONS,
    integration_responses::OPERATIONS,
    routes::OPERATIONS,
    route_responses::OPERATIONS,
    authorizers::OPERATIONS,
    models::OPERATIONS,
    stages::OPERATIONS,
    route_settings::OPERATIONS,
    routing_rules::OPERATIONS,
    vpc_links::OPERATIONS,
];

const OPERATIONS: &[Operation] = &[
    read("GetApis", "/v2/apis", apis::list),
    write("CreateApi", "POST", "/v2/apis", apis::create),
    write("ImportApi", "PUT", "/v2/apis", definitions::import),
    write(
        "ReimportApi",
        "PUT",
        "/v2/apis/{api}",
        definitions::reimport,
    ),
    read(
        "ExportApi",
        "/v2/apis/{api}/exports/{specification}",
        definitions::export,
    ),
    read("GetApi", "/v2/apis/{api}", apis::show),
    write("UpdateApi", "PATCH", "/v2/apis/{api}", apis::update),
    write("DeleteApi", "DELETE", "/v2/apis/{api}", apis::delete),
    write(
        "DeleteCorsConfiguration",
        "DELETE",
        "/v2/apis/{api}/cors",
        apis::delete_cors,
    ),
    read(
        "GetDeployments",
        "/v2/apis/{api}/deployments",
        deployments::list,
    ),
    write(
        "CreateDeployment",
        "POST",
        "/v2/apis/{api}/deployments",
        deployments::create,
    ),
    read(
        "GetDeployment",
        "/v2/apis/{api}/deployments/{id}",
        deployments::show,
    ),
    write(
        "UpdateDeployment",
        "PATCH",
        "/v2/apis/{api}/deployments/{id}",
        deployments::update,
    ),
    write(
        "DeleteDeployment",
        "DELETE",
        "/v2/apis/{api}/deployments/{id}",
        deployments::delete,
    ),
    read("GetDomainNames", "/v2/domainnames", domains::list),
    write(
        "CreateDomainName",
        "POST",
        "/v2/domainnames",
        domains::create,
    ),
    read("GetDomainName", "/v2/domainnames/{domain}", domains::show),
    write(
        "UpdateDomainName",
        "PATCH",
        "/v2/domainnames/{domain}",
        domains::update,
    ),
    write(
        "DeleteDomainName",
        "DELETE",
        "/v2/domainnames/{domain}",
        domains::delete,
    ),
    read(
        "GetApiMappings",
        "/v2/domainnames/{domain}/apimappings",
        mappings::list,
    ),
    write(
        "CreateApiMapping",
        "POST",
        "/v2/domainnames/{domain}/apimappings",
        mappings::create,
    ),
    read(
        "GetApiMapping",
        "/v2/domainnames/{domain}/apimappings/{id}",
        mappings::show,
    ),
    write(
        "UpdateApiMapping",
        "PATCH",
        "/v2/domainnames/{domain}/apimappings/{id}",
        mappings::update,
    ),
    write(
        "DeleteApiMapping",
        "DELETE",
        "/v2/domainnames/{domain}/apimappings/{id}",
        mappings::delete,
    ),
    read("GetTags", "/v2/tags/{arn+}", tags::show),
    write("TagResource", "POST", "/v2/tags/{arn+}", tag),
    write("UntagResource", "DELETE", "/v2/tags/{arn+}", untag),
];

/// The API `id`; REST APIs do not exist as far as v2 goes.
fn api<'c>(config: &'c Config, id: &str) -> Result<&'c Api, Refusal> {
    let found = config.apis.get(id).map(|api| &**api);
    let found = found.filter(|api| api.v2_content().is_some());
    found.ok_or_else(|| Refusal::not_found(ResourceKind::Api, id))
}

/// What can be edited of the API `id`.
fn content<'c>(config: &'c Config, id: &str) -> Result<&'c HttpContent, Refusal> {
    let found = config.apis.get(id).and_then(|api| api.v2_content());
    found.ok_or_else(|| Refusal::not_found(ResourceKind::Api, id))
}

/// Refuses HTTP APIs what only WebSocket APIs have.
fn socket_only(call: &Call<'_>, what: &str) -> Result<(), Refusal> {
    if route_settings::is_socket(call)? {
        return Ok(());
    }
    Err(Refusal::bad(format!(
        "{what} are supported only for WebSocket APIs"
    )))
}

/// A text of a document, or what was there before when the document does not speak of it; an empty
/// one takes it away.
fn kept(
    document: &Document,
    name: &str,
    before: Option<String>,
) -> Result<Option<String>, Refusal> {
    let given = document.sized(name, 0, TEXT_MAX)?;
    Ok(given.map_or(before, |text| apis::present(Some(text))))
}

/// One of some words. Amazon's second version has but one exception for what is wrong with a
/// request.
fn word<T>(
    document: &Document,
    name: &str,
    parse: fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<Option<T>, Refusal> {
    document
        .word(name, parse, words)
        .map_err(|refusal| match refusal {
            Refusal::Validation(text) => Refusal::BadRequest(text),
            other => other,
        })
}

/// Longest text of fields that have no bound of their own, as at Amazon.
const TEXT_MAX: usize = 2_048;

/// `corsConfiguration` of a document.
pub(crate) fn cross_origin(document: &Document) -> Result<Option<Cors>, Refusal> {
    cors::read(document)
}
