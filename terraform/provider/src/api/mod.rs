//! APIs and what belongs to them: resources, data sources and functions.

mod access_key;
mod api_stage;
mod certificates;
mod client_certificate;
mod connectors;
mod data;
mod definition;
mod deployment;
mod documentation;
mod domain_name;
mod functions;
mod http_api;
mod keys;
mod links;
mod mappings;
mod methods;
mod policy;
mod priors;
mod rdata;
mod rest_api;
mod rest_parts;
mod routes;
mod routing;
mod settings;
mod sockets;
mod stage;
mod table;
mod zones;

use self::table::Shown;
use crate::{
    cty::Value,
    framework::{DataSource, Function, Note, Path, Resource},
};

pub(crate) fn resources() -> Vec<Box<dyn Resource>> {
    let families = [
        rest_api::all(),
        http_api::all(),
        deployment::all(),
        stage::all(),
        methods::all(),
        rest_parts::all(),
        routes::all(),
        sockets::all(),
        api_stage::all(),
        certificates::all(),
        client_certificate::all(),
        domain_name::all(),
        mappings::all(),
        routing::all(),
        links::all(),
        documentation::all(),
        settings::all(),
        priors::all(),
        keys::all(),
        access_key::all(),
        zones::all(),
    ];
    families.into_iter().flatten().collect()
}

/// A check that a write-only value comes with the number that says when it has changed.
fn paired(
    value: &'static str,
    version: &'static str,
) -> impl Fn(&Value) -> Vec<Note> + Send + Sync {
    move |config| {
        let lone = config.attribute(value).is_set() && config.attribute(version).is_null();
        let detail = format!(
            "{value} is never stored, so that Terraform cannot see whether it has changed: give \
             {version} too, and another number whenever {value} changes."
        );
        let note = || Note::error("A version is missing", detail).at(Path::of(version));
        lone.then(note).into_iter().collect()
    }
}

pub(crate) fn data_sources() -> Vec<Box<dyn DataSource>> {
    let families = [data::all(), connectors::all(), shown()];
    families.into_iter().flatten().collect()
}

/// What is a resource too, to be looked up by its place.
fn shown() -> Vec<Box<dyn DataSource>> {
    let sources = [
        (stage::stage(), "A stage of a REST API."),
        (api_stage::stage(), "A stage of an HTTP or WebSocket API."),
        (domain_name::piece(), "A custom domain name."),
        (certificates::certificate(), "A certificate."),
        (links::vpc_link(), "A VPC link of REST APIs."),
        (
            links::api_vpc_link(),
            "A VPC link of HTTP and WebSocket APIs.",
        ),
        (links::private_endpoint(), "A private endpoint."),
    ];
    let sources = sources.into_iter();
    let sources = sources.map(|(piece, description)| -> Box<dyn DataSource> {
        Box::new(Shown { piece, description })
    });
    sources.collect()
}

pub(crate) fn functions() -> Vec<Box<dyn Function>> {
    functions::all()
}
