//! Everything that the provider has, family by family.

use crate::{api, cluster, framework::Registry};

pub(crate) fn registry() -> Registry {
    Registry::default()
        .resources(api::resources())
        .resources(cluster::resources())
        .data_sources(api::data_sources())
        .data_sources(cluster::data_sources())
        .ephemerals(cluster::ephemerals())
        .functions(api::functions())
}
