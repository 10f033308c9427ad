//! API Gateway v2: HTTP APIs, custom domains and tags in Amazon's shapes.
//!
//! One file per kind of resource: its JSON shape, and its operations as pure functions from a call
//! to an answer or to changes.

mod absent;
mod apis;
mod checks;
mod cors;
mod deployments;
mod domains;
mod integrations;
mod mappings;
mod routes;
mod stages;
mod tags;

pub(crate) use absent::ABSENT;
pub(crate) use checks::{domain_name, mapping_key, stage_variables, tags as tags_allowed};
pub(crate) use domains::certificate;
pub(crate) use tags::{show as show_tags, tag, untag};

use model::{Api, ApiKind, Config, HttpApi, HttpContent, ResourceKind};

use crate::{
    operation::{Operation, read, write},
    refusal::Refusal,
};

/// What is supported.
pub(crate) const OPERATIONS: &[Operation] = &[
    read("GetApis", "/v2/apis", apis::list),
    write("CreateApi", "POST", "/v2/apis", apis::create),
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
        "GetIntegrations",
        "/v2/apis/{api}/integrations",
        integrations::list,
    ),
    write(
        "CreateIntegration",
        "POST",
        "/v2/apis/{api}/integrations",
        integrations::create,
    ),
    read(
        "GetIntegration",
        "/v2/apis/{api}/integrations/{id}",
        integrations::show,
    ),
    write(
        "UpdateIntegration",
        "PATCH",
        "/v2/apis/{api}/integrations/{id}",
        integrations::update,
    ),
    write(
        "DeleteIntegration",
        "DELETE",
        "/v2/apis/{api}/integrations/{id}",
        integrations::delete,
    ),
    read("GetRoutes", "/v2/apis/{api}/routes", routes::list),
    write(
        "CreateRoute",
        "POST",
        "/v2/apis/{api}/routes",
        routes::create,
    ),
    read("GetRoute", "/v2/apis/{api}/routes/{id}", routes::show),
    write(
        "UpdateRoute",
        "PATCH",
        "/v2/apis/{api}/routes/{id}",
        routes::update,
    ),
    write(
        "DeleteRoute",
        "DELETE",
        "/v2/apis/{api}/routes/{id}",
        routes::delete,
    ),
    read("GetStages", "/v2/apis/{api}/stages", stages::list),
    write(
        "CreateStage",
        "POST",
        "/v2/apis/{api}/stages",
        stages::create,
    ),
    read("GetStage", "/v2/apis/{api}/stages/{name}", stages::show),
    write(
        "UpdateStage",
        "PATCH",
        "/v2/apis/{api}/stages/{name}",
        stages::update,
    ),
    write(
        "DeleteStage",
        "DELETE",
        "/v2/apis/{api}/stages/{name}",
        stages::delete,
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
    http_api(config, id).map(|(api, _)| api)
}

/// The API `id` and what only HTTP APIs have.
fn http_api<'c>(config: &'c Config, id: &str) -> Result<(&'c Api, &'c HttpApi), Refusal> {
    let found = config.apis.get(id);
    found
        .and_then(|api| Some((&**api, http(api)?)))
        .ok_or_else(|| Refusal::not_found(ResourceKind::Api, id))
}

/// What only an HTTP API has.
const fn http(api: &Api) -> Option<&HttpApi> {
    match &api.kind {
        ApiKind::Http(http) => Some(http),
        ApiKind::Rest(_) => None,
    }
}

/// What can be edited of the API `id`.
fn content<'c>(config: &'c Config, id: &str) -> Result<&'c HttpContent, Refusal> {
    Ok(&http_api(config, id)?.1.content)
}
