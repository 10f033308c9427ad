//! Compiles the messages of Terraform's plugin protocol; needs no tool outside of cargo.
//!
//! It makes servers only: nothing here is a client of another plugin.

use std::error::Error;

const FILES: [&str; 3] = [
    "proto/provider.proto",
    "proto/plugin.proto",
    "proto/health.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let files = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .btree_map(".")
        .compile_fds(files)?;
    Ok(())
}
