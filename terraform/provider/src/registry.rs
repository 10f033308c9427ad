//! Everything that the provider has, family by family.

use crate::{api, framework::Registry};

pub(crate) fn registry() -> Registry {
    Registry::default()
        .resources(api::resources())
        .data_sources(api::data_sources())
        .functions(api::functions())
}
