//! `terraform-provider-edgeway`: Terraform's plugin for Edgeway clusters and the APIs on them.
//!
//! Only wires: the plugin protocol lives beside it. It holds no state of its own between runs.

mod api;
mod client;
mod cluster;
mod cty;
mod docs;
mod framework;
mod plugin;
mod registry;
mod session;

/// The messages of Terraform's protocol, generated from `proto/provider.proto`.
mod pb {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::pedantic,
        clippy::nursery,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("tfplugin6");
}

use std::{env, path::Path, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let registry = registry::registry();
    match arguments.as_slice() {
        ["--docs", folder] => match docs::write(&registry, Path::new(folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                plugin::log::error(&error.to_string());
                ExitCode::FAILURE
            }
        },
        arguments => {
            let reattach = arguments.contains(&"--reattach");
            plugin::run(framework::Provider::new(registry), reattach).await
        }
    }
}
