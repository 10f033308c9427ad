//! API Gateway v1: REST APIs and what stands beside them, in Amazon's shapes.
//!
//! Answers are plain JSON whatever the `Accept` header asks for (HAL is not spoken), times are
//! seconds since 1970, lists are `item` and `position`. Each file holds a kind of thing: its table
//! of operations, its JSON, its patch rules. What all kinds share is in `kind`.

mod absent;
mod access_associations;
mod account;
mod api_keys;
mod authorizers;
mod checks;
mod client_certificates;
mod definitions;
mod deployments;
mod documentation;
mod documentation_import;
mod domains;
mod gateway_responses;
mod import_keys;
mod integration_responses;
mod integrations;
mod kind;
mod mappings;
mod methods;
mod models;
mod patch;
mod resources;
mod rest_apis;
mod stage_settings;
mod stages;
mod tags;
mod test_invoke;
mod usage;
mod usage_plan_keys;
mod usage_plans;
mod validators;
pub(crate) mod view;
mod vpc_links;

use crate::{call::Call, document::Document, operation::Operation};

/// Every operation. Files come before `rest_apis`, since importing an API is told from making one
/// by the query alone.
pub(crate) const TABLES: &[&[Operation]] = &[
    absent::OPERATIONS,
    access_associations::OPERATIONS,
    definitions::OPERATIONS,
    rest_apis::OPERATIONS,
    resources::OPERATIONS,
    methods::OPERATIONS,
    test_invoke::OPERATIONS,
    integrations::OPERATIONS,
    integration_responses::OPERATIONS,
    deployments::OPERATIONS,
    stages::OPERATIONS,
    models::OPERATIONS,
    validators::OPERATIONS,
    authorizers::OPERATIONS,
    gateway_responses::OPERATIONS,
    api_keys::OPERATIONS,
    usage_plans::OPERATIONS,
    usage_plan_keys::OPERATIONS,
    usage::OPERATIONS,
    domains::OPERATIONS,
    mappings::OPERATIONS,
    tags::OPERATIONS,
    account::OPERATIONS,
    client_certificates::OPERATIONS,
    vpc_links::OPERATIONS,
    documentation::OPERATIONS,
    documentation_import::OPERATIONS,
];

/// What Amazon's refusals call the request of an operation, such as `createRestApiInput`.
fn input_name(operation: &str) -> String {
    let mut name = format!("{operation}Input");
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

/// The request's document, called so.
fn input(call: &Call<'_>) -> Document {
    call.document
        .called(format!("{}.", input_name(call.operation)))
}
