//! APIs and what belongs to them: resources, data sources and functions.

mod api_stage;
mod data;
mod definition;
mod deployment;
mod domains;
mod functions;
mod http_api;
mod keys;
mod methods;
mod rdata;
mod rest_api;
mod rest_parts;
mod routes;
mod stage;
mod table;
mod zones;

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
        api_stage::all(),
        domains::all(),
        keys::all(),
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
    data::all()
}

pub(crate) fn functions() -> Vec<Box<dyn Function>> {
    functions::all()
}
